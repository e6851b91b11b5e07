/*
 * The threading algorithms of RFC 5256 section 3, over messages whose ids and subjects are hashes. Memory
 * only, no recursion; linear, except for a logarithm in the loop checks.
 *
 * Use: thread_tree_new; thread_tree_add for each message in mailbox order (REFERENCES: step 1); then
 * thread_tree_step until it returns true; then thread_tree_print.
 */
#ifndef COID_QUERY_THREAD_TREE_H
#define COID_QUERY_THREAD_TREE_H

#include "base/buf.h"
#include "query/sorter.h"
#include "query/thread_links.h"
#include "query/thread_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thread_algorithm { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES };

struct thread_message {
	uint32_t uid;
	uint32_t number; /* its number or UID in the answer */
	struct thread_id subject; /* base subject */
	struct thread_id id;
	bool no_subject; /* the base subject is empty */
	bool no_id;
	bool reply; /* a reply or forward by its subject */
	size_t refs; /* place of its first reference */
	uint32_t ref_count;
};

struct thread_node {
	uint32_t message; /* its place from 1 on; 0: a dummy */
	uint32_t parent; /* 0: none, or the root */
	uint32_t degree; /* children */
	uint32_t anchor; /* of a dummy: the new parent of its children */
	uint32_t child; /* first, once siblings are in order */
	uint32_t last;
	uint32_t next; /* sibling */
};

enum thread_step {
	THREAD_STEP_SUBJECTS, /* ORDEREDSUBJECT, all of it */
	THREAD_STEP_PRUNE, /* 2, 3 */
	THREAD_STEP_ORDER_ROOTS, /* 4 */
	THREAD_STEP_TABLE, /* 5 A, B */
	THREAD_STEP_MERGE, /* 5 C */
	THREAD_STEP_ORDER, /* 6 */
	THREAD_STEP_DONE
};

struct thread_tree {
	enum thread_step step;
	struct thread_node *v; /* own; the first is the root */
	size_t n;
	size_t cap;
	uint32_t *node_of; /* own: the node of each message */
	size_t message_count;
	size_t message_cap;
	struct thread_links links; /* the trees of `parent`, while links are made */
	struct thread_table ids; /* id to node */
	struct thread_table subjects; /* subject to node */
};

struct thread_tree *thread_tree_new(enum thread_algorithm algorithm);
void thread_tree_free(struct thread_tree **tree);
/* Adds a message. refs: its references, message->ref_count of them. */
void thread_tree_add(
	struct thread_tree *tree, const struct thread_message *message, const struct thread_id *refs);
/* Makes one pass over the nodes. `order`: items, by sent date, whose uid is the index (from 1) of a
 * message. True: it was the last pass. */
bool thread_tree_step(
	struct thread_tree *tree, const struct thread_message *messages, const struct sort_item *order);
/* "(1)(2 3)((4)(5))" */
void thread_tree_print(
	const struct thread_tree *tree, const struct thread_message *messages, struct buf *out);

#endif
