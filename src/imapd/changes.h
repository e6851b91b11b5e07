/*
 * Where change lists of the store arrive on a reactor. On the reactor's thread.
 */
#ifndef COID_IMAPD_CHANGES_H
#define COID_IMAPD_CHANGES_H

#include "imapd/hub.h"

/* Makes the hub's sink, which sessions hand to the store, and its `settled`. */
void changes_init(struct hub *hub);

#endif
