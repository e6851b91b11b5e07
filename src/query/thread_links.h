/*
 * A forest of trees that can be joined and cut, and asked for the root of a node: link-cut trees (Sleator and
 * Tarjan). A step in a chain of 100,000 replies costs no more than the logarithm of its length, in whatever
 * order its links come. Without recursion. Nodes are numbers from 1 on. Memory only.
 */
#ifndef COID_QUERY_THREAD_LINKS_H
#define COID_QUERY_THREAD_LINKS_H

#include <stddef.h>
#include <stdint.h>

struct thread_link {
	uint32_t left; /* of its splay tree: nodes nearer to the root of the forest's tree */
	uint32_t right;
	uint32_t up; /* in the splay tree, or the parent of the topmost node of the path */
};

struct thread_links {
	struct thread_link *v; /* own; the first is not used */
	size_t n;
	size_t cap;
};

void thread_links_init(struct thread_links *links);
void thread_links_fini(struct thread_links *links);
/* Adds a node without links. */
uint32_t thread_links_add(struct thread_links *links);
uint32_t thread_links_root(struct thread_links *links, uint32_t node);
/* `child` must be a root, but not the root of `parent`. */
void thread_links_join(struct thread_links *links, uint32_t child, uint32_t parent);
/* `child` must have a parent; afterwards it is the root of its own tree. */
void thread_links_cut(struct thread_links *links, uint32_t child);

#endif
