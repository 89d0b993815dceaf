#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>

#include "core/base/hash.h"
#include "core/script/pv_row.h"
#include "core/script/transform.h"

#define TEXT_MAX 131072 /* bytes that a transformation may make */

static void room(const struct tr_call *c, struct buf *b, size_t len)
{
	buf_arena(b, c->arena, len ? len : 1, TEXT_MAX);
}

static int made(const struct buf *b, struct script_value *out)
{
	return b->err ? -ENOMEM : pv_text(out, buf_slice(b));
}

static int run_md5(const struct tr_call *c, struct slice in, struct script_value *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *text;

	if (EVP_Digest(in.p ? in.p : "", in.len, digest, &len, EVP_md5(), NULL) != 1)
		return -ENOENT;
	text = arena_alloc(c->arena, 2 * (size_t)len + 1);
	if (!text)
		return -ENOMEM;
	hex_text(text, digest, len);
	return pv_text(out, slice_make(text, 2 * (size_t)len));
}

/* Escapes */

/** Quotes, backslashes and NUL with a backslash before. */
static int run_escape_common(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;
	size_t i;

	room(c, &b, in.len + 8);
	for (i = 0; i < in.len; i++) {
		if (in.p[i] == '\0') {
			buf_str(&b, "\\0");
			continue;
		}
		if (strchr("'\"\\", in.p[i]))
			buf_chr(&b, '\\');
		buf_chr(&b, in.p[i]);
	}
	return made(&b, out);
}

static int run_unescape_common(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;
	size_t i;

	room(c, &b, in.len);
	for (i = 0; i < in.len; i++) {
		if (in.p[i] == '\\' && i + 1 < in.len && strchr("'\"\\0", in.p[i + 1])) {
			i++;
			buf_chr(&b, (char)(in.p[i] == '0' ? '\0' : in.p[i]));
		} else {
			buf_chr(&b, in.p[i]);
		}
	}
	return made(&b, out);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || (c && strchr("-_.!~*'()", c));
}

/** RFC 3261 section 25.1: what a URI's user or parameter may hold as it is. */
static int run_escape_param(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	static const char hex[] = "0123456789ABCDEF";
	struct buf b;
	size_t i;

	room(c, &b, in.len + 16);
	for (i = 0; i < in.len; i++) {
		unsigned char ch = (unsigned char)in.p[i];

		if (is_unreserved(in.p[i]) || (ch && strchr("[]/:&+$", ch))) {
			buf_chr(&b, in.p[i]);
		} else {
			buf_chr(&b, '%');
			buf_chr(&b, hex[ch >> 4]);
			buf_chr(&b, hex[ch & 15]);
		}
	}
	return made(&b, out);
}

static int run_escape_user(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;

	room(c, &b, in.len + 16);
	sip_escape_user(&b, in);
	return made(&b, out);
}

static int run_unescape(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;

	room(c, &b, in.len);
	sip_unescape(&b, in);
	return made(&b, out);
}

/* Encodings */

static int run_encode_hexa(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	char *text;

	if (in.len > TEXT_MAX / 2)
		return -ENOENT;
	text = arena_alloc(c->arena, 2 * in.len + 1);
	if (!text)
		return -ENOMEM;
	hex_text(text, in.p ? in.p : "", in.len);
	return pv_text(out, slice_make(text, 2 * in.len));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int run_decode_hexa(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;
	size_t i;

	if (in.len % 2)
		return -ENOENT;
	room(c, &b, in.len / 2);
	for (i = 0; i < in.len; i += 2) {
		int hi = hex_digit(in.p[i]), lo = hex_digit(in.p[i + 1]);

		if (hi < 0 || lo < 0)
			return -ENOENT;
		buf_chr(&b, (char)(hi * 16 + lo));
	}
	return made(&b, out);
}

static int run_b64encode(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	unsigned char *text;
	int len;

	if (in.len > TEXT_MAX / 2)
		return -ENOENT;
	text = arena_alloc(c->arena, (in.len + 2) / 3 * 4 + 1);
	if (!text)
		return -ENOMEM;
	len = EVP_EncodeBlock(
		text, (const unsigned char *)(in.p ? in.p : ""), (int)in.len);
	return pv_text(out, slice_make((const char *)text, (size_t)len));
}

static int run_b64decode(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	unsigned char *text;
	size_t pad = 0;
	int len;

	in = slice_trim(in);
	if (in.len % 4 || in.len > TEXT_MAX)
		return -ENOENT;
	while (pad < 2 && pad < in.len && in.p[in.len - 1 - pad] == '=')
		pad++;
	text = arena_alloc(c->arena, in.len / 4 * 3 + 1);
	if (!text)
		return -ENOMEM;
	len = EVP_DecodeBlock(
		text, (const unsigned char *)(in.p ? in.p : ""), (int)in.len);
	if (len < 0 || (size_t)len < pad)
		return -ENOENT;
	return pv_text(out, slice_make((const char *)text, (size_t)len - pad));
}

/** {s.ftime,format}: a Unix time as text. */
static int run_ftime(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice fmt = arena_dup(c->arena, tr_text(c, 0)); /* ends with NUL */
	int64_t n;

	if (!fmt.p)
		return -ENOMEM;
	if (slice_i64(slice_trim(in), &n) != 0)
		return -ENOENT;
	return pv_made(out, time_text(c->arena, n, fmt.p));
}

/* clang-format off */
const struct tr_row tr_code_rows[] = {
	{.name = "s.md5", .run = run_md5},
	{.name = "s.escape.common", .run = run_escape_common},
	{.name = "s.unescape.common", .run = run_unescape_common},
	{.name = "s.escape.user", .run = run_escape_user},
	{.name = "s.unescape.user", .run = run_unescape},
	{.name = "s.escape.param", .run = run_escape_param},
	{.name = "s.unescape.param", .run = run_unescape},
	{.name = "s.encode.hexa", .run = run_encode_hexa},
	{.name = "s.decode.hexa", .run = run_decode_hexa},
	{.name = "s.encode.base64", .run = run_b64encode},
	{.name = "s.decode.base64", .run = run_b64decode},
	{.name = "s.b64encode", .run = run_b64encode},
	{.name = "s.b64decode", .run = run_b64decode},
	{.name = "s.ftime", .min = 1, .max = 1, .run = run_ftime},
	{0},
};
/* clang-format on */
