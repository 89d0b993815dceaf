#include <stdio.h>
#include <stdlib.h>

#include "core/base/addr.h"
#include "core/script/lex_global.h"
#include "core/script/parse.h"
#include "core/script/parser.h"
#include "core/script/program.h"
#include "core/script/pv.h"

#define PV_MAX_TEXT 4096

void lex_advance(struct lex_file *lf, const char *text, size_t len)
{
	if (lf->fixed)
		return;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			lf->loc.line++;
			lf->loc.column = 1;
		} else if (lf->loc.column < UINT16_MAX) {
			lf->loc.column++;
		}
	}
}

void lex_begin(struct lex_file *lf, struct token *tok, const char *text, size_t len)
{
	memset(tok, 0, sizeof(*tok));
	lf->begin = lf->loc;
	tok->loc = lf->loc;
	/* The match lies in the scanner's copy; the token borrows from the text itself. */
	tok->raw = slice_sub(lf->text, (size_t)(text - lf->buf), len);
	lex_advance(lf, tok->raw.p, tok->raw.len);
}

void lex_rewind(struct lex_file *lf)
{
	lf->loc = lf->begin;
}

/* The place of a directive is its "#!", not the blanks before it. */
static struct script_loc directive_loc(const struct token *tok)
{
	struct script_loc loc = tok->loc;

	for (size_t i = 0;
		i < tok->raw.len && (tok->raw.p[i] == ' ' || tok->raw.p[i] == '\t'); i++)
		loc.column++;
	return loc;
}

int lex_directive(struct lex_file *lf, struct token *tok)
{
	struct script_loc loc = directive_loc(tok);
	struct slice path = {0};
	enum pp_result r = pp_directive(&lf->parse->pp, tok->raw, loc, &path);

	if (r == PP_DONE)
		return 0;
	scan_include(lf->parse, lf, path, r == PP_IMPORT, loc);
	return LEX_AGAIN;
}

int lex_include(struct lex_file *lf, struct token *tok)
{
	struct slice line = slice_trim(tok->raw), path;
	bool optional = slice_starts(line, SLICE("import"));

	slice_cut(line, '"', &line, &path);
	path.len--; /* the closing quote */
	scan_include(lf->parse, lf, path, optional, directive_loc(tok));
	return LEX_AGAIN;
}

struct keyword {
	const char *name;
	int code;
	int n;
};

/* Sorted. n: operator, or the value of a boolean. */
static const struct keyword keywords[] = {
	{"NULL", T_NULL, 0},
	{"af", T_COND, 0},
	{"and", T_AND, 0},
	{"branch_route", T_BLOCK, 0},
	{"break", T_BREAK, 0},
	{"case", T_CASE, 0},
	{"default", T_DEFAULT, 0},
	{"defined", T_DEFINED, 0},
	{"disable", T_BOOL, 0},
	{"drop", T_DROP, 0},
	{"dst_ip", T_COND, 0},
	{"dst_port", T_COND, 0},
	{"else", T_ELSE, 0},
	{"enable", T_BOOL, 1},
	{"eq", T_WORDOP, O_TEQ},
	{"error_route", T_BLOCK, 0},
	{"esac", T_BREAK, 0},
	{"event_route", T_BLOCK, 0},
	{"exit", T_EXIT, 0},
	{"failure_route", T_BLOCK, 0},
	{"false", T_BOOL, 0},
	{"for", T_FOR, 0},
	{"from_uri", T_COND, 0},
	{"ieq", T_WORDOP, O_IEQ},
	{"if", T_IF, 0},
	{"in", T_IN, 0},
	{"ine", T_WORDOP, O_INE},
	{"local_route", T_BLOCK, 0},
	{"method", T_COND, 0},
	{"mod", '%', 0},
	{"myself", T_MYSELF, 0},
	{"ne", T_WORDOP, O_TNE},
	{"no", T_BOOL, 0},
	{"not", '!', 0},
	{"null", T_NULL, 0},
	{"off", T_BOOL, 0},
	{"on", T_BOOL, 1},
	{"onreply_route", T_BLOCK, 0},
	{"onsend_route", T_BLOCK, 0},
	{"or", T_OR, 0},
	{"proto", T_COND, 0},
	{"reply_route", T_BLOCK, 0},
	{"request_route", T_BLOCK, 0},
	{"return", T_RETURN, 0},
	{"route", T_ROUTE, 0},
	{"snd_ip", T_COND, 0},
	{"snd_port", T_COND, 0},
	{"snd_proto", T_COND, 0},
	{"src_ip", T_COND, 0},
	{"src_port", T_COND, 0},
	{"startup_route", T_BLOCK, 0},
	{"status", T_COND, 0},
	{"switch", T_SWITCH, 0},
	{"timer_route", T_BLOCK, 0},
	{"to_ip", T_COND, 0},
	{"to_port", T_COND, 0},
	{"to_uri", T_COND, 0},
	{"true", T_BOOL, 1},
	{"uri", T_COND, 0},
	{"while", T_WHILE, 0},
	{"yes", T_BOOL, 1},
};

