#include "webpush/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static bool allowed(const char *url, bool allow_private)
{
	struct endpoint endpoint;
	const char *why = NULL;
	bool ok = endpoint_parse(strv_cstr(url), allow_private, &endpoint, &why) == RC_OK;

	assert_true(ok || (why && why[0]));
	return ok;
}

/* Addresses that are not public, in every spelling that some resolver takes. */
static const char *const private_hosts[] = {
	"127.0.0.1",
	"127.1",
	"127.0.1",
	"0x7f.1",
	"0x7f000001",
	"0X7F000001",
	"2130706433",
	"017700000001",
	"0177.0.0.1",
	"0x7f.0x0.0x0.0x1",
	"127.0.0.1.",
	"0",
	"0.0.0.0",
	"0x0",
	"00",
	"10.0.0.1",
	"10.1",
	"167772161",
	"0xa.0.0.1",
	"012.0.0.1",
	"172.16.0.1",
	"172.31.255.255",
	"192.168.0.1",
	"192.168.257",
	"0xc0a80001",
	"169.254.169.254",
	"169.254.43518",
	"0xa9fea9fe",
	"2852039166",
	"100.64.0.1",
	"100.127.255.255",
	"192.0.0.1",
	"192.0.2.1",
	"192.88.99.1",
	"198.18.0.1",
	"198.19.255.255",
	"198.51.100.1",
	"203.0.113.9",
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.1",
	"255.255.255.255",
	"4294967295",
	"[::1]",
	"[0:0:0:0:0:0:0:1]",
	"[::]",
	"[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]",
	"[::ffff:8.8.8.8]",
	"[::127.0.0.1]",
	"[64:ff9b::7f00:1]",
	"[64:ff9b::10.0.0.1]",
	"[64:ff9b:1::1]",
	"[2002:7f00:1::]",
	"[2002:a00:1::1]",
	"[2001::1]",
	"[2001:db8::1]",
	"[2001:10::1]",
	"[2001:20::1]",
	"[fe80::1]",
	"[febf::1]",
	"[fec0::1]",
	"[fc00::1]",
	"[fd12:3456::1]",
	"[ff02::1]",
	"[100::1]",
	"[3fff::1]",
	"[5f00::1]",
	"localhost",
	"LOCALHOST",
	"localhost.",
	"a.localhost",
	"printer.local",
	"metadata.google.internal",
	"router.lan",
	"nas.home.arpa",
	"intranet",
};

/* WP-16 */
static void wp_16_no_spelling_of_a_private_address_is_taken(void **state)
{
	char url[256];

	(void)state;
	assert_true(sizeof(private_hosts) / sizeof(private_hosts[0]) >= 30);
	for (size_t i = 0; i < sizeof(private_hosts) / sizeof(private_hosts[0]); i++) {
		snprintf(url, sizeof(url), "https://%s/push", private_hosts[i]);
		if (allowed(url, false))
			fail_msg("%s", url);
		snprintf(url, sizeof(url), "https://%s:8443?x", private_hosts[i]);
		if (allowed(url, false))
			fail_msg("%s", url);
		if (!allowed(url, true))
			fail_msg("%s is not allowed for tests", url);
	}
}

/* WP-16 */
static void wp_16_public_hosts_are_taken(void **state)
{
	static const char *const urls[] = { "https://push.example.org/x",
		"https://fcm.googleapis.com/fcm/send/a:b-c_d",
		"https://updates.push.services.mozilla.com/wpush/v2/gAAAA=", "HTTPS://Push.Example.ORG",
		"https://8.8.8.8/x", "https://[2606:4700::1111]/x", "https://push.example.org:443/x",
		"https://push.example.org:8443/x", "https://xn--bcher-kva.example/",
		"https://push.example.org./x", "https://web.push.apple.com/QAbc?x=y" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (!allowed(urls[i], false))
			fail_msg("%s", urls[i]);
	}
}

/* WP-16 */
static void wp_16_what_is_no_plain_https_url_is_refused_always(void **state)
{
	static const char *const urls[] = { "", "push.example.org", "http://push.example.org/",
		"ftp://push.example.org/", "file:///etc/passwd", "https:push.example.org",
		"https:/push.example.org", "https://", "https:///x", "https://user@push.example.org/",
		"https://user:pw@push.example.org/", "https://push.example.org@10.0.0.1/",
		"https://push.example.org:0/", "https://push.example.org:65536/",
		"https://push.example.org:/", "https://push.example.org:x/", "https://push.example.org:22/",
		"https://push.example.org:25/", "https://push.example.org:80/",
		"https://push.example.org:6379/", "https://push.example.org:11211/",
		"https://push.example.org/a b", "https://push.example.org/a\r\nb",
		"https://push.example.org/#x", "https://push.example.org\\@10.0.0.1/",
		"https://p\xc3\xbcsh.example.org/", "https://\xef\xbc\x91.0.0.1/",
		"https://push%2eexample.org/", "https://push..example.org/", "https://.example.org/",
		"https://256.1.1.1/", "https://1.2.3.4.5/", "https://08.0.0.1/", "https://a.0x/",
		"https://[::1/", "https://[::1]x/", "https://[::1]:/", "https://[fe80::1%eth0]/",
		"https://[1.2.3.4]/", "https://[]/" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (allowed(urls[i], true))
			fail_msg("%s", urls[i]);
	}
}

