/* Decides whether a new message goes to ROOT/Chats. */
#include "coi/route.h"

#include "store/message.h"

static bool route_filtered(enum coi_filter filter, uint32_t flags)
{
	switch (filter) {
	case COI_FILTER_NONE:
		return false;
	case COI_FILTER_ACTIVE:
		return true;
	case COI_FILTER_SEEN:
		break;
	}
	return (flags & (MSG_SEEN | MSG_DELETED)) == MSG_SEEN;
}

struct coi_route coi_route(struct coi_state state, struct coi_message message)
{
	struct coi_route route = { .flags = message.flags };

	if (!message.chat)
		return route;
	/* The kind of a message does not depend on the present settings. */
	route.flags |= MSG_CHAT;
	if (!state.enabled)
		return route;
	route.keyword = true;
	route.to_chats = !message.user_rule && route_filtered(state.filter, message.flags);
	return route;
}
