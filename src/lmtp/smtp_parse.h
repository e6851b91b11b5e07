/*
 * Commands, paths and parameters of RFC 5321 as bytes; pure.
 */
#ifndef COID_LMTP_SMTP_PARSE_H
#define COID_LMTP_SMTP_PARSE_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define SMTP_PATH_MAX 512
#define SMTP_PARAMS_MAX 8

/* "<local@domain>", "<>" (null path), "<@route:local@domain>"; quoted local parts are unquoted into `ret_local`. */
struct smtp_path {
	char local[SMTP_PATH_MAX + 1];
	char domain[SMTP_PATH_MAX + 1];
	bool null;
	bool utf8; /* has octets beyond ASCII: needs SMTPUTF8 */
};

struct smtp_param {
	struct strv name;
	struct strv value; /* p NULL: none */
};

/* Takes the path off *in. RC_INVALID: syntax; RC_LIMIT: too long. `postmaster` without domain is allowed if `rcpt`. */
enum rc smtp_path_parse(struct strv *in, bool rcpt, struct smtp_path *ret_path) MUST_CHECK;
/* " NAME=value NAME": RC_INVALID for syntax, RC_LIMIT for more than SMTP_PARAMS_MAX. */
enum rc smtp_params_parse(struct strv in, struct smtp_param *ret_params, unsigned *ret_count) MUST_CHECK;

#endif
