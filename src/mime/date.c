/* RFC 5322 date-time: "[Tue,] 24 Nov 2026 03:42[:21] +0100", comments anywhere, the obsolete forms. */
#include "mime/header.h"

#include "base/clock.h"
#include "base/str.h"
#include "mime/mime_priv.h"

struct date {
	int64_t year;
	int64_t month; /* from 0 */
	int64_t day;
	int64_t hour;
	int64_t minute;
	int64_t second;
	int zone;
};

/* Takes up to four digits; -1: there are none or too many. */
static int64_t date_take_number(struct mime_lex *lex, size_t *ret_digits)
{
	int64_t number = 0;
	size_t digits = 0;
	mime_lex_cfws(lex);
	while (lex->p < lex->end && *lex->p >= '0' && *lex->p <= '9' && digits < 5) {
		number = number * 10 + (*lex->p++ - '0');
		digits++;
	}
	*ret_digits = digits;
	return digits > 0 && digits <= 4 ? number : -1;
}

static struct strv take_letters(struct mime_lex *lex)
{
	mime_lex_cfws(lex);
	const char *start = lex->p;
	while (lex->p < lex->end && str_lower(*lex->p) >= 'a' && str_lower(*lex->p) <= 'z')
		lex->p++;
	return strv_make(start, (size_t)(lex->p - start));
}

static bool take_char(struct mime_lex *lex, char c)
{
	mime_lex_cfws(lex);
	if (lex->p == lex->end || *lex->p != c)
		return false;
	lex->p++;
	return true;
}

static bool take_day(struct mime_lex *lex, struct date *date)
{
	size_t digits;
	if (take_letters(lex).n > 0)
		take_char(lex, ',');
	date->day = date_take_number(lex, &digits);
	take_char(lex, '-');
	date->month = clock_month_number(take_letters(lex));
	take_char(lex, '-');
	date->year = date_take_number(lex, &digits);
	if (date->day < 1 || date->month < 0 || date->year < 0)
		return false;
	/* RFC 5322 section 4.3 */
	if (digits == 2)
		date->year += date->year < 50 ? 2000 : 1900;
	else if (digits == 3)
		date->year += 1900;
	return digits >= 2 && date->year >= 1;
}

static bool take_time(struct mime_lex *lex, struct date *date)
{
	size_t digits;
	date->hour = date_take_number(lex, &digits);
	if (!take_char(lex, ':'))
		return false;
	date->minute = date_take_number(lex, &digits);
	date->second = 0;
	if (take_char(lex, ':'))
		date->second = date_take_number(lex, &digits);
	return date->hour >= 0 && date->hour <= 23 && date->minute >= 0 && date->minute <= 59 &&
	       date->second >= 0 && date->second <= 60;
}

static int named_zone(struct strv name)
{
	static const struct {
		struct strv name;
		int minutes;
	} zones[] = {
		{ { "EST", 3 }, -300 },
		{ { "EDT", 3 }, -240 },
		{ { "CST", 3 }, -360 },
		{ { "CDT", 3 }, -300 },
		{ { "MST", 3 }, -420 },
		{ { "MDT", 3 }, -360 },
		{ { "PST", 3 }, -480 },
		{ { "PDT", 3 }, -420 },
	};
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (strv_ieq(name, zones[i].name))
			return zones[i].minutes;
	/* UT, GMT, Z. Military letters and unknown names give no offset either. */
	return 0;
}

/* False: it is a number but no zone. A missing zone is UTC. */
static bool take_zone(struct mime_lex *lex, struct date *date)
{
	size_t digits;
	date->zone = 0;
	mime_lex_cfws(lex);
	bool minus = lex->p < lex->end && *lex->p == '-';
	if (!minus && (lex->p == lex->end || *lex->p != '+')) {
		date->zone = named_zone(take_letters(lex));
		return true;
	}
	lex->p++;
	int64_t number = date_take_number(lex, &digits);
	if (digits != 4 || number % 100 > 59 || number / 100 > 23)
		return false;
	date->zone = (int)(number / 100 * 60 + number % 100);
	if (minus)
		date->zone = -date->zone;
	return true;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_days(const struct date *date)
{
	static const int64_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return days[date->month] + (date->month == 1 && is_leap(date->year));
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t days_of(const struct date *date)
{
	int64_t before = date->year - 1;
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
	for (struct date d = *date; d.month-- > 0;)
		days += month_days(&d);
	return days + date->day - 1;
}

static void date_tell(const struct date *date, int64_t *ret_seconds, int *ret_zone_minutes)
{
	*ret_seconds = days_of(date) * 86400 + date->hour * 3600 + date->minute * 60 + date->second -
		       (int64_t)date->zone * 60;
	*ret_zone_minutes = date->zone;
}

enum rc mime_date_parse(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes)
{
	struct mime_lex lex;
	struct date date;
	mime_lex_init(&lex, value);
	if (!take_day(&lex, &date) || !take_time(&lex, &date) || !take_zone(&lex, &date))
		return RC_INVALID;
	if (date.day > month_days(&date))
		return RC_INVALID;
	date_tell(&date, ret_seconds, ret_zone_minutes);
	return RC_OK;
}

enum rc mime_date_sent(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes)
{
	struct mime_lex lex;
	struct date date;
	mime_lex_init(&lex, value);
	if (!take_day(&lex, &date) || date.day > month_days(&date))
		return RC_INVALID;
	if (!take_time(&lex, &date))
		date.hour = date.minute = date.second = date.zone = 0;
	else if (!take_zone(&lex, &date))
		date.zone = 0;
	date_tell(&date, ret_seconds, ret_zone_minutes);
	return RC_OK;
}
