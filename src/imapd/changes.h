/*
 * Takes in the change lists that the store publishes on a reactor: gives them to the views of the sessions
 * that they concern, and claims \Recent of new messages for one of those sessions. On the reactor's thread.
 */
#ifndef COID_IMAPD_CHANGES_H
#define COID_IMAPD_CHANGES_H

#include "imapd/hub.h"

/* Makes the hub's sink, which sessions hand to the store, and its `settled`. */
void changes_init(struct hub *hub);

#endif
