/*
 * The data that imapd.c shares with the sessions: settings in force, counters, connection limits. Any thread.
 */
#ifndef COID_IMAPD_IMAPD_PRIV_H
#define COID_IMAPD_IMAPD_PRIV_H

#include "imapd/imapd.h"

#include "base/arena.h"
#include "imapd/admission.h"
#include "imapd/hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A counted copy of the settings; sessions hold a pointer to its first member. */
struct imapd_settings_copy {
	struct imapd_settings settings;
	atomic_uint refs;
	struct arena *arena; /* own: the strings */
};

struct imapd {
	struct store *store; /* borrowed */
	struct auth *auth; /* borrowed */
	struct log *log; /* borrowed */
	const struct cmd_row *const *table; /* borrowed; static: all commands */
	struct admission *admission; /* own */
	struct hub *hubs; /* own; by reactor index */
	unsigned hub_count;

	_Atomic uint64_t next_id;
	_Atomic uint64_t connections;
	_Atomic uint64_t logins;
	_Atomic uint64_t login_failures;
	_Atomic uint64_t commands;
	_Atomic uint64_t bytes_in; /* of ended sessions */
	_Atomic uint64_t bytes_out;
	atomic_uint sessions;
	atomic_uint idling;

	pthread_mutex_t lock;
	struct imapd_settings_copy *settings; /* under lock; counted */
	struct tls_ctx *tls; /* under lock; counted, or NULL */
};

/* imapd_shared.c */

/* A copy with one reference. */
struct imapd_settings_copy *imapd_settings_copy(const struct imapd_settings *settings);
void imapd_settings_copy_unref(struct imapd_settings_copy *copy);
/* The settings in force: a reference for a session. */
const struct imapd_settings *imapd_settings_ref(struct imapd *imapd);
void imapd_settings_unref(const struct imapd_settings **settings);
/* A reference, or NULL. */
struct tls_ctx *imapd_tls(struct imapd *imapd);
bool imapd_has_tls(struct imapd *imapd);

struct admission_limits imapd_admission_limits(const struct imapd_settings *settings);

#endif
