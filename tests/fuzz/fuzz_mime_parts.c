/* link: mime */
/*
 * A part table as read from a damaged disk. The first byte chooses the section, the second the depth of the
 * path.
 */
#include "mime/decode.h"
#include "mime/summary.h"

#include <stdint.h>
#include <stdlib.h>

#define PATH_DEPTH 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t path[PATH_DEPTH];
	if (size < 2 + PATH_DEPTH)
		return 0;
	for (size_t i = 0; i < PATH_DEPTH; i++)
		path[i] = data[2 + i];
	struct mime_range range = { .offset = 0 };
	struct strv table = strv_make(data + 2 + PATH_DEPTH, size - 2 - PATH_DEPTH);
	enum rc rc = mime_parts_find(
		table, path, data[1] % (PATH_DEPTH + 1), (enum mime_section)(data[0] & 3), &range);
	if (rc != RC_OK && rc != RC_NOT_FOUND && rc != RC_CORRUPT)
		abort();
	if (rc == RC_OK && (range.offset > INT64_MAX || range.size > INT64_MAX - range.offset ||
				   range.encoding > MIME_ENC_UNKNOWN))
		abort();
	return 0;
}
