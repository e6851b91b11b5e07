/*
 * The steps of RFC 5256 section 3: links between messages, removal of dummies, joining by subject, sorting,
 * printing. Each is a loop over arrays of nodes.
 */
#include "query/thread_tree.h"

#include "base/mem.h"

#include <stdlib.h>

struct thread_tree *thread_tree_new(enum thread_algorithm algorithm)
{
	struct thread_tree *tree = mem_zalloc(sizeof(*tree));
	tree->step = algorithm == THREAD_REFERENCES ? THREAD_STEP_PRUNE : THREAD_STEP_SUBJECTS;
	tree->cap = 64;
	tree->v = mem_zalloc(tree->cap * sizeof(*tree->v));
	tree->n = 1;
	thread_links_init(&tree->links);
	thread_table_init(&tree->ids);
	thread_table_init(&tree->subjects);
	return tree;
}

void thread_tree_free(struct thread_tree **tree)
{
	struct thread_tree *t = *tree;
	*tree = NULL;
	if (!t)
		return;
	thread_links_fini(&t->links);
	thread_table_fini(&t->ids);
	thread_table_fini(&t->subjects);
	free(t->node_of);
	free(t->v);
	free(t);
}

/* Step 1: links. */

static uint32_t new_node(struct thread_tree *tree)
{
	if (tree->n == tree->cap)
		tree->v = mem_grow(tree->v, &tree->cap, sizeof(*tree->v));
	tree->v[tree->n] = (struct thread_node){ .message = 0 };
	return (uint32_t)tree->n++;
}

static uint32_t new_linked_node(struct thread_tree *tree)
{
	(void)thread_links_add(&tree->links);
	return new_node(tree);
}

/* The node of that id; a dummy is made if there is none. */
static uint32_t node_of_id(struct thread_tree *tree, const struct thread_id *id)
{
	uint32_t *at = thread_table_at(&tree->ids, id);
	if (*at == 0)
		*at = new_linked_node(tree);
	return *at;
}

static void unlink_parent(struct thread_tree *tree, uint32_t child)
{
	uint32_t parent = tree->v[child].parent;
	if (!parent)
		return;
	thread_links_cut(&tree->links, child);
	tree->v[parent].degree--;
	tree->v[child].parent = 0;
}

/* Links a child that has no parent yet, unless that would make a loop. */
static void link_parent(struct thread_tree *tree, uint32_t child, uint32_t parent)
{
	if (child == parent)
		return;
	/* The child is a root. It is above the parent if it is the root of the parent's tree. */
	if (tree->v[child].degree > 0 && thread_links_root(&tree->links, parent) == child)
		return;
	thread_links_join(&tree->links, child, parent);
	tree->v[parent].degree++;
	tree->v[child].parent = parent;
}

/* The node of the message: the one of its id, unless an earlier message has that. */
static uint32_t take_node(struct thread_tree *tree, const struct thread_message *message)
{
	if (message->no_id)
		return new_linked_node(tree);
	uint32_t node = node_of_id(tree, &message->id);
	return tree->v[node].message ? new_linked_node(tree) : node;
}

static void thread_tree_add_message(struct thread_tree *tree, uint32_t node)
{
	if (tree->message_count == tree->message_cap)
		tree->node_of = mem_grow(tree->node_of, &tree->message_cap, sizeof(*tree->node_of));
	tree->node_of[tree->message_count++] = node;
	tree->v[node].message = (uint32_t)tree->message_count;
}

void thread_tree_add(
	struct thread_tree *tree, const struct thread_message *message, const struct thread_id *refs)
{
	uint32_t last = 0;
	if (tree->step == THREAD_STEP_SUBJECTS) {
		thread_tree_add_message(tree, new_node(tree));
		return;
	}
	uint32_t node = take_node(tree, message);
	thread_tree_add_message(tree, node);
	for (uint32_t i = 0; i < message->ref_count; i++) {
		uint32_t next = node_of_id(tree, &refs[i]);
		if (last && !tree->v[next].parent)
			link_parent(tree, next, last);
		last = next;
	}
	unlink_parent(tree, node);
	if (last)
		link_parent(tree, node, last);
}

