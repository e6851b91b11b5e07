/*
 * Paths and parameters of MAIL and RCPT (RFC 5321 section 4.1.2).
 */
#include "lmtp/smtp_parse.h"

#include "base/str.h"

struct smtp_out {
	char *p;
	size_t n;
	bool full;
};

static void smtp_out_add(struct smtp_out *out, char c)
{
	if (out->n == SMTP_PATH_MAX)
		out->full = true;
	else
		out->p[out->n++] = c;
}

static bool smtp_is_atext(unsigned char c)
{
	return c >= 0x80 || (c > ' ' && c != 0x7f && !strchr("()<>[]:;@\\,\"", c));
}

static bool smtp_take(struct strv *in, char c)
{
	if (in->n == 0 || in->p[0] != c)
		return false;
	*in = strv_sub(*in, 1, in->n);
	return true;
}

/* Skips "@a,@b:" before the address, which RFC 5321 says to ignore. */
static bool smtp_skip_route(struct strv *in)
{
	if (in->n == 0 || in->p[0] != '@')
		return true;
	size_t colon = strv_index(*in, ':');
	if (colon == in->n)
		return false;
	*in = strv_sub(*in, colon + 1, in->n);
	return true;
}

static bool smtp_take_quoted(struct strv *in, struct smtp_out *out)
{
	while (in->n > 0 && in->p[0] != '"') {
		if (in->p[0] == '\\' && in->n > 1)
			*in = strv_sub(*in, 1, in->n);
		if ((unsigned char)in->p[0] < ' ' || in->p[0] == 0x7f)
			return false;
		smtp_out_add(out, in->p[0]);
		*in = strv_sub(*in, 1, in->n);
	}
	return smtp_take(in, '"');
}

static bool smtp_take_atoms(struct strv *in, struct smtp_out *out)
{
	size_t before = out->n;
	while (in->n > 0 && smtp_is_atext((unsigned char)in->p[0])) {
		smtp_out_add(out, in->p[0]);
		*in = strv_sub(*in, 1, in->n);
	}
	return out->n > before || out->full;
}

/* Takes a domain or an address literal. */
static bool smtp_take_domain(struct strv *in, struct smtp_out *out)
{
	if (in->n == 0 || in->p[0] != '[')
		return smtp_take_atoms(in, out);
	size_t end = strv_index(*in, ']');
	if (end == in->n)
		return false;
	for (size_t i = 0; i <= end; i++) {
		if ((unsigned char)in->p[i] <= ' ' || (unsigned char)in->p[i] >= 0x7f)
			return false;
		smtp_out_add(out, in->p[i]);
	}
	*in = strv_sub(*in, end + 1, in->n);
	return true;
}

enum rc smtp_path_parse(struct strv *in, bool rcpt, struct smtp_path *ret_path)
{
	struct smtp_path path = { .null = false };
	struct smtp_out local = { path.local, 0, false };
	struct smtp_out host = { path.domain, 0, false };

	if (!smtp_take(in, '<'))
		return RC_INVALID;
	if (!rcpt && smtp_take(in, '>')) {
		path.null = true;
		*ret_path = path;
		return RC_OK;
	}
	if (!smtp_skip_route(in))
		return RC_INVALID;
	if (smtp_take(in, '"') ? !smtp_take_quoted(in, &local) : !smtp_take_atoms(in, &local))
		return RC_INVALID;
	if (smtp_take(in, '@')) {
		if (!smtp_take_domain(in, &host))
			return RC_INVALID;
	} else if (!rcpt || !strv_ieq(strv_make(local.p, local.n), STRV("postmaster"))) {
		return RC_INVALID;
	}
	if (!smtp_take(in, '>'))
		return RC_INVALID;
	if (local.full || host.full || local.n + host.n > SMTP_PATH_MAX)
		return RC_LIMIT;
	path.local[local.n] = '\0';
	path.domain[host.n] = '\0';
	path.utf8 = !str_is_ascii(strv_cstr(path.local)) || !str_is_ascii(strv_cstr(path.domain));
	if (path.utf8 && (!str_utf8_valid(strv_cstr(path.local)) || !str_utf8_valid(strv_cstr(path.domain))))
		return RC_INVALID;
	*ret_path = path;
	return RC_OK;
}

static bool smtp_is_keyword(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = str_lower(v.p[i]);
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!letter && (c != '-' || i == 0))
			return false;
	}
	return v.n > 0;
}

static bool smtp_is_value(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] <= ' ' || v.p[i] == '=' || v.p[i] == 0x7f)
			return false;
	}
	return v.n > 0;
}

enum rc smtp_params_parse(struct strv in, struct smtp_param *ret_params, unsigned *ret_count)
{
	unsigned count = 0;

	in = strv_trim(in);
	while (in.n > 0) {
		size_t end = strv_index(in, ' ');
		struct strv word = strv_sub(in, 0, end);
		size_t equals = strv_index(word, '=');
		struct smtp_param param = { strv_sub(word, 0, equals), STRV_NULL };
		if (equals < word.n) {
			param.value = strv_sub(word, equals + 1, word.n);
			if (!smtp_is_value(param.value))
				return RC_INVALID;
		}
		if (!smtp_is_keyword(param.name))
			return RC_INVALID;
		if (count == SMTP_PARAMS_MAX)
			return RC_LIMIT;
		ret_params[count++] = param;
		in = strv_trim(strv_sub(in, end, in.n));
	}
	*ret_count = count;
	return RC_OK;
}
