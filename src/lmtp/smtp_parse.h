/*
 * Paths and parameters of MAIL and RCPT (RFC 5321 sections 4.1.2 and 4.1.1.11). Pure; copies a path,
 * parameters are views of the input.
 */
#ifndef COID_LMTP_SMTP_PARSE_H
#define COID_LMTP_SMTP_PARSE_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Octets of local part and domain together, unquoted. RFC 5321 section 4.5.3.1 demands 256 with the brackets.
 */
#define SMTP_PATH_MAX 512
/*
 * The size of an address as it was given, with NUL: each octet of the local part may be escaped, between
 * quotes; then comes "@".
 */
#define SMTP_ADDRESS_ROOM (2 * SMTP_PATH_MAX + 4)
#define SMTP_PARAMS_MAX 8

/*
 * "<local@domain>", "<>" (null path) or "<@route:local@domain>"; a quoted local part is kept without its
 * quotes.
 */
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

/*
 * Takes the path off *in. RC_INVALID: syntax error. RC_LIMIT: too long. `rcpt`: "postmaster" may lack its
 * domain, and the null path is an error.
 */
enum rc smtp_path_parse(struct strv *in, bool rcpt, struct smtp_path *ret_path) MUST_CHECK;
/* Parses " NAME=value NAME". RC_INVALID: syntax error. RC_LIMIT: more than SMTP_PARAMS_MAX. */
enum rc smtp_params_parse(struct strv in, struct smtp_param *ret_params, unsigned *ret_count) MUST_CHECK;

#endif
