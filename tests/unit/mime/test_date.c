#include "mime/header.h"

#include "mime_test.h"

#include <time.h>

static void assert_date(const char *value, int64_t seconds, int zone)
{
	int64_t got = 0;
	int minutes = 0;
	assert_int_equal(mime_date_parse(strv_cstr(value), &got, &minutes), RC_OK);
	assert_int_equal(got, seconds);
	assert_int_equal(minutes, zone);
}

static void assert_no_date(const char *value)
{
	int64_t got = 0;
	int minutes = 0;
	assert_int_equal(mime_date_parse(strv_cstr(value), &got, &minutes), RC_INVALID);
}

static void dates_are_read(void **state)
{
	(void)state;
	assert_date("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0);
	assert_date(" Tue, 24 Nov 2026 03:42:21 +0100\r\n", 1795488141, 60);
	assert_date("24 Nov 2026 03:42:21 -0330", 1795488141 + 3600 + 210 * 60, -210);
	assert_date("24 nov 2026 3:42 GMT", 1795491741 - 21, 0);
	assert_date("29 Feb 2000 12:00:00 -0000", 951825600, 0);
	assert_date("31 Dec 1969 23:59:59 +0000", -1, 0);
	assert_date("1 Jan 1900 00:00:00 +0000", -2208988800, 0);
	assert_date("31 Dec 2016 23:59:60 +0000", 1483228800, 0);
}

static void obsolete_and_odd_dates_are_read(void **state)
{
	(void)state;
	assert_date("Tue (a), (b) 24 Nov (c(d)) 2026 03 : 42 : 21 +0100 (CET)", 1795488141, 60);
	assert_date("Tue 24-Nov-2026 03:42:21 +0100", 1795488141, 60);
	assert_date("24 November 2026 03:42:21 +0100", 1795488141, 60);
	assert_date("1 Jan 70 00:00:00 EST", 5 * 3600, -300);
	assert_date("1 Jan 49 00:00:00 Z", 2493072000, 0);
	assert_date("1 Jan 100 00:00:00 UT", 946684800, 0);
	assert_date("1 Jan 1970 00:00:00 PDT", 7 * 3600, -420);
	assert_date("1 Jan 1970 00:00:00 A", 0, 0);
	assert_date("1 Jan 1970 00:00:00", 0, 0);
}

/* Seconds from Python's datetime. */
static void dates_at_the_borders_are_read(void **state)
{
	(void)state;
	assert_date("1 Jan 0001 00:00:00 +0000", -62135596800, 0);
	assert_date("31 Dec 9999 23:59:59 +0000", 253402300799, 0);
	assert_date("19 Jan 2038 03:14:07 +0000", 2147483647, 0);
	assert_date("19 Jan 2038 03:14:08 +0000", 2147483648, 0);
	assert_date("7 Feb 2106 06:28:16 +0000", 4294967296, 0);
	assert_date("1 Jan 50 00:00:00 +0000", -631152000, 0);
	assert_date("1 Jan 00 00:00:00 +0000", 946684800, 0);
	assert_date("1 Jan 99 00:00:00 +0000", 915148800, 0);
	assert_date("1 Jan 000 00:00:00 +0000", -2208988800, 0);
	assert_date("29 Feb 2024 23:59:59 +0000", 1709251199, 0);
	assert_date("1 Mar 2100 00:00:00 +0000", 4107542400, 0);
	assert_no_date("29 Feb 2100 00:00:00 +0000");
	assert_date("1 Jan 1970 00:00:00 +2359", -86340, 1439);
	assert_date("1 Jan 1970 00:00:00 -2359", 86340, -1439);
	assert_date("1 Jan 1970 00:00:00 +0059", -3540, 59);
}

static void what_is_no_date_is_refused(void **state)
{
	(void)state;
	static const char *const broken[] = { "", "x", "Tue,", "24 Nov", "24 Nov 2026", "24 Nov 2026 03",
		"24 Foo 2026 03:42:21 +0000", "0 Nov 2026 03:42:21 +0000", "31 Nov 2026 03:42:21 +0000",
		"29 Feb 1900 03:42:21 +0000", "29 Feb 2027 03:42:21 +0000", "24 Nov 2026 24:00:00 +0000",
		"24 Nov 2026 03:60:00 +0000", "24 Nov 2026 03:42:61 +0000", "24 Nov 2026 03:42:21 +00",
		"24 Nov 2026 03:42:21 +0060", "24 Nov 2026 03:42:21 +2400", "24 Nov 2026 03:42:21 +00000",
		"24 Nov 99999 03:42:21 +0000", "24 Nov 1 03:42:21 +0000", "24 Nov 0000 03:42:21 +0000",
		"Nov 24 2026 03:42:21", "24 Nov 2026 03:42: +0000" };
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_no_date(broken[i]);
}

static void assert_sent(const char *value, int64_t seconds, int zone)
{
	int64_t got = 0;
	int minutes = 1;
	assert_int_equal(mime_date_sent(strv_cstr(value), &got, &minutes), RC_OK);
	assert_int_equal(got, seconds);
	assert_int_equal(minutes, zone);
}

/* RFC 5256 section 2.2 */
static void a_sent_date_needs_a_day_only(void **state)
{
	(void)state;
	static const char *const broken[] = { "", "x", "Tue,", "24 Nov", "24 Foo 2026 03:42:21 +0000",
		"31 Nov 2026 03:42:21 +0000", "0 Nov 2026", "29 Feb 2027", "Nov 24 2026 03:42:21" };
	assert_sent("31 Dec 2000 16:01:33 -0800", 978307293, -480);
	assert_sent("1 Jan 2001 00:01:33 +0000", 978307293, 0);
	assert_sent("1 Jan 2001 00:01:33 +2400", 978307293, 0);
	assert_sent("1 Jan 2001 00:01:33 +00", 978307293, 0);
	assert_sent("1 Jan 2001 00:01:33 XYZ", 978307293, 0);
	assert_sent("1 Jan 2001 24:01:33 +0100", 978307200, 0);
	assert_sent("1 Jan 2001 noon", 978307200, 0);
	assert_sent("1 Jan 2001", 978307200, 0);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		int64_t got;
		int minutes;
		assert_int_equal(mime_date_sent(strv_cstr(broken[i]), &got, &minutes), RC_INVALID);
	}
}

