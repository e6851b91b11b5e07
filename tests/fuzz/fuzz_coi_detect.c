/* link: coi mime */
/*
 * Detection of chat messages: the verdict is the same however the message comes, and what says "chat" plainly
 * is one.
 */
#include "coi/detect.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static bool detect(struct strv first, struct strv second)
{
	struct mime_scan *scan = mime_scan_new(NULL);
	struct mime_msg *msg = NULL;

	mime_scan_feed(scan, first.p, first.n);
	mime_scan_feed(scan, second.p, second.n);
	mime_scan_finish(scan, &msg);
	mime_scan_free(&scan);
	bool chat = coi_detect(msg);
	mime_msg_free(&msg);
	return chat;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv text = strv_make(data, size);
	size_t at = size > 0 ? data[0] % (size + 1) : 0;
	bool chat = detect(text, STRV_NULL);

	check(detect(strv_sub(text, 0, at), strv_sub(text, at, size)) == chat);
	check(detect(STRV("Chat-Version: 1.0\r\n"), text));
	check(detect(STRV("Message-ID: <chat$1@x>\r\n"), text));
	return 0;
}
