/*
 * The protocol of the control socket, between coidctl and the daemon; one request per connection.
 *
 *   request:  "coid1 <arguments> <payload octets>\n", then each argument as "<octets>:<bytes>,",
 *             then the payload
 *   answer:   any number of "o <text>\n" (for standard output) and "e <text>\n" (for standard error),
 *             then "x <exit status>\n"
 *
 * The payload is text that coidctl read for the verb: a password line, or the file of an import.
 */
#ifndef COID_ADMIN_PROTOCOL_H
#define COID_ADMIN_PROTOCOL_H

#define PROTOCOL_MAGIC "coid1 "
#define PROTOCOL_HEAD_MAX 64 /* octets of the first line, without its end */
#define PROTOCOL_SIZE_MAX 8 /* digits of an argument's octets */
#define PROTOCOL_ARGS_MAX 64
#define PROTOCOL_ARG_MAX 4096 /* octets of an argument */
#define PROTOCOL_PAYLOAD_MAX (64u << 20) /* octets */

/* Exit statuses, after sysexits.h. */
#define PROTOCOL_OK 0
#define PROTOCOL_FAILED 1
#define PROTOCOL_USAGE 64
#define PROTOCOL_UNREACHABLE 69

#endif
