#include "mime/charset_names.h"

#include "base/str.h"

struct charset_name {
	const char *name; /* upper case */
	const char *iconv; /* the name for iconv; NULL: the same */
};

/*
 * The only names that are given to iconv: its rarely used converters have had many security holes, and mail
 * often calls a charset by another name than iconv. ASCII and Latin 1 are read as their supersets, as
 * browsers do.
 */
static const struct charset_name names[] = {
	{ "UTF-8", NULL },
	{ "UTF8", "UTF-8" },
	{ "US-ASCII", "UTF-8" },
	{ "ASCII", "UTF-8" },
	{ "ANSI_X3.4-1968", "UTF-8" },
	{ "646", "UTF-8" },
	{ "UTF-7", NULL },
	{ "UNICODE-1-1-UTF-7", "UTF-7" },
	{ "UNICODE-1-1-UTF-8", "UTF-8" },
	{ "UTF-16", NULL },
	{ "UTF-16LE", NULL },
	{ "UTF-16BE", NULL },
	{ "UTF-32", NULL },
	{ "UTF-32LE", NULL },
	{ "UTF-32BE", NULL },
	{ "ISO-8859-1", "WINDOWS-1252" },
	{ "ISO8859-1", "WINDOWS-1252" },
	{ "ISO_8859-1", "WINDOWS-1252" },
	{ "LATIN1", "WINDOWS-1252" },
	{ "L1", "WINDOWS-1252" },
	{ "CP1252", "WINDOWS-1252" },
	{ "ISO-8859-2", NULL },
	{ "ISO8859-2", "ISO-8859-2" },
	{ "LATIN2", "ISO-8859-2" },
	{ "ISO-8859-3", NULL },
	{ "ISO-8859-4", NULL },
	{ "ISO-8859-5", NULL },
	{ "ISO-8859-6", NULL },
	{ "ISO-8859-6-I", "ISO-8859-6" },
	{ "ISO-8859-7", NULL },
	{ "ISO-8859-8", NULL },
	{ "ISO-8859-8-I", "ISO-8859-8" },
	{ "ISO-8859-8-E", "ISO-8859-8" },
	{ "ISO-8859-9", "WINDOWS-1254" },
	{ "ISO8859-9", "WINDOWS-1254" },
	{ "LATIN5", "WINDOWS-1254" },
	{ "ISO-8859-10", NULL },
	{ "ISO-8859-11", NULL },
	{ "ISO-8859-13", NULL },
	{ "ISO-8859-14", NULL },
	{ "ISO-8859-15", NULL },
	{ "ISO8859-15", "ISO-8859-15" },
	{ "LATIN9", "ISO-8859-15" },
	{ "ISO-8859-16", NULL },
	{ "LATIN3", "ISO-8859-3" },
	{ "LATIN4", "ISO-8859-4" },
	{ "CYRILLIC", "ISO-8859-5" },
	{ "ARABIC", "ISO-8859-6" },
	{ "GREEK", "ISO-8859-7" },
	{ "HEBREW", "ISO-8859-8" },
	{ "LATIN6", "ISO-8859-10" },
	{ "LATIN7", "ISO-8859-13" },
	{ "LATIN8", "ISO-8859-14" },
	{ "LATIN10", "ISO-8859-16" },
	{ "TIS-620", NULL },
	{ "WINDOWS-874", "CP874" },
	{ "WINDOWS-1250", NULL },
	{ "CP1250", "WINDOWS-1250" },
	{ "WINDOWS-1251", NULL },
	{ "CP1251", "WINDOWS-1251" },
	{ "WINDOWS-1252", NULL },
	{ "WINDOWS-1253", NULL },
	{ "CP1253", "WINDOWS-1253" },
	{ "WINDOWS-1254", NULL },
	{ "CP1254", "WINDOWS-1254" },
	{ "WINDOWS-1255", NULL },
	{ "CP1255", "WINDOWS-1255" },
	{ "WINDOWS-1256", NULL },
	{ "CP1256", "WINDOWS-1256" },
	{ "WINDOWS-1257", NULL },
	{ "CP1257", "WINDOWS-1257" },
	{ "WINDOWS-1258", NULL },
	{ "CP1258", "WINDOWS-1258" },
	{ "KOI8-R", NULL },
	{ "KOI8-U", NULL },
	{ "KOI8-RU", "KOI8-U" },
	{ "KOI8-T", NULL },
	{ "IBM862", NULL },
	{ "CP862", "IBM862" },
	{ "IBM857", NULL },
	{ "CP857", "IBM857" },
	{ "IBM858", "CP858" },
	{ "CP858", NULL },
	{ "ARMSCII-8", NULL },
	{ "GEORGIAN-PS", NULL },
	{ "TCVN", NULL },
	{ "VISCII", NULL },
	{ "IBM437", NULL },
	{ "CP437", "IBM437" },
	{ "IBM850", NULL },
	{ "CP850", "IBM850" },
	{ "IBM852", NULL },
	{ "CP852", "IBM852" },
	{ "IBM855", NULL },
	{ "IBM866", NULL },
	{ "CP866", "IBM866" },
	{ "MACINTOSH", NULL },
	{ "X-MAC-ROMAN", "MACINTOSH" },
	{ "X-MAC-CYRILLIC", "MAC-CYRILLIC" },
	{ "ISO-2022-JP", NULL },
	{ "EUC-JP", NULL },
	{ "X-EUC-JP", "EUC-JP" },
	{ "SHIFT_JIS", "CP932" },
	{ "SHIFT-JIS", "CP932" },
	{ "SJIS", "CP932" },
	{ "X-SJIS", "CP932" },
	{ "MS_KANJI", "CP932" },
	{ "CP932", NULL },
	{ "WINDOWS-31J", "CP932" },
	{ "ISO-2022-JP-2", NULL },
	{ "JOHAB", NULL },
	{ "EUC-TW", NULL },
	{ "ISO-2022-KR", NULL },
	{ "EUC-KR", "CP949" },
	{ "KS_C_5601-1987", "CP949" },
	{ "KS_C_5601", "CP949" },
	{ "CP949", NULL },
	{ "GB2312", "GB18030" },
	{ "EUC-CN", "GB18030" },
	{ "GBK", "GB18030" },
	{ "CP936", "GB18030" },
	{ "X-GBK", "GB18030" },
	{ "GB18030", NULL },
	{ "BIG5", "CP950" },
	{ "BIG-5", "CP950" },
	{ "X-X-BIG5", "CP950" },
	{ "CP950", NULL },
	{ "BIG5-HKSCS", NULL },
};

