/*
 * Dates of APPEND and SEARCH. Clients write the days 1 to 9 in different ways: "01", " 1" and "1" are the
 * same.
 */
#include "imap/parse.h"

#include "base/clock.h"

#include <string.h>

/* Reads n digits at `at` of v. */
static bool parse_digits_at(struct strv v, size_t at, size_t n, int *ret_number)
{
	if (v.n < at + n)
		return false;
	int number = 0;
	for (size_t i = at; i < at + n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		number = number * 10 + (v.p[i] - '0');
	}
	*ret_number = number;
	return true;
}

static bool parse_month_at(struct strv v, size_t at, int *ret_month)
{
	int month = clock_month_number(strv_sub(v, at, 3));

	if (month < 0)
		return false;
	*ret_month = month + 1;
	return true;
}

static bool parse_day_exists(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Reads "dd-Mon-yyyy", " d-Mon-yyyy" or "d-Mon-yyyy". Returns the number of bytes, or 0. */
static size_t parse_date_text(struct strv v, int *ret_year, int *ret_month, int *ret_day)
{
	size_t blank = v.n > 0 && v.p[0] == ' ' ? 1 : 0;
	size_t width = blank == 1 || (v.n > 1 && v.p[1] == '-') ? 1 : 2;
	size_t at = blank + width;
	if (!parse_digits_at(v, blank, width, ret_day) || v.n < at + 9 || v.p[at] != '-' ||
		v.p[at + 4] != '-')
		return 0;
	if (!parse_month_at(v, at + 1, ret_month) || !parse_digits_at(v, at + 5, 4, ret_year))
		return 0;
	return parse_day_exists(*ret_year, *ret_month, *ret_day) ? at + 9 : 0;
}

/* Tells whether v begins with "hh:mm:ss", and reads it. */
static bool parse_time_text(struct strv v, int *ret_hour, int *ret_minute, int *ret_second)
{
	if (!parse_digits_at(v, 0, 2, ret_hour) || !parse_digits_at(v, 3, 2, ret_minute) ||
		!parse_digits_at(v, 6, 2, ret_second))
		return false;
	return v.p[2] == ':' && v.p[5] == ':' && *ret_hour <= 23 && *ret_minute <= 59 && *ret_second <= 60;
}

/* Reads "+hhmm" as minutes east of UTC. */
static bool parse_zone_text(struct strv v, int *ret_zone)
{
	int hour, minute;
	if (v.n != 5 || (v.p[0] != '+' && v.p[0] != '-'))
		return false;
	if (!parse_digits_at(v, 1, 2, &hour) || !parse_digits_at(v, 3, 2, &minute) || hour > 23 ||
		minute > 59)
		return false;
	*ret_zone = (v.p[0] == '-' ? -1 : 1) * (hour * 60 + minute);
	return true;
}

/* Reads the text between the quotes. */
static bool parse_date_time_text(struct strv v, int64_t *ret_seconds, int16_t *ret_zone)
{
	int year, month, day, hour, minute, second, zone;
	size_t at = parse_date_text(v, &year, &month, &day);
	struct strv rest = strv_sub(v, at, v.n);
	if (at == 0 || rest.n != 15 || rest.p[0] != ' ' || rest.p[9] != ' ')
		return false;
	if (!parse_time_text(strv_sub(rest, 1, 8), &hour, &minute, &second) ||
		!parse_zone_text(strv_sub(rest, 10, 5), &zone))
		return false;
	*ret_seconds = clock_from_utc(year, month, day, hour, minute, second) - (int64_t)zone * 60;
	*ret_zone = (int16_t)zone;
	return true;
}

bool parse_date_time(struct parse *parse, int64_t *ret_seconds, int16_t *ret_zone)
{
	struct strv text;
	if (parse->failed)
		return false;
	if (!parse_peek(parse, '"') || !parse_string(parse, &text))
		return parse_fail(parse, "Date and time expected");
	return parse_date_time_text(text, ret_seconds, ret_zone) ||
	       parse_fail(parse, "Invalid date and time");
}

bool parse_date(struct parse *parse, int64_t *ret_day_start_utc)
{
	int year, month, day;
	if (parse->failed)
		return false;
	bool quoted = parse_skip(parse, '"');
	size_t length = parse_date_text(parse_rest(parse), &year, &month, &day);
	if (length == 0)
		return parse_fail(parse, "Invalid date");
	parse_advance(parse, length);
	if (quoted && !parse_char(parse, '"'))
		return false;
	*ret_day_start_utc = clock_from_utc(year, month, day, 0, 0, 0);
	return true;
}
