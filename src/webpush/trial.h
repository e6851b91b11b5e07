/*
 * Test pushes: coidctl asks for a real push to each subscription of an account, and gets the answers of the
 * push services. A test is never stored and never tried again; it does not wait for an origin that rests.
 * Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_TRIAL_H
#define COID_WEBPUSH_TRIAL_H

struct core;
struct queue;
struct server_key;
struct webpush_test;

struct trial {
	struct core *core; /* borrowed, as the next ones */
	struct server_key *key;
	struct queue *queue;
};

/* Carries out webpush_test_submit. Any thread. */
void trial_submit(struct trial *trial, struct webpush_test *test);

#endif
