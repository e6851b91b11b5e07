/*
 * Trace fields and log line of a delivery.
 */
#include "lmtp/trace.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

struct trace *trace_new(
	const char *sender, const char *helo, const char *peer, const char *hostname, bool utf8)
{
	struct trace *trace = mem_zalloc(sizeof(*trace));
	atomic_init(&trace->refs, 1);
	trace->id = rand_u64();
	trace->utf8 = utf8;
	trace->sender = mem_strdup(sender);
	trace->helo = mem_strdup(helo);
	trace->peer = mem_strdup(peer);
	trace->hostname = mem_strdup(hostname);
	return trace;
}

struct trace *trace_ref(struct trace *trace)
{
	atomic_fetch_add(&trace->refs, 1);
	return trace;
}

void trace_unref(struct trace **trace)
{
	struct trace *t = *trace;
	*trace = NULL;
	if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	free(t->sender);
	free(t->helo);
	free(t->peer);
	free(t->hostname);
	free(t);
}

void trace_received(struct trace *trace, uint64_t size)
{
	trace->size = size;
	trace->since_ms = clock_mono_ms();
}

/* "Tue, 24 Nov 2026 03:36:09 +0000" */
static void trace_date_print(struct buf *out, int64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	struct tm tm;

	clock_to_utc(seconds, &tm);
	buf_printf(out, "%.3s, %02d %.3s %d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday, tm.tm_mday,
		clock_month_name(tm.tm_mon).p, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void trace_print(const struct trace *trace, const char *recipient, struct buf *out)
{
	buf_printf(out, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", trace->sender, recipient);
	buf_printf(out, "Received: from %s (%s)\r\n\tby %s with %s id %016" PRIx64 "\r\n\tfor <%s>; ",
		trace->helo, trace->peer, trace->hostname, trace->utf8 ? "UTF8LMTP" : "LMTP", trace->id,
		recipient);
	trace_date_print(out, clock_wall());
	buf_adds(out, "\r\n");
}

void trace_log(struct log *log, const struct trace *trace, const char *recipient,
	const struct account *account, struct strv mailbox, enum rc rc)
{
	uint64_t id = trace->id, size = trace->size, ms = clock_mono_ms() - trace->since_ms;
	const char *from = LOG_V(strv_cstr(trace->sender)), *to = LOG_V(strv_cstr(recipient));
	const char *whose = account ? account_shown(account) : "-";

	if (rc == RC_OK)
		log_info(log,
			"event=delivery id=%016" PRIx64 " from=%s to=%s account=%s mailbox=%s size=%" PRIu64
			" result=delivered ms=%" PRIu64,
			id, from, to, whose, LOG_V(mailbox), size, ms);
	else
		log_warn(log,
			"event=delivery id=%016" PRIx64 " from=%s to=%s account=%s mailbox=- size=%" PRIu64
			" result=%s ms=%" PRIu64,
			id, from, to, whose, size, rc_name(rc), ms);
}
