/*
 * The METADATA entries (RFC 5464) of Web Push and of chatmail: docs/webpush.md is their manual. The functions
 * of a provider are called as metadata/provider.h says: [strand]. Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_PROVIDER_H
#define COID_WEBPUSH_PROVIDER_H

struct core;
struct metadata_provider;
struct server_key;

struct provider {
	const struct core *core; /* borrowed, as the next one */
	struct server_key *key;
};

/* Each fills in a provider whose ctx is `provider`, which lives as long as the registry. */

/* Subscriptions: all entries below WEBPUSH_ENTRY without another provider. */
void provider_subscriptions(struct provider *provider, struct metadata_provider *ret_provider);
/* The key, VAPID_ENTRY: readable only. */
void provider_vapid(struct provider *provider, struct metadata_provider *ret_provider);
/* Device tokens of chatmail clients, at INBOX. */
void provider_device(struct provider *provider, struct metadata_provider *ret_provider);
/* Facts for chatmail clients, from the settings: readable only. */
void provider_facts(struct provider *provider, struct metadata_provider *ret_provider);

#endif
