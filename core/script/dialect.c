#include "core/script/dialect.h"

#include <stdio.h>

/* Words that only one family has. */
static const char *const words[] = {"request_route", "reply_route", "set_contact_alias",
	"add_contact_alias", "handle_ruri_alias", "rtpproxy_manage", "t_precheck_trans", "t_load_contacts",
	"t_is_set", "sanity_check", NULL};

struct look {
	struct slice t;
	size_t i;
	unsigned line;
	bool line_start; /**< only blanks so far */
};

static char peek(const struct look *l, size_t ahead)
{
	return l->i + ahead < l->t.len ? l->t.p[l->i + ahead] : '\0';
}

static void step(struct look *l, size_t n)
{
	for (; n > 0 && l->i < l->t.len; n--, l->i++) {
		if (l->t.p[l->i] == '\n') {
			l->line++;
			l->line_start = true;
		} else if (l->t.p[l->i] != ' ' && l->t.p[l->i] != '\t') {
			l->line_start = false;
		}
	}
}

static void skip_string(struct look *l)
{
	char quote = peek(l, 0);

	step(l, 1);
	while (l->i < l->t.len && peek(l, 0) != quote)
		step(l, quote == '"' && peek(l, 0) == '\\' ? 2 : 1);
	step(l, 1);
}

static void skip_comment(struct look *l)
{
	while (l->i < l->t.len && !(peek(l, 0) == '*' && peek(l, 1) == '/'))
		step(l, 1);
	step(l, 2);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_';
}

/* event_route[a:b] */
static bool is_event(const struct look *l)
{
	size_t n = 0;

	while (peek(l, n) == ' ' || peek(l, n) == '\t')
		n++;
	if (peek(l, n) != '[')
		return false;
	while (is_word(peek(l, n + 1)) || peek(l, n + 1) == '-')
		n++;
	return peek(l, n + 1) == ':';
}

static bool word(struct look *l, char reason[160])
{
	struct slice w = slice_from(l->t, l->i);
	unsigned line = l->line;
	size_t n = 0;

	while (is_word(peek(l, n)))
		n++;
	w.len = n;
	step(l, n);
	for (unsigned k = 0; words[k] != NULL; k++)
		if (slice_eq(w, slice_str(words[k]))) {
			snprintf(reason, 160, "'%s' in line %u", words[k], line);
			return true;
		}
	if (slice_eq(w, SLICE("event_route")) && is_event(l)) {
		snprintf(reason, 160, "event_route[module:event] in line %u", line);
		return true;
	}
	return false;
}

/* One step on; true when the text gives itself away. */
static bool look(struct look *l, char reason[160])
{
	char c = peek(l, 0), next = peek(l, 1);

	if (l->line_start && (c == '#' || c == '!') && next == '!') {
		snprintf(reason, 160, "line %u begins with '%c!'", l->line, c);
		return true;
	}
	if (c == '/' && next == '/') {
		snprintf(reason, 160, "a // comment in line %u", l->line);
		return true;
	}
	if (c == '"' || c == '\'') {
		skip_string(l);
	} else if (c == '/' && next == '*') {
		skip_comment(l);
	} else if (c == '#') {
		while (l->i < l->t.len && peek(l, 0) != '\n')
			step(l, 1);
	} else if (is_word(c)) {
		return word(l, reason);
	} else {
		step(l, 1);
	}
	return false;
}

enum script_dialect dialect_detect(struct slice text, char reason[160])
{
	struct look l = {.t = text, .line = 1, .line_start = true};

	while (l.i < text.len)
		if (look(&l, reason))
			return SCRIPT_KAMAILIO;
	snprintf(reason, 160, "nothing in it is Kamailio's alone");
	return SCRIPT_OPENSIPS;
}
