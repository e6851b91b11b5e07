/*
 * The sample file etc/coid.conf, made from the table; a test keeps the two equal.
 */
#include "conf/conf_priv.h"

#include <string.h>

static const char head[] =
	"# The configuration of coid; see coid.conf(5). Every setting is here with its default.\n"
	"# To change one, remove the '#' in front of it. Try the result with: coid -t\n"
	"# Sizes: 512, 64K, 50M, 1G. Durations: 500ms, 30s, 5m, 2h, 7d. Lists: { \"one\", \"two\" }.\n"
	"# Other files, read after this one: include = \"coid.d/*.conf\" (outside of any section)\n";

static void add_quoted(struct buf *out, struct strv text)
{
	/* Between single quotes a backslash has no special meaning. */
	char mark = strv_index(text, '\\') < text.n ? '\'' : '"';
	buf_addc(out, mark);
	buf_addv(out, text);
	buf_addc(out, mark);
}

static void add_list(struct buf *out, struct strv text)
{
	if (text.n == 0) {
		buf_adds(out, "{}");
		return;
	}
	buf_adds(out, "{ ");
	for (;;) {
		size_t comma = strv_index(text, ',');
		add_quoted(out, strv_sub(text, 0, comma));
		if (comma == text.n)
			break;
		buf_adds(out, ", ");
		text = strv_sub(text, comma + 1, text.n);
	}
	buf_adds(out, " }");
}

static void add_row(struct buf *out, const struct conf_row *row)
{
	struct strv text = strv_cstr(row->text);

	buf_printf(out, "\t# %s.\n\t#%s = ", row->help, row->key);
	if (row->type == CONF_LIST)
		add_list(out, text);
	else if (row->type == CONF_STRING)
		add_quoted(out, text);
	else
		buf_addv(out, text);
	buf_addc(out, '\n');
}

void conf_sample(struct buf *out)
{
	const char *section = "";

	buf_adds(out, head);
	for (size_t i = 0; i < conf_table_rows; i++) {
		if (strcmp(conf_table[i].section, section) != 0) {
			section = conf_table[i].section;
			buf_printf(out, "%s\n%s {\n", i > 0 ? "}\n" : "", section);
		}
		add_row(out, &conf_table[i]);
	}
	buf_adds(out, "}\n");
}
