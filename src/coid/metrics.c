/*
 * The server's counters as OpenMetrics text, and an HTTP server for them and for the health page.
 */
#include "coid/metrics.h"

#include "base/clock.h"
#include "base/mem.h"
#include "coid/health.h"
#include "coid/server_priv.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define METRICS_MAX (64 * 1024)
#define HTTP_HEADERS_MAX 8192
#define HTTP_TIMEOUT_S 10

struct metrics {
	struct server *server;
	struct evhttp *http; /* own; holds the socket */
	char *unlink_path; /* own */
};

static void metrics_add(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	bool counter = strcmp(type, "counter") == 0;
	buf_printf(out, "# TYPE coid_%s %s\n# HELP coid_%s %s\ncoid_%s%s %" PRIu64 "\n", name, type, name,
		help, name, counter ? "_total" : "", value);
}

void metrics_print(struct server *server, struct buf *out)
{
	struct imapd_counters imap;
	struct lmtp_counters lmtp;
	struct webpush_counters push;

	imapd_counters(server->imapd, &imap);
	lmtp_counters(server->lmtp, &lmtp);
	webpush_counters(server->webpush, &push);
	metrics_add(out, "uptime_seconds", "gauge", "Seconds since start.",
		(uint64_t)(clock_wall() - server->started));
	metrics_add(out, "imap_sessions", "gauge", "Open IMAP sessions.", imap.sessions);
	metrics_add(out, "imap_idling", "gauge", "IMAP sessions in IDLE.", imap.idling);
	metrics_add(out, "imap_connections", "counter", "IMAP connections accepted.", imap.connections);
	metrics_add(out, "imap_logins", "counter", "Successful logins.", imap.logins);
	metrics_add(out, "imap_login_failures", "counter", "Failed logins.", imap.login_failures);
	metrics_add(out, "imap_commands", "counter", "IMAP commands.", imap.commands);
	metrics_add(out, "imap_received_bytes", "counter", "Bytes from IMAP clients.", imap.bytes_in);
	metrics_add(out, "imap_sent_bytes", "counter", "Bytes to IMAP clients.", imap.bytes_out);
	metrics_add(out, "lmtp_sessions", "gauge", "Open LMTP sessions.", lmtp_sessions(server->lmtp));
	metrics_add(out, "lmtp_connections", "counter", "LMTP connections accepted.", lmtp.connections);
	metrics_add(out, "lmtp_messages", "counter", "Messages received by LMTP.", lmtp.messages);
	metrics_add(out, "lmtp_delivered", "counter", "Recipients answered with 250.", lmtp.delivered);
	metrics_add(out, "lmtp_deferred", "counter", "Recipients answered with 4xx.", lmtp.deferred);
	metrics_add(out, "lmtp_refused", "counter", "Recipients answered with 5xx.", lmtp.refused);
	metrics_add(out, "lmtp_received_bytes", "counter", "Message bytes received by LMTP.", lmtp.bytes);
	metrics_add(out, "push_sent", "counter", "Pushes taken by a push service.", push.sent);
	metrics_add(out, "push_refused", "counter", "Pushes refused for good.", push.refused);
	metrics_add(out, "push_failed", "counter", "Tries of pushes that failed.", push.failed);
	metrics_add(out, "push_dropped", "counter", "Pushes dropped from a full queue.", push.dropped);
	metrics_add(out, "push_expired", "counter", "Pushes given up.", push.expired);
	metrics_add(out, "push_unsubscribed", "counter", "Push subscriptions dropped.", push.unsubscribed);
	metrics_add(
		out, "push_connections", "counter", "Connections opened to push services.", push.connections);
	metrics_add(out, "push_waiting", "gauge", "Pushes that wait.", push.waiting);
	metrics_add(out, "push_active", "gauge", "Requests to push services in the air.", push.active);
	buf_adds(out, "# EOF\n");
}

static void metrics_answer(struct evhttp_request *request, int status, const char *type, struct strv text)
{
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
	evbuffer_add(body, text.p, text.n);
	evhttp_send_reply(request, status, status == HTTP_OK ? "OK" : "Service Unavailable", body);
	evbuffer_free(body);
}

static void metrics_on_metrics(struct evhttp_request *request, void *arg)
{
	const struct metrics *metrics = arg;
	struct buf out;

	buf_init(&out, METRICS_MAX);
	metrics_print(metrics->server, &out);
	metrics_answer(request, HTTP_OK, "application/openmetrics-text; version=1.0.0; charset=utf-8",
		buf_strv(&out));
	buf_fini(&out);
}

static void metrics_on_health(struct evhttp_request *request, void *arg)
{
	const struct metrics *metrics = arg;
	struct buf out;

	buf_init(&out, METRICS_MAX);
	bool good = health_print(metrics->server->health, &out);
	metrics_answer(
		request, good ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain; charset=utf-8", buf_strv(&out));
	buf_fini(&out);
}

enum rc metrics_new(struct server *server, struct buf *errors, struct metrics **ret_metrics)
{
	const char *address = server->conf->metrics.listen;
	int fd = -1;
	enum rc rc = listen_open(address, 1, 0600, &fd, errors);

	if (rc != RC_OK)
		return rc;
	struct metrics *metrics = mem_zalloc(sizeof(*metrics));
	metrics->server = server;
	if (address[0] == '/')
		metrics->unlink_path = mem_strdup(address);
	metrics->http = evhttp_new(reactor_base(server->reactor_array[0]));
	evhttp_set_max_headers_size(metrics->http, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(metrics->http, 0);
	evhttp_set_timeout(metrics->http, HTTP_TIMEOUT_S);
	evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_cb(metrics->http, "/metrics", metrics_on_metrics, metrics);
	evhttp_set_cb(metrics->http, "/health", metrics_on_health, metrics);
	if (evhttp_accept_socket(metrics->http, fd) != 0) {
		buf_printf(errors, "metrics.listen: %s: can't accept connections\n", address);
		close(fd);
		metrics_free(&metrics);
		return RC_IO;
	}
	if (address[0] != '/')
		log_info(server->log, "listening service=metrics address=127.0.0.1:%u", listen_port(fd));
	*ret_metrics = metrics;
	return RC_OK;
}

void metrics_free(struct metrics **metrics)
{
	struct metrics *m = *metrics;

	if (!m)
		return;
	if (m->http)
		evhttp_free(m->http);
	if (m->unlink_path)
		unlink(m->unlink_path);
	free(m->unlink_path);
	free(m);
	*metrics = NULL;
}