/* The calendar of the C library knows the same days. */
static void every_day_of_the_calendar_agrees(void **state)
{
	(void)state;
	for (int64_t day = -40000; day < 60000; day += 13) {
		char text[64];
		time_t seconds = (time_t)(day * 86400);
		struct tm tm;
		assert_non_null(gmtime_r(&seconds, &tm));
		assert_true(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) > 0);
		assert_date(text, day * 86400, 0);
	}
}

static void a_zone_has_hours_and_minutes(void **state)
{
	(void)state;
	for (int number = 0; number <= 9999; number++) {
		char text[64];
		int minutes = number / 100 * 60 + number % 100;
		for (int sign = -1; sign <= 1; sign += 2) {
			snprintf(text, sizeof(text), "1 Jan 1970 00:00:00 %c%04d", sign < 0 ? '-' : '+',
				number);
			if (number % 100 <= 59 && number / 100 <= 23)
				assert_date(text, -sign * minutes * 60, sign * minutes);
			else
				assert_no_date(text);
		}
	}
	assert_no_date("1 Jan 1970 00:00:00 +000");
	assert_no_date("1 Jan 1970 00:00:00 +00000");
}

static void assert_time(const char *time, bool valid)
{
	char text[64];
	int64_t seconds;
	int zone;
	snprintf(text, sizeof(text), "1 Jan 1970 %s +0000", time);
	assert_int_equal(mime_date_parse(strv_cstr(text), &seconds, &zone), valid ? RC_OK : RC_INVALID);
}

static void times_and_years_end_at_their_border(void **state)
{
	(void)state;
	assert_time("00:00:00", true);
	assert_time("23:59:60", true);
	assert_time("24:00:00", false);
	assert_time("23:60:00", false);
	assert_time("23:59:61", false);
	assert_time("0:0:0", true);
	assert_no_date("0 Jan 1970 00:00:00 +0000");
	assert_no_date("32 Jan 1970 00:00:00 +0000");
	assert_no_date("31 Apr 1970 00:00:00 +0000");
	assert_no_date("29 Feb 1900 00:00:00 +0000");
	assert_date("1 Jan 0001 00:00:00 +0000", -62135596800, 0);
	assert_no_date("1 Jan 0000 00:00:00 +0000");
	assert_no_date("1 Jan 7 00:00:00 +0000");
	assert_no_date("1 Jan 10000 00:00:00 +0000");
	assert_no_date("1 Jan 100000 00:00:00 +0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(obsolete_and_odd_dates_are_read),
		cmocka_unit_test(dates_at_the_borders_are_read),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(a_sent_date_needs_a_day_only),
		cmocka_unit_test(every_day_of_the_calendar_agrees),
		cmocka_unit_test(a_zone_has_hours_and_minutes),
		cmocka_unit_test(times_and_years_end_at_their_border),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
