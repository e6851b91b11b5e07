#include "base/clock.h"

#include <string.h>
#include <time.h>
#include <stdatomic.h>
#include <stdlib.h>

#define US_PER_S 1000000
#define DAYS_PER_ERA 146097 /* 400 years */

/*
 * The fake time of the tests. It is a global, since code under test reads the clock anywhere and on any
 * thread. Outside the tests it stays 0.
 */
static _Atomic uint64_t fake_mono_us;
static _Atomic int64_t fake_wall_us;

static int64_t read_us(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
	uint64_t fake = atomic_load_explicit(&fake_mono_us, memory_order_relaxed);
	return fake ? fake : (uint64_t)read_us(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_us(void)
{
	if (atomic_load_explicit(&fake_mono_us, memory_order_relaxed) != 0)
		return atomic_load_explicit(&fake_wall_us, memory_order_relaxed);
	return read_us(CLOCK_REALTIME);
}

/* Rounds down, also before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t clock_wall(void)
{
	return floor_div(clock_wall_us(), US_PER_S);
}

void clock_fake_set(uint64_t mono_ms, int64_t wall_seconds)
{
	atomic_store(&fake_wall_us, mono_ms ? wall_seconds * US_PER_S : 0);
	atomic_store(&fake_mono_us, mono_ms * 1000);
}

void clock_fake_advance(uint64_t ms)
{
	if (atomic_load(&fake_mono_us) == 0)
		return;
	atomic_fetch_add(&fake_wall_us, (int64_t)ms * 1000);
	atomic_fetch_add(&fake_mono_us, ms * 1000);
}

/* Years that begin in March put the leap day last, so that month lengths follow one linear rule. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year += floor_div(month - 1, 12);
	month -= floor_div(month - 1, 12) * 12;
	if (month <= 2)
		year--;
	int64_t era = floor_div(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * DAYS_PER_ERA + day_of_era - 719468;
}

int64_t clock_from_utc(int year, int month, int day, int hour, int minute, int second)
{
	return days_from_civil(year, month, day) * S_PER_DAY + hour * (int64_t)3600 + minute * (int64_t)60 +
	       second;
}

void clock_to_utc(int64_t seconds, struct tm *ret_tm)
{
	int64_t days = floor_div(seconds, S_PER_DAY);
	int64_t left = seconds - days * S_PER_DAY;
	int64_t shifted = days + 719468;
	int64_t era = floor_div(shifted, DAYS_PER_ERA);
	int64_t day_of_era = shifted - era * DAYS_PER_ERA;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	int64_t year = year_of_era + era * 400 + (month <= 2);

	*ret_tm = (struct tm){
		.tm_sec = (int)(left % 60),
		.tm_min = (int)(left / 60 % 60),
		.tm_hour = (int)(left / 3600),
		.tm_mday = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
		.tm_mon = (int)(month - 1),
		.tm_year = (int)(year - 1900),
		.tm_wday = (int)(((days + 4) % 7 + 7) % 7),
		.tm_yday = (int)(days - days_from_civil(year, 1, 1)),
	};
}

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct strv clock_month_name(int month)
{
	return strv_make(month_names + (size_t)3 * (size_t)month, 3);
}

int clock_month_number(struct strv text)
{
	for (int month = 0; month < 12; month++) {
		if (strv_istarts(text, clock_month_name(month)))
			return month;
	}
	return -1;
}

void clock_iso_local(int64_t seconds, char text[CLOCK_ISO_ROOM])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&when, &tm) || strftime(text, CLOCK_ISO_ROOM, "%Y-%m-%dT%H:%M:%S%z", &tm) == 0)
		memcpy(text, "-", 2);
}
