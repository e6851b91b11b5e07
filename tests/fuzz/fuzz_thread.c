/* link: query */
/*
 * Runs SORT and THREAD over foreign headers: each line of the input is one message, its fields separated by
 * '|': date (one octet), subject, message id, references. Base subjects are stable, every message is in the
 * threads once.
 */
#include "query/sort_key.h"
#include "query/thread_tree.h"
#include "mime/msgid.h"
#include "mime/subject.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 1000
#define REFS_MAX 100000
#define TEXT_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct thread_message messages[MESSAGES_MAX];
	size_t count;
	struct thread_id *refs;
	size_t ref_count;
	struct sorter dates;
	struct sort_scratch scratch;
	struct buf id;
};

static const uint64_t keys[4] = { 1, 2, 3, 4 };

static void check(bool condition)
{
	if (!condition)
		abort();
}

static struct strv take_field(struct strv *line)
{
	size_t n = strv_index(*line, '|');
	struct strv field = strv_sub(*line, 0, n);
	*line = strv_sub(*line, n + 1, line->n);
	return field;
}

/* A base subject is its own base subject, unless only a blob is left. */
static void check_subject(struct strv subject)
{
	struct buf once;
	struct buf twice;
	bool reply;
	buf_init(&once, TEXT_MAX);
	buf_init(&twice, TEXT_MAX);
	mime_subject_base(&once, subject, &reply);
	check(buf_ok(&once) && once.len <= subject.n);
	mime_subject_base(&twice, buf_strv(&once), &reply);
	check(!reply && strv_eq(buf_strv(&once), buf_strv(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

static void add_message(struct input *input, struct strv line)
{
	struct thread_message *message = &input->messages[input->count++];
	struct strv date = take_field(&line);
	struct strv subject = take_field(&line);
	struct strv own = take_field(&line);
	struct msgid_walk walk;
	*message = (struct thread_message){ .number = (uint32_t)input->count, .refs = input->ref_count };
	check_subject(subject);
	struct strv base = sort_base_subject(&input->scratch, subject, &message->reply);
	message->no_subject = base.n == 0;
	message->subject = thread_id_make(base, keys);
	msgid_walk_init(&walk, own);
	message->no_id = !msgid_walk_next(&walk, &input->id);
	message->id = thread_id_make(buf_strv(&input->id), keys);
	msgid_walk_init(&walk, line);
	while (input->ref_count < REFS_MAX && msgid_walk_next(&walk, &input->id)) {
		check(input->id.len >= 3 && input->id.len < line.n);
		input->refs[input->ref_count++] = thread_id_make(buf_strv(&input->id), keys);
		message->ref_count++;
	}
	sorter_add(&input->dates, (struct sort_item){ .head = date.n > 0 ? (unsigned char)date.p[0] : 0,
					  .uid = (uint32_t)input->count });
}

static void check_threads(struct strv out, size_t count)
{
	bool seen[MESSAGES_MAX + 1] = { false };
	size_t depth = 0;
	size_t found = 0;
	for (size_t i = 0; i < out.n; i++) {
		if (out.p[i] == '(') {
			depth++;
		} else if (out.p[i] == ')') {
			check(depth-- > 0 && out.p[i - 1] != '(' && out.p[i - 1] != ' ');
		} else if (out.p[i] != ' ') {
			size_t number = 0;
			for (; i < out.n && out.p[i] >= '0' && out.p[i] <= '9'; i++)
				number = number * 10 + (size_t)(out.p[i] - '0');
			i--;
			check(depth > 0 && number >= 1 && number <= count && !seen[number]);
			seen[number] = true;
			found++;
		}
	}
	check(depth == 0 && found == count);
}

static void run(struct input *input, enum thread_algorithm algorithm)
{
	struct thread_tree *tree = thread_tree_new(algorithm);
	struct buf out;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < input->count; i++)
		thread_tree_add(tree, &input->messages[i], input->refs + input->messages[i].refs);
	while (!thread_tree_step(tree, input->messages, sorter_items(&input->dates)))
		;
	thread_tree_print(tree, input->messages, &out);
	check_threads(buf_strv(&out), input->count);
	buf_fini(&out);
	thread_tree_free(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv text = strv_make(data, size);
	struct input *input = calloc(1, sizeof(*input));
	check(input != NULL);
	input->refs = calloc(REFS_MAX, sizeof(*input->refs));
	check(input->refs != NULL);
	sorter_init(&input->dates);
	sort_scratch_init(&input->scratch);
	buf_init(&input->id, TEXT_MAX);
	while (text.n > 0 && input->count < MESSAGES_MAX) {
		size_t n = strv_index(text, '\n');
		add_message(input, strv_sub(text, 0, n));
		text = strv_sub(text, n + 1, text.n);
	}
	while (!sorter_step(&input->dates, UINT64_MAX))
		sorter_accept(&input->dates);
	sorter_accept(&input->dates);
	run(input, THREAD_REFERENCES);
	run(input, THREAD_ORDEREDSUBJECT);
	buf_fini(&input->id);
	sort_scratch_fini(&input->scratch);
	sorter_fini(&input->dates);
	free(input->refs);
	free(input);
	return 0;
}