/*
 * The letters and digits of a name in upper case: "iso_8859-1" and "ISO8859-1" are equal. Empty: it has other
 * characters.
 */
static struct strv charset_names_squeeze(char *room, struct strv name)
{
	size_t n = 0;
	for (size_t i = 0; i < name.n && n < CHARSET_NAME_MAX; i++) {
		char c = str_upper(name.p[i]);
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
			room[n++] = c;
		else if (c != '-' && c != '_' && c != '.' && c != ' ')
			return STRV_NULL;
	}
	return strv_make(room, n);
}

static const struct charset_name *find_squeezed(struct strv name)
{
	char room[CHARSET_NAME_MAX];
	struct strv wanted = charset_names_squeeze(room, name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && wanted.n > 0; i++) {
		char other[CHARSET_NAME_MAX];
		if (strv_eq(wanted, charset_names_squeeze(other, strv_cstr(names[i].name))))
			return &names[i];
	}
	return NULL;
}

static const struct charset_name *charset_names_find_name(struct strv name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_ieq(name, strv_cstr(names[i].name)))
			return &names[i];
	const struct charset_name *found = find_squeezed(name);
	/* Private names and names of the MIB: "x-windows-1251", "csISO2022JP". */
	if (!found && strv_istarts(name, STRV("x-")))
		found = find_squeezed(strv_sub(name, 2, name.n));
	if (!found && strv_istarts(name, STRV("cs")))
		found = find_squeezed(strv_sub(name, 2, name.n));
	return found;
}

const char *mime_charset_iconv_name(struct strv name)
{
	name = strv_trim(name);
	if (name.n == 0 || name.n > CHARSET_NAME_MAX)
		return NULL;
	const struct charset_name *found = charset_names_find_name(name);
	if (!found)
		return NULL;
	return found->iconv ? found->iconv : found->name;
}
