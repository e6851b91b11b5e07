/*
 * Messages that real and hostile senders make. LF stands for CRLF in `text` unless `raw` is set.
 */
#ifndef COID_TESTS_MIME_NASTY_H
#define COID_TESTS_MIME_NASTY_H

#include "base/strv.h"

struct nasty {
	const char *name;
	const char *text;
	size_t raw; /* octets of text to take as they are, NUL included */
};

#define NASTY_RAW(literal) (literal), sizeof(literal) - 1

static const struct nasty nasty_messages[] = {
	{ "empty", "", 0 },
	{ "one-lf", "\n", 0 },
	{ "only-body", "\nhello\n", 0 },
	{ "no-header-no-blank-line", "hello\nworld\n", 0 },
	{ "no-line-end", "hello", 0 },
	{ "only-header", "Subject: x\nFrom: a@b\n", 0 },
	{ "only-header-no-line-end", "Subject: x", 0 },
	{ "simple", "From: a@b\nSubject: hi\n\nHello\nWorld\n", 0 },
	{ "missing-blank-line", "From: a@b\nThis is the body already\nFrom: not@header\n", 0 },
	{ "mbox-line", "From joe Tue Nov 24\nSubject: x\n\nbody\n", 0 },
	{ "quoted-mbox-line", ">From joe Tue Nov 24\nSubject: x\n\nbody\n", 0 },
	{ "starts-folded", " folded\nSubject: x\n\nbody\n", 0 },
	{ "colon-first", ": nothing\nSubject: x\n\nbody\n", 0 },
	{ "space-before-colon", "Subject : x\nTo\t: a@b\n\nbody\n", 0 },
	{ "folded-by-spaces-only", "Subject: a\n \n\t\n b\nTo: x@y\n\nbody", 0 },
	{ "bare-lf", NASTY_RAW("From: a@b\nSubject: x\n folded\n\nline\nline\r\nline") },
	{ "bare-cr", NASTY_RAW("From: a@b\rSubject: x\r\n\r\nli\rne\r\n") },
	{ "cr-at-the-end", NASTY_RAW("Subject: x\r\n\r") },
	{ "double-cr", NASTY_RAW("Subject: x\r\r\n\r\r\nbody\r\r\n") },
	{ "nul", NASTY_RAW("Subject: a\0b\r\nFrom: \"x\0y\" <a@b>\r\n\r\n\0\r\n") },
	{ "8bit", NASTY_RAW("Subject: \xff\xfe\r\nFrom: J\xf6rg <j\xf6@x>\r\nContent-Type: t\xffxt/pl\xfein; "
			    "n\xfc=v\xfc\r\n\r\n\xe4\r\n") },
	{ "mixed",
		"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: "
		"image/png\n"
		"Content-Transfer-Encoding: base64\n\nAAAA\n--b--\nepilogue\n",
		0 },
	{ "quoted-boundary-spaces",
		"Content-Type: multipart/mixed; boundary=\"a b'()+_,-./:=?\"\n\n--a b'()+_,-./:=?\n\nx\n--a "
		"b'()+_,-./:=?-- \t\n",
		0 },
	{ "boundary-trailing-space", "Content-Type: multipart/mixed; boundary=b\n\n--b \t \n\nx\n--b--  \n",
		0 },
	{ "no-closing-boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n", 0 },
	{ "boundary-at-the-end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b", 0 },
	{ "closing-boundary-at-the-end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--",
		0 },
	{ "no-parts", "Content-Type: multipart/mixed; boundary=b\n\nnothing\n", 0 },
	{ "closed-at-once", "Content-Type: multipart/mixed; boundary=b\n\n--b--\n", 0 },
	{ "no-boundary-parameter", "Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n", 0 },
	{ "empty-boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n", 0 },
	{ "prefix-boundaries",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; "
		"boundary=bb\n\n"
		"--bb\n\none\n--bb\n\ntwo\n--bb--\n--bbb\n--b\n\nthree\n--b--\n",
		0 },
	{ "outer-ends-inner",
		"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
		"boundary=i\n\n--i\n\n"
		"one\n--o\n\ntwo\n--i\n--o--\n",
		0 },
	{ "same-boundary-inside",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
		"boundary=b\n\n--b\n\n"
		"x\n--b--\n--b--\n",
		0 },
	{ "header-then-boundary",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
		"text/html\n--b\n--b\n\n--b--\n",
		0 },
	{ "own-boundary-ends-header", "Content-Type: multipart/mixed; boundary=b\n--b\n\none\n--b--\n", 0 },
	{ "boundary-with-colon",
		"Content-Type: multipart/mixed; boundary=\"b:c\"\n\n--b:c\nSubject: "
		"x\n--b:c\n\ntwo\n--b:c--\n",
		0 },
	{ "after-close",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\nno part\n--b--\n",
		0 },
	{ "text-after-dashes",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--\n---\n--c\n--b--x\n--b--\n", 0 },
	{ "digest",
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: "
		"one\n\none\n--b\nContent-Type: text/plain\n\n"
		"two\n--b\n\nno header, no blank line\n--b--\n",
		0 },
	{ "message",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: "
		"message/rfc822\n\n"
		"Subject: inner\nFrom: i@j\nContent-Type: multipart/alternative; "
		"boundary=c\n\n--c\n\nplain\n--c\n"
		"Content-Type: text/html\n\n<b>html</b>\n--c--\n--b--\n",
		0 },
	{ "message-in-message",
		"Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n", 0 },
	{ "message-without-header", "Content-Type: message/rfc822\n\n\nbody\n", 0 },
	{ "message-without-body", "Content-Type: message/rfc822\n", 0 },
	{ "message-ended-by-boundary",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n--b\n"
		"Content-Type: message/rfc822\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--\n",
		0 },
	{ "message-base64",
		"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQp5\n",
		0 },
	{ "message-global", "Content-Type: message/global\n\nSubject: x\n\ny\n", 0 },
	{ "message-partial", "Content-Type: message/partial; id=\"1\"; number=1\n\nSubject: x\n\ny\n", 0 },
	{ "type-unreadable", "Content-Type: garbage; charset=x\n\nx\n", 0 },
	{ "type-without-subtype", "Content-Type: text/; charset=x\n\nx\n", 0 },
	{ "type-empty", "Content-Type:\n\nx\n", 0 },
	{ "type-comments",
		"Content-Type: (a (nested) comment) text (b) / (c) html (d); (e) charset (f) = (g) utf-8 "
		"(h)\n\nx\n",
		0 },
	{ "type-folded", "Content-Type:\n\ttext/plain;\n\tcharset=\"utf-8\";\n\tname=\"a\n b\"\n\nx\n", 0 },
	{ "params-broken", "Content-Type: text/plain; ; =; a; b=; c=\"unclosed; d=e\n\nx\n", 0 },
	{ "params-2231",
		"Content-Type: application/x; name*0*=utf-8'en'%e2%82%ac; name*1=\" rest\"; name*2*=%21;\n"
		" title*=iso-8859-1''%A3; x*1=lost; y**=z; name=fallback\n\nx\n",
		0 },
	{ "fields-of-a-part",
		"Content-Type: application/pdf; name=a.pdf\nContent-ID: <1@x>\nContent-Description: a\n "
		"\"b\"\n"
		"Content-MD5: Q2hlY2s=\nContent-Disposition: attachment; filename=\"a \\\"b\\\".pdf\"; "
		"size=3\n"
		"Content-Language: en, de (German)\nContent-Location: http://x/\n "
		"y\nContent-Transfer-Encoding: BASE64\n\nAAAA\n",
		0 },
	{ "fields-empty",
		"Subject:\nFrom:\nTo: \nDate:\nMessage-ID:\nIn-Reply-To:\nContent-ID:\nContent-Disposition:\n"
		"Content-Language:\nContent-Location:\nContent-MD5:\nContent-Description:\nContent-Transfer-"
		"Encoding:\n\n",
		0 },
	{ "addresses",
		"From: \"Doe, \\\"J\\\"\" <j@x>, =?utf-8?q?J=C3=B6?= <j@y>\nSender: root (Charlie "
		"Root)\nReply-To: \n"
		"To: Friends: a@b, <@r1,@r2:c@d>;, e@f\nCc: undisclosed-recipients:;\nBcc: <>\n\n",
		0 },
	{ "addresses-broken",
		"From: \"unclosed <a@b>\nTo: (unclosed <a@b>\nCc: <<<>>>,,;;::@@\nBcc: a:b:c;d;e@\nReply-To: "
		"@x <y\nSender: [x\n\n",
		0 },
	{ "html-only",
		"Content-Type: text/html; "
		"charset=utf-8\n\n<html><head><title>T</title><style>p{}</style></head>"
		"<body><p>Hello&nbsp;<b>W</b>orld &#33; &unknown; &lt;<!-- no -->x</p></body></html>\n",
		0 },
	{ "qp-text",
		"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
		"quoted-printable\n\n"
		"J=F6rg says=\n hello  \n=3D =XY=\n",
		0 },
	{ "attachment-first",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nnot "
		"this\n--b\n"
		"Content-Type: text/html\n\n<p>nor this</p>\n--b\n\nthis\n--b--\n",
		0 },
	{ "line-that-is-no-field",
		"Return-Path: <a@x.test>\n>From a@x.test Mon Jan  1 10:00:00 2024\nFrom: a@x.test\nSubject: "
		"real\n"
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
		0 },
	{ "line-that-is-no-field-at-the-end", "Content-Type: text/html\nno field\n\nbody\n", 0 },
	{ "two-mbox-lines", "From a Mon\n>From b Tue\nContent-Type: text/html\n\nbody\n", 0 },
	{ "parameter-not-folded",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
		"application/zip;\nname=\"a.zip\"\n"
		"Content-Transfer-Encoding: base64\nContent-Disposition: "
		"attachment;\nfilename=\"a.zip\"\n\nUEs=\n--b\n\n"
		"text\n--b--\n",
		0 },
	{ "boundary-not-folded",
		"Content-Type: multipart/mixed;\nboundary=\"a:b\"\nSubject: x\n\n--a:b\n\none\n--a:b--\n",
		0 },
	{ "own-boundary-behind-junk",
		"Content-Type: multipart/mixed; boundary=b\njunk\n--b\nX: y\n\none\n--b--\n", 0 },
	{ "own-boundary-with-colon",
		"Content-Type: multipart/mixed; boundary=\"b:c\"\n--b:c\n\none\n--b:c--\n", 0 },
	{ "junk-then-boundary",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\njunk\n "
		"folded\n--b\n"
		"Content-Type: message/rfc822\njunk\n--b\nContent-Type: multipart/mixed; "
		"boundary=i\njunk\n--b\n\ntwo\n--b--\n",
		0 },
	{ "quoted-type",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
		"\"text/html\"\nContent-Disposition: "
		"\"attachment\"; filename=x\nContent-Transfer-Encoding: \"base64\"\n\none\n--b--\n",
		0 },
	{ "long-parameter-less", "Content-Type: multipart/mixed;;;;;;boundary=b;;;\n\n--b\n\n\n--b--\n", 0 },
};

#define NASTY_COUNT (sizeof(nasty_messages) / sizeof(nasty_messages[0]))

#endif
