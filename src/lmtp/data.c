/* Finds the end of a message after DATA, and removes stuffed dots. */
#include "lmtp/data.h"

void data_init(struct data *data)
{
	data->state = DATA_LINE_START;
}

static void data_flush(
	struct strv in, size_t from, size_t to, void (*out)(void *arg, struct strv piece), void *arg)
{
	if (to > from)
		out(arg, strv_sub(in, from, to - from));
}

static enum data_state data_in_line(char c)
{
	return c == '\r' ? DATA_CR : DATA_LINE;
}

/* The end of the run of octets from i on that has no CR. */
static size_t data_skip_plain(struct strv in, size_t i)
{
	const char *cr = memchr(in.p + i, '\r', in.n - i);
	return cr ? (size_t)(cr - in.p) : in.n;
}

size_t data_feed(struct data *data, struct strv in, void (*out)(void *arg, struct strv piece), void *arg)
{
	size_t from = 0; /* first octet that has not been passed to `out` yet */
	size_t i = 0;

	while (i < in.n && data->state != DATA_END) {
		char c = in.p[i];
		switch (data->state) {
		case DATA_LINE_START:
			if (c == '.') {
				data_flush(in, from, i, out, arg);
				from = i + 1;
				data->state = DATA_DOT;
			} else {
				data->state = data_in_line(c);
			}
			i++;
			break;
		case DATA_LINE:
			i = data_skip_plain(in, i);
			if (i < in.n) {
				data->state = DATA_CR;
				i++;
			}
			break;
		case DATA_CR:
			data->state = c == '\n' ? DATA_LINE_START : data_in_line(c);
			i++;
			break;
		case DATA_DOT:
			/* The dot has been removed; a CR is held back until the next octet is known. */
			if (c == '\r') {
				data_flush(in, from, i, out, arg);
				from = i + 1;
				data->state = DATA_DOT_CR;
			} else {
				data->state = DATA_LINE;
			}
			i++;
			break;
		case DATA_DOT_CR:
			if (c == '\n') {
				from = i + 1;
				data->state = DATA_END;
				i++;
			} else {
				out(arg, STRV("\r"));
				data->state = DATA_CR;
			}
			break;
		case DATA_END:
			break;
		}
	}
	data_flush(in, from, i, out, arg);
	return i;
}
