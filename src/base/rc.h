/*
 * The error type of the project. The code that knows the cause writes the log line, once; callers pass the
 * error on, and imapd and lmtp map it to protocol text in one table each.
 */
#ifndef COID_BASE_RC_H
#define COID_BASE_RC_H

enum rc {
	RC_OK = 0,
	RC_AGAIN, /* not an error: more input or another turn is needed */
	RC_NOT_FOUND, /* no such mailbox, message, user, entry */
	RC_EXISTS, /* it exists already */
	RC_PERM, /* not allowed */
	RC_READONLY, /* mailbox or store is opened read-only */
	RC_QUOTA, /* the account is over its quota */
	RC_LIMIT, /* a configured limit was hit */
	RC_INVALID, /* the request makes no sense: syntax, name, value */
	RC_CANNOT, /* well-formed, but can never succeed (IMAP [CANNOT]) */
	RC_INUSE, /* held by someone else */
	RC_GONE, /* it was there and has been removed meanwhile */
	RC_BUSY, /* a queue is full: try again later */
	RC_NOSPACE, /* the disk is full */
	RC_CORRUPT, /* stored data are damaged */
	RC_IO, /* the disk or the network failed */
	RC_UNAVAILABLE, /* that part is out of service for now */
	RC_AUTH, /* wrong credentials */
	RC_EXPIRED, /* password or account is no longer valid */
	RC_CANCELLED, /* dropped at shutdown */
	RC_ENCODING, /* a content transfer encoding that is not known, or does not fit the bytes */
	RC_MAX
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short constant word for logs: "ok", "not-found", ... Never NULL. */
const char *rc_name(enum rc rc);

#endif
