/* The destinations of messages: every combination of COI-44 to COI-50. */
#include "coi/route.h"

#include "store/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct coi_route route(bool enabled, enum coi_filter filter, bool chat, bool user_rule, uint32_t flags)
{
	return coi_route(
		(struct coi_state){ enabled, filter }, (struct coi_message){ chat, user_rule, flags });
}

static void other_mail_is_left_alone(void **state)
{
	(void)state;
	for (int enabled = 0; enabled < 2; enabled++) {
		for (int filter = COI_FILTER_NONE; filter <= COI_FILTER_SEEN; filter++) {
			struct coi_route r = route(enabled, (enum coi_filter)filter, false, false, MSG_SEEN);
			assert_false(r.to_chats);
			assert_false(r.keyword);
			assert_int_equal(r.flags, MSG_SEEN);
		}
	}
}

static void chat_messages_are_remembered_as_such_but_nothing_more_while_it_is_disabled(void **state)
{
	(void)state;
	for (int filter = COI_FILTER_NONE; filter <= COI_FILTER_SEEN; filter++) {
		struct coi_route r = route(false, (enum coi_filter)filter, true, false, 0);
		assert_false(r.to_chats);
		assert_false(r.keyword);
		assert_int_equal(r.flags, MSG_CHAT);
	}
}

static void every_mode_gives_the_keyword(void **state)
{
	(void)state;
	for (int filter = COI_FILTER_NONE; filter <= COI_FILTER_SEEN; filter++) {
		for (int rule = 0; rule < 2; rule++) {
			struct coi_route r = route(true, (enum coi_filter)filter, true, rule, MSG_FLAGGED);
			assert_true(r.keyword);
			assert_int_equal(r.flags, MSG_FLAGGED | MSG_CHAT);
		}
	}
}

static void active_moves_all_and_seen_what_has_been_seen(void **state)
{
	(void)state;
	assert_false(route(true, COI_FILTER_NONE, true, false, MSG_SEEN).to_chats);
	assert_true(route(true, COI_FILTER_ACTIVE, true, false, 0).to_chats);
	assert_true(route(true, COI_FILTER_ACTIVE, true, false, MSG_SEEN).to_chats);
	assert_false(route(true, COI_FILTER_SEEN, true, false, 0).to_chats);
	assert_true(route(true, COI_FILTER_SEEN, true, false, MSG_SEEN | MSG_FLAGGED).to_chats);
	assert_false(route(true, COI_FILTER_SEEN, true, false, MSG_SEEN | MSG_DELETED).to_chats);
}

static void what_the_user_has_chosen_stays(void **state)
{
	(void)state;
	assert_false(route(true, COI_FILTER_ACTIVE, true, true, 0).to_chats);
	assert_false(route(true, COI_FILTER_SEEN, true, true, MSG_SEEN).to_chats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_mail_is_left_alone),
		cmocka_unit_test(chat_messages_are_remembered_as_such_but_nothing_more_while_it_is_disabled),
		cmocka_unit_test(every_mode_gives_the_keyword),
		cmocka_unit_test(active_moves_all_and_seen_what_has_been_seen),
		cmocka_unit_test(what_the_user_has_chosen_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