/* Steps 2 and 3: removal of dummies. */

static bool is_dummy(const struct thread_tree *tree, uint32_t node)
{
	return tree->v[node].message == 0;
}

/*
 * The new parent of a dummy's children: the nearest message above the dummy, or else the topmost dummy. The
 * way up is walked once and remembered.
 */
static uint32_t anchor_of(struct thread_tree *tree, uint32_t dummy)
{
	struct thread_node *v = tree->v;
	uint32_t at = dummy;
	while (!v[at].anchor && v[at].parent && is_dummy(tree, v[at].parent))
		at = v[at].parent;
	uint32_t anchor = v[at].anchor;
	if (!anchor)
		anchor = v[at].parent ? v[at].parent : at;
	for (uint32_t node = dummy; node != at; node = v[node].parent)
		v[node].anchor = anchor;
	v[at].anchor = anchor;
	return anchor;
}

/* Keeps only top-level dummies with two or more children (RFC 5256 section 3, step 4). */
static void thread_tree_prune(struct thread_tree *tree)
{
	struct thread_node *v = tree->v;
	for (size_t i = 1; i < tree->n; i++)
		v[i].degree = 0;
	for (size_t i = 0; i < tree->message_count; i++) {
		struct thread_node *node = &v[tree->node_of[i]];
		if (node->parent && is_dummy(tree, node->parent))
			node->parent = anchor_of(tree, node->parent);
		if (node->parent)
			v[node->parent].degree++;
	}
	for (size_t i = 0; i < tree->message_count; i++) {
		struct thread_node *node = &v[tree->node_of[i]];
		if (node->parent && is_dummy(tree, node->parent) && v[node->parent].degree == 1)
			node->parent = 0;
	}
}

/* Steps 4 and 6: siblings are sorted by date; a dummy has the date of its first child. */

static void thread_tree_append(struct thread_node *v, uint32_t parent, uint32_t node)
{
	v[node].next = 0;
	if (v[parent].last)
		v[v[parent].last].next = node;
	else
		v[parent].child = node;
	v[parent].last = node;
}

static void order_siblings(struct thread_tree *tree, const struct sort_item *order)
{
	struct thread_node *v = tree->v;
	for (size_t i = 0; i < tree->n; i++)
		v[i].child = v[i].last = v[i].next = 0;
	for (size_t i = 0; i < tree->message_count; i++) {
		uint32_t node = tree->node_of[order[i].uid - 1];
		uint32_t parent = v[node].parent;
		if (parent && is_dummy(tree, parent) && !v[parent].child)
			thread_tree_append(v, 0, parent);
		thread_tree_append(v, parent, node);
	}
}

/* Step 5: threads with the same subject are joined. */

static const struct thread_message *message_of(
	const struct thread_tree *tree, const struct thread_message *messages, uint32_t node)
{
	if (is_dummy(tree, node))
		node = tree->v[node].child;
	return &messages[tree->v[node].message - 1];
}

static bool is_reply(const struct thread_tree *tree, const struct thread_message *messages, uint32_t node)
{
	return !is_dummy(tree, node) && message_of(tree, messages, node)->reply;
}

static void fill_subjects(struct thread_tree *tree, const struct thread_message *messages)
{
	for (uint32_t node = tree->v[0].child; node; node = tree->v[node].next) {
		const struct thread_message *message = message_of(tree, messages, node);
		if (message->no_subject)
			continue;
		uint32_t *at = thread_table_at(&tree->subjects, &message->subject);
		if (*at == 0 || (!is_dummy(tree, *at) &&
					(is_dummy(tree, node) || (is_reply(tree, messages, *at) &&
									 !is_reply(tree, messages, node)))))
			*at = node;
	}
}