static int by_name(const void *key, const void *item)
{
	const struct slice *name = key;
	const struct keyword *k = item;
	struct slice other = slice_str(k->name);
	size_t n = name->len < other.len ? name->len : other.len;
	int c = memcmp(name->p, other.p, n);

	if (c != 0)
		return c;
	return name->len == other.len ? 0 : name->len < other.len ? -1 : 1;
}

/* A whole `name = value` or loadmodule line at the top level. */
static int global(struct lex_file *lf, struct token *tok, size_t *more)
{
	size_t off = (size_t)(tok->raw.p - lf->text.p);
	size_t len = lex_global_length(lf->text, off, tok->raw.len);

	if (lf->parse->lex_depth > 0 || lf->fixed || len == 0)
		return 0;
	lex_advance(lf, tok->raw.p + tok->raw.len, len - tok->raw.len);
	*more = len - tok->raw.len;
	tok->text = tok->raw;
	tok->raw = slice_sub(lf->text, off, len);
	return T_GLOBAL;
}

int lex_word(struct lex_file *lf, struct token *tok, size_t *more)
{
	struct parse *p = lf->parse;
	struct pp_define *d = pp_find(&p->pp, tok->raw);
	const struct keyword *k;
	int code;

	if (d != NULL && !d->busy && scan_push_define(p, d, tok->loc) == 0)
		return LEX_AGAIN;
	tok->text = pp_subst_apply(&p->pp, tok->raw);
	if (tok->text.len == 0)
		return T_IDENT;
	k = bsearch(&tok->text, keywords, sizeof(keywords) / sizeof(keywords[0]),
		sizeof(keywords[0]), by_name);
	if (k == NULL) {
		code = global(lf, tok, more);
		return code != 0 ? code : T_IDENT;
	}
	tok->n = k->n;
	return k->code;
}

int lex_host(struct lex_file *lf, struct token *tok, size_t *more)
{
	int code = global(lf, tok, more);

	if (code == 0)
		tok->text = tok->raw;
	return code != 0 ? code : T_HOST;
}

/* Value of a digit in base; -1 when it is none. */
static int digit(char c, int base)
{
	int n = c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : 99;

	return n < base ? n : -1;
}

/* Up to max digits at s[i]: how many there are; *value is what they say. */
static size_t digits(struct slice s, size_t i, size_t max, int base, int *value)
{
	size_t n = 0;

	*value = 0;
	while (n < max && i + n < s.len && digit(s.p[i + n], base) >= 0)
		*value = *value * base + digit(s.p[i + n++], base);
	return n;
}

/* One escape at s[i] == '\\': bytes used. Unknown ones keep both characters. */
static size_t escape(struct slice s, size_t i, char *out, size_t *len)
{
	static const char from[] = "nrta\"\\", to[] = "\n\r\t\a\"\\";
	char c = i + 1 < s.len ? s.p[i + 1] : '\0';
	const char *known = c ? strchr(from, c) : NULL;
	int value;
	size_t n;

	if (known != NULL) {
		out[(*len)++] = to[known - from];
		return 2;
	}
	if (c == '\n')
		return 2;
	if (c == '\r' && i + 2 < s.len && s.p[i + 2] == '\n')
		return 3;
	n = c == 'x' ? digits(s, i + 2, 2, 16, &value) : digits(s, i + 1, 3, 8, &value);
	/* One octal digit is a back-reference of a regex. */
	if (n >= (c == 'x' ? 1U : 2U) && value < 256) {
		out[(*len)++] = (char)value;
		return n + (c == 'x' ? 2U : 1U);
	}
	out[(*len)++] = '\\';
	return 1;
}

int lex_string(struct lex_file *lf, struct token *tok)
{
	struct slice s = slice_sub(tok->raw, 1, tok->raw.len - 2);
	char *out = arena_alloc(lf->parse->arena, s.len + 1);
	size_t len = 0, i = 0;

	if (out == NULL) {
		lf->parse->diags->nomem = true;
		return T_STRING;
	}
	while (i < s.len) {
		if (s.p[i] == '\\')
			i += escape(s, i, out, &len);
		else
			out[len++] = s.p[i++];
	}
	out[len] = '\0';
	tok->text = pp_subst_apply(&lf->parse->pp, slice_make(out, len));
	return T_STRING;
}

int lex_raw_string(struct lex_file *lf, struct token *tok)
{
	tok->text =
		pp_subst_apply(&lf->parse->pp, slice_sub(tok->raw, 1, tok->raw.len - 2));
	return T_STRING;
}

