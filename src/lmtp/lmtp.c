/* The LMTP server object: settings, hubs, counters, start and end. */
#include "lmtp/lmtp.h"

#include "base/mem.h"
#include "lmtp/cmd.h"
#include "lmtp/lmtp_priv.h"
#include "lmtp/session.h"

#include <stdlib.h>
#include <unistd.h>

static struct lmtp_rules *lmtp_rules_new(const struct lmtp_settings *settings)
{
	struct lmtp_rules *rules = mem_zalloc(sizeof(*rules));
	atomic_init(&rules->refs, 1);
	rules->settings = *settings;
	rules->settings.hostname = mem_strdup(settings->hostname);
	return rules;
}

struct lmtp_rules *lmtp_rules_get(struct lmtp *lmtp)
{
	pthread_mutex_lock(&lmtp->lock);
	struct lmtp_rules *rules = lmtp->rules;
	atomic_fetch_add(&rules->refs, 1);
	pthread_mutex_unlock(&lmtp->lock);
	return rules;
}

void lmtp_rules_unref(struct lmtp_rules **rules)
{
	struct lmtp_rules *r = *rules;
	*rules = NULL;
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	free(mem_unconst(r->settings.hostname));
	free(r);
}

struct lmtp *lmtp_new(const struct lmtp_settings *settings, struct store *store, struct reactor **reactors,
	unsigned reactor_count, struct log *log)
{
	struct lmtp *lmtp = mem_zalloc(sizeof(*lmtp));
	lmtp->store = store;
	lmtp->log = log;
	lmtp->rules = lmtp_rules_new(settings);
	pthread_mutex_init(&lmtp->lock, NULL);
	lmtp->hubs = mem_zalloc(reactor_count * sizeof(*lmtp->hubs));
	lmtp->hub_count = reactor_count;
	for (unsigned i = 0; i < reactor_count; i++) {
		struct lmtp_hub *hub = &lmtp->hubs[i];
		hub->lmtp = lmtp;
		hub->reactor = reactors[i];
		list_init(&hub->sessions);
	}
	return lmtp;
}

void lmtp_reload(struct lmtp *lmtp, const struct lmtp_settings *settings)
{
	struct lmtp_rules *rules = lmtp_rules_new(settings);
	pthread_mutex_lock(&lmtp->lock);
	struct lmtp_rules *old = lmtp->rules;
	lmtp->rules = rules;
	pthread_mutex_unlock(&lmtp->lock);
	lmtp_rules_unref(&old);
}

void lmtp_accept(struct lmtp *lmtp, struct reactor *reactor, int fd)
{
	struct lmtp_hub *hub = &lmtp->hubs[reactor_index(reactor)];

	if (hub->stopping) {
		close(fd);
		return;
	}
	lmtp_session_accept(hub, fd, lmtp_cmd_run);
}

static void lmtp_hub_stop(struct reactor *reactor, struct reactor_msg *msg)
{
	struct lmtp_hub *hub = CONTAINER_OF(msg, struct lmtp_hub, stop_msg);

	(void)reactor;
	LIST_EACH_SAFE (node, &hub->sessions) {
		struct lmtp_session *session = CONTAINER_OF(node, struct lmtp_session, node);
		if (hub->stopping)
			lmtp_session_drop(session);
		else
			lmtp_session_stop(session);
	}
	hub->stopping = true;
}

void lmtp_stop(struct lmtp *lmtp)
{
	for (unsigned i = 0; i < lmtp->hub_count; i++) {
		lmtp->hubs[i].stop_msg.fn = lmtp_hub_stop;
		reactor_post(lmtp->hubs[i].reactor, &lmtp->hubs[i].stop_msg);
	}
}

unsigned lmtp_sessions(const struct lmtp *lmtp)
{
	return atomic_load(&lmtp->sessions);
}

void lmtp_free(struct lmtp **lmtp)
{
	struct lmtp *l = *lmtp;
	if (!l)
		return;
	free(l->hubs);
	lmtp_rules_unref(&l->rules);
	pthread_mutex_destroy(&l->lock);
	free(l);
	*lmtp = NULL;
}

void lmtp_counters(const struct lmtp *lmtp, struct lmtp_counters *ret_counters)
{
	*ret_counters = (struct lmtp_counters){
		.connections = atomic_load(&lmtp->connections),
		.messages = atomic_load(&lmtp->messages),
		.delivered = atomic_load(&lmtp->delivered),
		.refused = atomic_load(&lmtp->refused),
		.deferred = atomic_load(&lmtp->deferred),
		.bytes = atomic_load(&lmtp->bytes),
	};
}
