/* The destination, flags and keyword of a delivered message by COI-44 to COI-50. Pure. */
#ifndef COID_COI_ROUTE_H
#define COID_COI_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

enum coi_filter { COI_FILTER_NONE, COI_FILTER_ACTIVE, COI_FILTER_SEEN };

/* An account's settings. */
struct coi_state {
	bool enabled;
	enum coi_filter filter;
};

/* The facts about a message before it is stored. */
struct coi_message {
	bool chat; /* coi_detect */
	bool user_rule; /* the user has chosen its mailbox: a detail address, Sieve's fileinto */
	uint32_t flags; /* enum msg_flag, as rules have set them */
};

struct coi_route {
	bool to_chats; /* to ROOT/Chats instead of where it would be kept */
	bool keyword; /* gets $Chat */
	uint32_t flags; /* to be stored with it */
};

struct coi_route coi_route(struct coi_state state, struct coi_message message);

#endif
