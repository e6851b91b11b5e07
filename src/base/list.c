#include "base/list.h"

void list_splice(struct list *to, struct list *from)
{
	if (to == from || list_empty(from))
		return;
	struct list_node *first = from->head.next;
	struct list_node *last = from->head.prev;
	struct list_node *tail = to->head.prev;

	tail->next = first;
	first->prev = tail;
	last->next = &to->head;
	to->head.prev = last;
	list_init(from);
}