/* WP-11 */
static void wp_11_an_endpoint_has_512_octets_at_most(void **state)
{
	char url[ENDPOINT_URL_MAX + 2];

	(void)state;
	memset(url, 'x', sizeof(url));
	memcpy(url, "https://push.example.org/", 25);
	url[ENDPOINT_URL_MAX] = '\0';
	assert_true(allowed(url, false));
	url[ENDPOINT_URL_MAX] = 'x';
	url[ENDPOINT_URL_MAX + 1] = '\0';
	assert_false(allowed(url, false));
}

static void the_origin_is_in_lower_case_and_names_the_port_if_it_is_not_443(void **state)
{
	static const struct {
		const char *url;
		const char *origin;
	} rows[] = {
		{ "https://Push.Example.org:443/x", "https://push.example.org" },
		{ "https://push.example.org:8443?q", "https://push.example.org:8443" },
		{ "https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443" },
	};
	struct endpoint endpoint;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(endpoint_parse(strv_cstr(rows[i].url), false, &endpoint, &why), RC_OK);
		assert_string_equal(endpoint.origin, rows[i].origin);
	}
}

static bool public4(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
	return endpoint_address_public((struct sockaddr *)&in);
}

static bool public6(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return endpoint_address_public((struct sockaddr *)&in6);
}

/* WP-16 */
static void wp_16_the_address_of_a_socket_is_judged_whatever_the_name_was(void **state)
{
	static const char *const bad4[] = { "127.0.0.1", "127.255.255.255", "0.0.0.0", "10.255.0.1",
		"100.64.0.0", "100.127.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255",
		"192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255" };
	static const char *const good4[] = { "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
		"192.169.0.0", "223.255.255.255" };
	static const char *const bad6[] = { "::1", "::", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
		"64:ff9b::a00:1", "2002:a00:1::", "2001::1", "2001:db8::1", "fe80::1", "fc00::1", "fdff::1",
		"ff02::1" };
	static const char *const good6[] = { "2606:4700::1111", "2a00:1450::1", "2001:4860::8888",
		"2001:200::1", "2003::1" };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++)
		assert_false(public4(bad4[i]));
	for (size_t i = 0; i < sizeof(good4) / sizeof(good4[0]); i++)
		assert_true(public4(good4[i]));
	for (size_t i = 0; i < sizeof(bad6) / sizeof(bad6[0]); i++)
		assert_false(public6(bad6[i]));
	for (size_t i = 0; i < sizeof(good6) / sizeof(good6[0]); i++)
		assert_true(public6(good6[i]));
	assert_false(endpoint_address_public((struct sockaddr *)&un));
}

static void hosts_and_ports_have_limits(void **state)
{
	(void)state;
	for (size_t n = ENDPOINT_HOST_MAX - 1; n <= ENDPOINT_HOST_MAX + 1; n++) {
		char host[ENDPOINT_HOST_MAX + 2];
		char url[ENDPOINT_URL_MAX];
		memset(host, 'h', n);
		memcpy(host + n - 4, ".org", 4);
		host[n] = '\0';
		snprintf(url, sizeof(url), "https://%s/x", host);
		assert_int_equal(allowed(url, false), n <= ENDPOINT_HOST_MAX);
		snprintf(url, sizeof(url), "https://%s./x", host);
		assert_int_equal(allowed(url, false), n <= ENDPOINT_HOST_MAX);
	}
	for (int port = ENDPOINT_PORT_MIN - 1; port <= ENDPOINT_PORT_MIN + 1; port++) {
		char url[100];
		snprintf(url, sizeof(url), "https://push.example.org:%d/x", port);
		assert_int_equal(allowed(url, false), port >= ENDPOINT_PORT_MIN);
	}
	assert_true(allowed("https://push.example.org:443/x", false));
	assert_false(allowed("https://push.example.org:442/x", false));
	assert_false(allowed("https://push.example.org:444/x", false));
	assert_true(allowed("https://push.example.org:65535/x", false));
	assert_false(allowed("https://push.example.org:65536/x", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_ports_have_limits),
		cmocka_unit_test(wp_16_no_spelling_of_a_private_address_is_taken),
		cmocka_unit_test(wp_16_public_hosts_are_taken),
		cmocka_unit_test(wp_16_what_is_no_plain_https_url_is_refused_always),
		cmocka_unit_test(wp_11_an_endpoint_has_512_octets_at_most),
		cmocka_unit_test(the_origin_is_in_lower_case_and_names_the_port_if_it_is_not_443),
		cmocka_unit_test(wp_16_the_address_of_a_socket_is_judged_whatever_the_name_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
