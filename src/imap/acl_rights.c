/*
 * Reads and prints the letters of rights (RFC 4314).
 */
#include "imap/acl_rights.h"

static unsigned right_of(char letter)
{
	switch (letter) {
	case 'l':
		return ACL_LOOKUP;
	case 'r':
		return ACL_READ;
	case 's':
		return ACL_SEEN;
	case 'w':
		return ACL_WRITE;
	case 'i':
		return ACL_INSERT;
	case 'p':
		return ACL_POST;
	case 'k':
		return ACL_CREATE;
	case 'x':
		return ACL_DELETE_MAILBOX;
	case 't':
		return ACL_DELETE_MESSAGES;
	case 'e':
		return ACL_EXPUNGE;
	case 'a':
		return ACL_ADMINISTER;
	case 'c':
		return ACL_CREATE | ACL_DELETE_MAILBOX;
	case 'd':
		return ACL_DELETE_MESSAGES | ACL_EXPUNGE;
	default:
		return 0;
	}
}

bool acl_change_parse(struct strv text, struct acl_change *ret_change)
{
	struct acl_change change = { .mode = '=' };

	if (text.n > 0 && (text.p[0] == '+' || text.p[0] == '-')) {
		change.mode = text.p[0];
		text = strv_sub(text, 1, text.n);
	}
	for (size_t i = 0; i < text.n; i++) {
		unsigned right = right_of(text.p[i]);
		if (right == 0)
			return false;
		change.rights |= right;
	}
	*ret_change = change;
	return true;
}

unsigned acl_change_apply(struct acl_change change, unsigned rights)
{
	switch (change.mode) {
	case '+':
		return rights | change.rights;
	case '-':
		return rights & ~change.rights;
	default:
		return change.rights;
	}
}
