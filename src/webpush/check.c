/* Checks settings before anything is started: for the start of the server and for "coid -t". */
#include "webpush/endpoint.h"
#include "webpush/webpush.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

/* The number of certificates in a PEM file; -1: one of them can't be read. */
static int check_count_certificates(FILE *file)
{
	int count = 0;

	ERR_clear_error();
	STACK_OF(X509_INFO) *found = PEM_X509_INFO_read(file, NULL, NULL, NULL);
	for (int i = 0; found && i < sk_X509_INFO_num(found); i++)
		count += sk_X509_INFO_value(found, i)->x509 ? 1 : 0;
	bool bad = !found;
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	ERR_clear_error();
	return bad ? -1 : count;
}

static enum rc check_ca_file(const char *path, struct buf *errors)
{
	FILE *file = path[0] ? fopen(path, "re") : NULL;

	if (!path[0])
		return RC_OK;
	if (!file) {
		buf_printf(errors, "webpush.ca_file: %s: %s\n", path, strerror(errno));
		return RC_INVALID;
	}
	int count = check_count_certificates(file);
	fclose(file);
	if (count > 0)
		return RC_OK;
	buf_printf(errors, "webpush.ca_file: %s: %s\n", path,
		count < 0 ? "not certificates in PEM" : "no certificate in it");
	return RC_INVALID;
}

static bool check_is_proxy_scheme(const char *scheme)
{
	static const char *const known[] = { "http", "https", "socks4", "socks4a", "socks5", "socks5h" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(scheme, known[i]) == 0)
			return true;
	}
	return false;
}

/* Reads the URL of the proxy in the way that libcurl does. */
static enum rc check_proxy(const char *proxy, struct buf *errors)
{
	char *scheme = NULL;
	CURLU *url = proxy[0] ? curl_url() : NULL;

	if (!proxy[0])
		return RC_OK;
	CURLUcode code =
		url ? curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME)
		    : CURLUE_OUT_OF_MEMORY;
	if (code == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
	bool known = code == CURLUE_OK && check_is_proxy_scheme(scheme);
	if (code != CURLUE_OK)
		buf_printf(errors, "webpush.proxy: %s: %s\n", proxy, curl_url_strerror(code));
	else if (!known)
		buf_printf(errors, "webpush.proxy: %s: neither http, https nor socks\n", proxy);
	curl_free(scheme);
	curl_url_cleanup(url);
	return known ? RC_OK : RC_INVALID;
}

enum rc webpush_check_settings(const struct webpush_settings *settings, struct buf *errors)
{
	struct endpoint endpoint;
	const char *why = NULL;

	enum rc rc = check_ca_file(settings->ca_file, errors);
	enum rc other = check_proxy(settings->proxy, errors);
	if (rc == RC_OK)
		rc = other;
	if (settings->chatmail && settings->notifier_url[0] &&
		endpoint_parse(strv_cstr(settings->notifier_url), settings->allow_private, &endpoint, &why) !=
			RC_OK) {
		buf_printf(errors, "chatmail.notifier_url: %s %s\n", settings->notifier_url, why);
		rc = RC_INVALID;
	}
	return rc;
}
