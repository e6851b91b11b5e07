/*
 * The results of a sorted search that is kept up to date, in order.
 */
#include "imapd/sorted.h"

#include "base/mem.h"
#include "imap/search_return.h"
#include "imap/sort_program.h"
#include "imapd/view.h"

#include <stdlib.h>
#include <string.h>

struct sorted *sorted_new(const struct sort_program *program)
{
	struct sorted *sorted = mem_zalloc(sizeof(*sorted));
	sorted->program = *program;
	return sorted;
}

static void free_item(struct sort_item *item)
{
	free(mem_unconst(item->rest));
}

void sorted_free(struct sorted **sorted)
{
	struct sorted *s = *sorted;
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free_item(&s->v[i]);
	free(s->v);
	seqset_fini(&s->known);
	free(s);
	*sorted = NULL;
}

static struct sort_item copy_item(const struct sort_item *item)
{
	struct sort_item copy = *item;
	copy.rest = item->rest_n > 0 ? mem_strndup(item->rest, item->rest_n) : NULL;
	return copy;
}

void sorted_take(
	struct sorted *sorted, const struct sort_item *items, size_t count, const struct seqset *wanted)
{
	struct sort_item *all = mem_alloc((sorted->n + count + 1) * sizeof(*all));
	size_t n = 0;
	size_t at = 0;
	struct seqset taken = SEQSET_EMPTY;
	for (size_t i = 0; i < count; i++) {
		uint32_t uid = items[i].uid;
		if (!seqset_contains(wanted, uid) || seqset_contains(&sorted->known, uid))
			continue;
		while (at < sorted->n && sorter_item_compare(&sorted->v[at], &items[i]) < 0)
			all[n++] = sorted->v[at++];
		all[n++] = copy_item(&items[i]);
		seqset_add(&taken, uid);
	}
	while (at < sorted->n)
		all[n++] = sorted->v[at++];
	free(sorted->v);
	sorted->v = all;
	sorted->n = n;
	seqset_add_set(&sorted->known, &taken);
	seqset_fini(&taken);
}

void sorted_keep(struct sorted *sorted, const struct seqset *uids)
{
	size_t n = 0;
	for (size_t i = 0; i < sorted->n; i++) {
		if (seqset_contains(uids, sorted->v[i].uid))
			sorted->v[n++] = sorted->v[i];
		else
			free_item(&sorted->v[i]);
	}
	sorted->n = n;
	seqset_intersect(&sorted->known, uids);
}

/* A run of messages that follow each other in the order, and the position of the first. */
struct stretch {
	const struct view *view;
	struct buf *out;
	uint32_t *numbers; /* own */
	size_t n;
	uint64_t position;
	bool any; /* one has been printed */
};

static void sorted_begin(
	struct stretch *stretch, const struct sorted *sorted, const struct view *view, struct buf *out)
{
	*stretch = (struct stretch){ .view = view, .out = out };
	stretch->numbers = mem_alloc((sorted->n + 1) * sizeof(*stretch->numbers));
}

static void sorted_add(struct stretch *stretch, uint32_t uid, uint64_t position)
{
	if (stretch->n == 0)
		stretch->position = position;
	stretch->numbers[stretch->n++] = stretch->view ? view_seq(stretch->view, uid) : uid;
}

static void sorted_end(struct stretch *stretch)
{
	if (stretch->n == 0)
		return;
	if (stretch->any)
		buf_addc(stretch->out, ' ');
	buf_addu(stretch->out, stretch->position);
	buf_addc(stretch->out, ' ');
	search_list_print(stretch->out, stretch->numbers, stretch->n);
	stretch->any = true;
	stretch->n = 0;
}

/*
 * Prints positions from the start on: results before this one have been removed when the client comes to it.
 */
void sorted_print_removed(const struct sorted *sorted, const struct seqset *told,
	const struct seqset *removed, const struct view *view, struct buf *out)
{
	struct stretch stretch;
	uint64_t position = 1;
	sorted_begin(&stretch, sorted, view, out);
	for (size_t i = 0; i < sorted->n; i++) {
		uint32_t uid = sorted->v[i].uid;
		if (!seqset_contains(told, uid))
			continue;
		if (seqset_contains(removed, uid)) {
			sorted_add(&stretch, uid, position);
			continue;
		}
		sorted_end(&stretch);
		position++;
	}
	sorted_end(&stretch);
	free(stretch.numbers);
}

/* Prints positions from the start on: all results before this one are in their final places. */
void sorted_print_added(const struct sorted *sorted, const struct seqset *told, const struct seqset *added,
	const struct view *view, struct buf *out)
{
	struct stretch stretch;
	uint64_t position = 1;
	sorted_begin(&stretch, sorted, view, out);
	for (size_t i = 0; i < sorted->n; i++) {
		uint32_t uid = sorted->v[i].uid;
		if (seqset_contains(added, uid)) {
			sorted_add(&stretch, uid, position++);
		} else if (seqset_contains(told, uid)) {
			sorted_end(&stretch);
			position++;
		}
	}
	sorted_end(&stretch);
	free(stretch.numbers);
}
