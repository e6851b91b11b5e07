/*
 * Finds the control socket of the daemon.
 */
#include "coidctl/coidctl.h"
#include "conf/conf.h"

#include <stdio.h>

void place_control(const char *config, char *ret_path, size_t room, struct buf *ret_errors)
{
	struct conf *conf = NULL;

	snprintf(ret_path, room, "%s", DEFAULT_SOCKET);
	if (conf_load(conf_path(config), NULL, 0, ret_errors, &conf) == RC_OK)
		snprintf(ret_path, room, "%s", conf->control.socket);
	conf_free(&conf);
}
