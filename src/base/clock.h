/*
 * Time, replaceable in tests. The monotonic clock is for timers and timeouts, the wall clock for dates. Both
 * may be read on any thread.
 */
#ifndef COID_BASE_CLOCK_H
#define COID_BASE_CLOCK_H

#include "base/strv.h"

#include <stdint.h>
#include <time.h>

#define S_PER_DAY 86400

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
/* Seconds and microseconds since 1970 UTC. */
int64_t clock_wall(void);
int64_t clock_wall_us(void);

/* Stops both clocks at this value until they are moved again; 0 restores the real ones. For tests only. */
void clock_fake_set(uint64_t mono_ms, int64_t wall_seconds);
void clock_fake_advance(uint64_t ms);

#define CLOCK_ISO_ROOM 32
/* "2026-11-28T14:30:00+0100" in the time zone of the process, for people. */
void clock_iso_local(int64_t seconds, char text[CLOCK_ISO_ROOM]);
/* Days and time of day to seconds since 1970 (UTC), without the time zone database. */
int64_t clock_from_utc(int year, int month, int day, int hour, int minute, int second);
void clock_to_utc(int64_t seconds, struct tm *ret_tm);
/* "Jan" to "Dec" for the months 0 to 11 (as in struct tm); three letters. */
struct strv clock_month_name(int month);
/* The month, 0 to 11, whose name the text begins with, in any case; -1: none. */
int clock_month_number(struct strv text);

#endif
