/* link: admin */
/*
 * A request on the control socket, fed whole and in pieces of a size that the first octet says: both must
 * give the same result, arguments and payload, and the same place in the input.
 */
#include "admin/request.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct request_reader reader;
	struct arena *arena;
	enum request_result result;
	size_t used;
};

static void reading_run(struct reading *reading, struct strv in, size_t step)
{
	size_t have = 0;

	reading->arena = arena_new(0);
	reading->result = REQUEST_NEED_MORE;
	reading->used = 0;
	request_reader_init(&reading->reader, reading->arena);
	while (reading->result == REQUEST_NEED_MORE && have < in.n) {
		size_t used = 0;
		have = in.n - have < step ? in.n : have + step;
		struct strv rest = strv_sub(in, reading->used, have - reading->used);
		reading->result = request_read(&reading->reader, rest, &used);
		if (used > rest.n)
			abort();
		reading->used += used;
	}
}

static void reading_check(const struct reading *reading)
{
	const struct request_reader *reader = &reading->reader;

	if (reader->arg_count > reader->arg_total || reader->arg_total > PROTOCOL_ARGS_MAX ||
		reader->payload.len > reader->payload_total)
		abort();
	for (unsigned i = 0; i < reader->arg_count; i++) {
		if (reader->args[i].n > PROTOCOL_ARG_MAX || strlen(reader->args[i].p) != reader->args[i].n)
			abort();
	}
	if ((reading->result == REQUEST_COMPLETE) != (reader->part == REQUEST_WHOLE))
		abort();
}

static void reading_fini(struct reading *reading)
{
	request_reader_fini(&reading->reader);
	arena_free(&reading->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole, pieces;

	if (size < 2)
		return 0;
	struct strv in = strv_make(data + 1, size - 1);
	reading_run(&whole, in, in.n);
	reading_run(&pieces, in, 1 + data[0]);
	reading_check(&whole);
	reading_check(&pieces);
	if (whole.result != pieces.result || whole.reader.arg_count != pieces.reader.arg_count)
		abort();
	for (unsigned i = 0; i < whole.reader.arg_count; i++) {
		if (!strv_eq(whole.reader.args[i], pieces.reader.args[i]))
			abort();
	}
	if (whole.result != REQUEST_INVALID &&
		(whole.used != pieces.used ||
			!strv_eq(buf_strv(&whole.reader.payload), buf_strv(&pieces.reader.payload))))
		abort();
	reading_fini(&whole);
	reading_fini(&pieces);
	return 0;
}