static void adopt_children(struct thread_tree *tree, uint32_t from, uint32_t to)
{
	for (uint32_t child = tree->v[from].child; child; child = tree->v[child].next)
		tree->v[child].parent = to;
}

/* *at is another node with the same subject. */
static void thread_tree_merge(
	struct thread_tree *tree, const struct thread_message *messages, uint32_t node, uint32_t *at)
{
	uint32_t other = *at;
	if (is_dummy(tree, other)) {
		if (is_dummy(tree, node))
			adopt_children(tree, node, other);
		else
			tree->v[node].parent = other;
	} else if (is_reply(tree, messages, node) && !is_reply(tree, messages, other)) {
		tree->v[node].parent = other;
	} else {
		*at = new_node(tree);
		tree->v[node].parent = *at;
		tree->v[other].parent = *at;
	}
}

static void merge_subjects(struct thread_tree *tree, const struct thread_message *messages)
{
	for (uint32_t node = tree->v[0].child; node; node = tree->v[node].next) {
		const struct thread_message *message = message_of(tree, messages, node);
		if (message->no_subject)
			continue;
		uint32_t *at = thread_table_at(&tree->subjects, &message->subject);
		if (*at != node)
			thread_tree_merge(tree, messages, node, at);
	}
}

/*
 * ORDEREDSUBJECT: messages are in the order of their dates; the first one of a subject is the parent of the
 * others.
 */
static void thread_by_subject(
	struct thread_tree *tree, const struct thread_message *messages, const struct sort_item *order)
{
	for (size_t i = 0; i < tree->message_count; i++) {
		uint32_t node = tree->node_of[order[i].uid - 1];
		uint32_t *at = thread_table_at(&tree->subjects, &messages[order[i].uid - 1].subject);
		if (*at == 0)
			*at = node;
		else
			tree->v[node].parent = *at;
	}
}

bool thread_tree_step(
	struct thread_tree *tree, const struct thread_message *messages, const struct sort_item *order)
{
	switch (tree->step) {
	case THREAD_STEP_SUBJECTS:
		thread_by_subject(tree, messages, order);
		tree->step = THREAD_STEP_ORDER;
		return false;
	case THREAD_STEP_PRUNE:
		thread_tree_prune(tree);
		break;
	case THREAD_STEP_ORDER_ROOTS:
		order_siblings(tree, order);
		break;
	case THREAD_STEP_TABLE:
		fill_subjects(tree, messages);
		break;
	case THREAD_STEP_MERGE:
		merge_subjects(tree, messages);
		break;
	case THREAD_STEP_ORDER:
		order_siblings(tree, order);
		break;
	case THREAD_STEP_DONE:
		return true;
	}
	tree->step++;
	return tree->step == THREAD_STEP_DONE;
}

/* The answer. */

static bool thread_tree_splits(const struct thread_tree *tree, uint32_t node)
{
	return tree->v[node].child != tree->v[node].last;
}

/*
 * The next node to print after a node without children; closes the parentheses of threads that end. 0:
 * everything is printed.
 */
static uint32_t thread_tree_after(const struct thread_tree *tree, uint32_t node, struct buf *out)
{
	const struct thread_node *v = tree->v;
	while (node) {
		uint32_t parent = v[node].parent;
		if (parent == 0 || thread_tree_splits(tree, parent))
			buf_addc(out, ')');
		if (v[node].next)
			return v[node].next;
		node = parent;
	}
	return 0;
}

void thread_tree_print(const struct thread_tree *tree, const struct thread_message *messages, struct buf *out)
{
	const struct thread_node *v = tree->v;
	uint32_t node = v[0].child;
	while (node) {
		if (v[node].parent == 0 || thread_tree_splits(tree, v[node].parent))
			buf_addc(out, '(');
		if (!is_dummy(tree, node)) {
			buf_addu(out, messages[v[node].message - 1].number);
			if (v[node].child)
				buf_addc(out, ' ');
		}
		node = v[node].child ? v[node].child : thread_tree_after(tree, node, out);
	}
}
