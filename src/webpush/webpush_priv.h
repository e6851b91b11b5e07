/*
 * struct webpush: all modules of this folder, in the order in which they are made. webpush.c connects them;
 * only describe.c and tests of the whole folder use this header as well: each module has a header of its own.
 */
#ifndef COID_WEBPUSH_WEBPUSH_PRIV_H
#define COID_WEBPUSH_WEBPUSH_PRIV_H

#include "webpush/announce.h"
#include "webpush/core.h"
#include "webpush/expiry.h"
#include "webpush/key.h"
#include "webpush/outcome.h"
#include "webpush/owed.h"
#include "webpush/provider.h"
#include "webpush/push.h"
#include "webpush/queue.h"
#include "webpush/trial.h"
#include "webpush/upkeep.h"
#include "webpush/webpush.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct http;
struct recovery;
struct writeback;

#define WEBPUSH_STRINGS_MAX 8

struct webpush {
	bool asleep; /* fixed: server.db was out of service at the start */
	struct webpush_settings settings; /* strings own */
	char *strings[WEBPUSH_STRINGS_MAX]; /* own */
	unsigned string_count;
	struct reactor *reactor; /* own */
	pthread_t thread;
	struct reactor_msg stop_msg;
	atomic_bool stop_sent;

	struct core core;
	struct server_key key;
	struct writeback *writeback; /* own */
	struct upkeep upkeep;
	struct expiry expiry;
	struct owed owed;
	struct push_parties parties;
	struct queue queue;
	struct outcome outcome;
	struct http *http; /* own */
	struct recovery *recovery; /* own */
	struct announce announce;
	struct trial trial;
	struct provider provider;
};

#endif
