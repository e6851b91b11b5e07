/*
 * The insides of the server, for the files of this folder. Everything belongs to the main thread, which is reactor 0.
 */
#ifndef COID_COID_SERVER_PRIV_H
#define COID_COID_SERVER_PRIV_H

#include "admin/admin.h"
#include "auth/auth.h"
#include "coid/descriptors.h"
#include "coid/notify.h"
#include "coid/server.h"
#include "imapd/imapd.h"
#include "lmtp/lmtp.h"
#include "net/listener.h"
#include "net/tls.h"
#include "store/store.h"
#include "webpush/webpush.h"
#include "work/pool.h"
#include "work/reactor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define SOCKETS_MAX 128
#define REACTORS_MAX 64

enum service { SERVICE_IMAP, SERVICE_IMAPS, SERVICE_LMTP, SERVICE_CONTROL, SERVICE_COUNT };

/* A listening socket and who accepts from it. */
struct server_socket {
	enum service service;
	int fd; /* own */
	unsigned reactor; /* index, for sockets that were opened for each reactor */
	bool shared; /* every reactor accepts from it */
	char address[128];
	char *unlink_path; /* own: UNIX socket made by us */
	struct listener *listeners[REACTORS_MAX]; /* own */
	void *args[REACTORS_MAX]; /* own: what the listeners call back with */
};

struct server_reactor {
	struct server *server;
	struct reactor *reactor; /* own */
	pthread_t thread; /* not of reactor 0 */
	struct reactor_msg ping;
	struct reactor_msg hurry;
	struct reactor_msg unlisten;
	_Atomic bool ping_out; /* the ping has not come back yet */
};

struct health;
struct metrics;

struct server {
	const struct server_source *source; /* borrowed */
	struct conf *conf; /* own */
	int log_fd; /* own; a reload reopens the file on the same number */
	struct log *log;
	struct pool *pool;
	struct io *io; /* own: faults that a test injects, else NULL */
	struct store *store;
	struct metadata *metadata;
	struct coi *coi;
	struct webpush *webpush;
	struct auth *auth;
	struct tls_ctx *tls;
	struct imapd *imapd;
	struct lmtp *lmtp;
	struct admin *admin;
	struct metrics *metrics;
	struct health *health;
	struct server_reactor reactors[REACTORS_MAX];
	struct reactor *reactor_array[REACTORS_MAX]; /* borrowed */
	unsigned reactor_count;
	unsigned reactors_running;
	struct server_socket sockets[SOCKETS_MAX];
	unsigned socket_count;
	struct descriptors descriptors;
	struct notify_fd taken[NOTIFY_FDS_MAX];
	size_t taken_count;
	int signal_fd;
	sigset_t signal_mask;
	struct event *signal_event;
	struct timer tick;
	struct timer watchdog;
	struct timer stop_timer;
	uint64_t watchdog_ms;
	uint64_t stop_began;
	bool stopping;
	bool dropped_sessions;
	int64_t started; /* wall clock */
};

/* sockets.c */
enum rc server_sockets_open(struct server *server, struct buf *errors) MUST_CHECK;
void server_sockets_listen(struct server *server);
/* Stops accepting, on every reactor; the descriptors live until server_sockets_close. */
void server_sockets_unlisten(struct server *server, unsigned reactor);
void server_sockets_close(struct server *server);
const char *service_name(enum service service);
/* The service's acceptor on that reactor. */
void server_accept(struct server *server, enum service service, struct reactor *reactor, int fd);

/* settings.c: from the configuration to what each part wants. The results borrow from conf (and the arena). */
void settings_store(const struct conf *conf, struct arena *arena, struct store_settings *ret_settings);
void settings_auth(const struct conf *conf, struct auth_settings *ret_settings);
void settings_imapd(const struct conf *conf, struct imapd_settings *ret_settings);
void settings_webpush(const struct conf *conf, struct arena *arena, struct webpush_settings *ret_settings);
void settings_lmtp(const struct conf *conf, struct lmtp_settings *ret_settings);
void settings_admin(const struct conf *conf, struct admin_settings *ret_settings);
/* *ret_tls NULL if no certificate is configured. */
enum rc settings_tls(const struct conf *conf, struct buf *errors, struct tls_ctx **ret_tls) MUST_CHECK;

/* providers.c: metadata, coi and webpush. Behind the store, before whoever submits jobs; freed after the store, but for webpush. */
enum rc server_providers_make(struct server *server, struct buf *errors) MUST_CHECK;
void server_providers_free(struct server *server);

/* privileges.c: root becomes server.user for good and makes the store's folder theirs first; it stays root only by name. Then
 * no core dumps, no tracing by the same user, no new privileges. */
enum rc privileges_drop(const struct conf *conf, struct log *log, struct buf *errors) MUST_CHECK;
/* The soft limit on descriptors up to the hard one. */
void privileges_raise_descriptors(void);

/* logfile.c: server.log_file. Whether it can be written; opens it; opens that of a new configuration in its place (if that is
 * another file and can't be opened, nothing changes and it is an error). */
enum rc logfile_check(const struct conf *conf, struct buf *errors) MUST_CHECK;
enum rc logfile_open(struct server *server, struct buf *errors) MUST_CHECK;
enum rc logfile_reopen(struct server *server, const struct conf *conf, struct buf *errors) MUST_CHECK;

/* lifecycle.c. What a reload has not applied is told in `errors`, too, though it is RC_OK. */
enum rc server_reload(struct server *server, struct buf *errors) MUST_CHECK;
void server_status(struct server *server, struct buf *out);
void server_begin_stop(struct server *server);

/* metrics.c: OpenMetrics text and a health page over HTTP on loopback or a UNIX socket. */
enum rc metrics_new(struct server *server, struct buf *errors, struct metrics **ret_metrics) MUST_CHECK;
void metrics_free(struct metrics **metrics);
void metrics_print(struct server *server, struct buf *out);

#endif
