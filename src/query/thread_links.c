/* Link-cut trees: each path that is in use is a splay tree. */
#include "query/thread_links.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

void thread_links_init(struct thread_links *links)
{
	*links = (struct thread_links){ .n = 1, .cap = 64 };
	links->v = mem_zalloc(links->cap * sizeof(*links->v));
}

void thread_links_fini(struct thread_links *links)
{
	free(links->v);
	*links = (struct thread_links){ .v = NULL };
}

uint32_t thread_links_add(struct thread_links *links)
{
	if (links->n == links->cap)
		links->v = mem_grow(links->v, &links->cap, sizeof(*links->v));
	links->v[links->n] = (struct thread_link){ .left = 0 };
	return (uint32_t)links->n++;
}

/* True: x is the root of its splay tree; then `up` leads to another path. */
static bool is_top(const struct thread_link *v, uint32_t x)
{
	uint32_t up = v[x].up;
	return up == 0 || (v[up].left != x && v[up].right != x);
}

/* Rotates x above its parent. */
static void thread_links_rotate(struct thread_link *v, uint32_t x)
{
	uint32_t p = v[x].up;
	uint32_t g = v[p].up;
	bool p_is_top = is_top(v, p);
	uint32_t middle;
	if (v[p].left == x) {
		middle = v[x].right;
		v[p].left = middle;
		v[x].right = p;
	} else {
		middle = v[x].left;
		v[p].right = middle;
		v[x].left = p;
	}
	if (middle)
		v[middle].up = p;
	v[p].up = x;
	v[x].up = g;
	if (p_is_top)
		return;
	if (v[g].left == p)
		v[g].left = x;
	else
		v[g].right = x;
}

static void thread_links_splay(struct thread_link *v, uint32_t x)
{
	while (!is_top(v, x)) {
		uint32_t p = v[x].up;
		if (!is_top(v, p)) {
			uint32_t g = v[p].up;
			bool straight = (v[g].left == p) == (v[p].left == x);
			thread_links_rotate(v, straight ? p : x);
		}
		thread_links_rotate(v, x);
	}
}

/* Makes the path from the tree's root to x one splay tree with x on top. */
static void thread_links_expose(struct thread_link *v, uint32_t x)
{
	uint32_t below = 0;
	for (uint32_t y = x; y; y = v[y].up) {
		thread_links_splay(v, y);
		v[y].right = below;
		below = y;
	}
	thread_links_splay(v, x);
}

uint32_t thread_links_root(struct thread_links *links, uint32_t node)
{
	struct thread_link *v = links->v;
	thread_links_expose(v, node);
	while (v[node].left)
		node = v[node].left;
	thread_links_splay(v, node);
	return node;
}

void thread_links_join(struct thread_links *links, uint32_t child, uint32_t parent)
{
	thread_links_expose(links->v, child);
	links->v[child].up = parent;
}

void thread_links_cut(struct thread_links *links, uint32_t child)
{
	struct thread_link *v = links->v;
	thread_links_expose(v, child);
	v[v[child].left].up = 0;
	v[child].left = 0;
}
