/*
 * Intrusive doubly linked list. A node is in at most one list; an unlinked node has NULL pointers, so that
 * list_remove of it is harmless. The list owns nothing.
 */
#ifndef COID_BASE_LIST_H
#define COID_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next;
	struct list_node *prev;
};

struct list {
	struct list_node head;
};

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* The loop declares `node`, so that it can't be in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define LIST_EACH(node, list)                                                                                \
	for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)
/* The body may remove `node`. */
#define LIST_EACH_SAFE(node, list)                                                                           \
	for (struct list_node *node = (list)->head.next, *node##_next = node->next; node != &(list)->head;   \
		node = node##_next, node##_next = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *list)
{
	list->head.next = list->head.prev = &list->head;
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline bool list_linked(const struct list_node *node)
{
	return node->next != NULL;
}

static inline void list_insert_before(struct list_node *pos, struct list_node *node)
{
	node->prev = pos->prev;
	node->next = pos;
	pos->prev->next = node;
	pos->prev = node;
}

static inline void list_append(struct list *list, struct list_node *node)
{
	list_insert_before(&list->head, node);
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
	list_insert_before(list->head.next, node);
}

static inline void list_remove(struct list_node *node)
{
	if (!node->next)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

/* The first node or NULL. */
static inline struct list_node *list_first(const struct list *list)
{
	return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_pop(struct list *list)
{
	struct list_node *node = list_first(list);
	if (node)
		list_remove(node);
	return node;
}

/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
void list_splice(struct list *to, struct list *from);

#endif