int lex_unterminated(struct lex_file *lf, struct token *tok, const char *what)
{
	diag_error(lf->parse->diags, tok->loc, "unterminated %s", what);
	lf->parse->fatal = true;
	return LEX_END;
}

int lex_number(struct lex_file *lf, struct token *tok)
{
	struct slice s = tok->raw;
	int base = 10;
	uint64_t n = 0;

	if (s.len > 2 && (s.p[1] == 'x' || s.p[1] == 'X')) {
		base = 16;
		s = slice_from(s, 2);
	} else if (s.len > 1 && s.p[0] == '0') {
		base = 8;
	}
	for (size_t i = 0; i < s.len; i++) {
		int d = digit(s.p[i], base);

		if (d < 0 || n > ((uint64_t)INT64_MAX - (uint64_t)d) / (uint64_t)base) {
			diag_error(lf->parse->diags, tok->loc, "'%.*s' is no number%s",
				SLICE_ARG(tok->raw),
				d < 0 ? " (a leading 0 means octal)" : " of 64 bits");
			break;
		}
		n = n * (uint64_t)base + (uint64_t)d;
	}
	tok->n = (int64_t)n;
	tok->text = tok->raw;
	return T_INT;
}

bool lex_net(struct slice text, struct addr_net *out)
{
	char plain[96];
	int n;

	if (text.len > 0 && text.p[0] == '[') {
		ptrdiff_t end = slice_chr(text, ']');

		if (end < 0 || text.len >= sizeof(plain))
			return false;
		n = snprintf(plain, sizeof(plain), "%.*s%.*s", (int)end - 1, text.p + 1,
			SLICE_ARG(slice_from(text, (size_t)end + 1)));
		text = slice_make(plain, (size_t)n);
	}
	return addr_parse_net(out, text) == 0;
}

int lex_ip(struct lex_file *lf, struct token *tok)
{
	struct addr_net net;

	tok->text = tok->raw;
	if (!lex_net(tok->raw, &net))
		diag_error(lf->parse->diags, tok->loc,
			"'%.*s' is no IP address or network", SLICE_ARG(tok->raw));
	return T_IP;
}

bool lex_is_ip6(struct slice text)
{
	struct addr_net net;

	return lex_net(text, &net);
}

/* Where a variable that cannot be read ends: its name and what stands in parentheses. */
static size_t pv_span(struct slice s)
{
	size_t i = 1;
	int depth = 0;

	while (i < s.len && s.p[i] != '(' &&
		(s.p[i] == '_' || s.p[i] == '$' || digit(s.p[i], 10) >= 0 ||
			(s.p[i] | 32) == 'x' ||
			((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z')))
		i++;
	if (i == s.len || s.p[i] != '(')
		return i;
	for (; i < s.len && s.p[i] != '\n'; i++) {
		depth += s.p[i] == '(' ? 1 : s.p[i] == ')' ? -1 : 0;
		if (depth == 0)
			return i + 1;
	}
	return i;
}

int lex_pv(struct lex_file *lf, struct token *tok, size_t *more)
{
	/* A variable longer than this is a missing bracket. */
	struct slice rest =
		slice_sub(lf->text, (size_t)(tok->raw.p - lf->text.p), PV_MAX_TEXT);
	struct parse *p = lf->parse;
	size_t used = 0, at = 0;
	char why[160] = "";

	if (pv_parse(&tok->pv, rest, p->kamailio, &used, why, &at) != 0 || used < 2) {
		if (tok->pv != NULL)
			script_pv_free(&tok->pv);
		used = pv_span(rest);
		tok->why =
			arena_dup(p->arena, slice_str(why[0] ? why : "not a variable")).p;
		if (tok->why == NULL)
			tok->why = "out of memory";
		tok->n = (int64_t)(at < used && !lf->fixed ? at : 0);
	} else {
		tok->n = program_own_pv(p->prog, tok->pv);
		if (tok->n < 0) {
			script_pv_free(&tok->pv);
			p->diags->nomem = true;
			tok->why = "out of memory";
		}
	}
	*more = used - 1;
	tok->raw = slice_sub(rest, 0, used);
	tok->text = tok->raw;
	lex_advance(lf, rest.p + 1, used - 1);
	return T_PV;
}

int lex_bad(struct lex_file *lf, struct token *tok)
{
	unsigned char c = (unsigned char)tok->raw.p[0];

	if (c >= 0x20 && c < 0x7f)
		diag_error(lf->parse->diags, tok->loc, "unexpected character '%c'", c);
	else
		diag_error(lf->parse->diags, tok->loc, "unexpected byte 0x%02x", c);
	return LEX_AGAIN;
}
