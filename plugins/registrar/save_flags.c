#include "plugins/registrar/save_flags.h"

#include <errno.h>
#include <stdio.h>

#define SECONDS_MAX INT32_MAX

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits that text begins with; they are consumed. */
static int take_number(struct slice *text, int64_t *out)
{
	uint64_t n;
	size_t len = 0;

	while (len < text->len && is_digit(text->p[len]))
		len++;
	if (slice_u64(slice_sub(*text, 0, len), SECONDS_MAX, &n) != 0)
		return -EINVAL;
	*text = slice_from(*text, len);
	*out = (int64_t)n;
	return 0;
}

static int bad(char why[128], const char *what, struct slice found)
{
	(void)snprintf(why, 128, "%s '%.*s'", what, found.len > 40 ? 40 : (int)found.len,
		found.len > 0 ? found.p : "");
	return -EINVAL;
}

/* "max-contacts=5" and the like. */
static int save_name(struct save_flags *f, struct slice word, bool *force, char why[128])
{
	struct slice name = word, value = {0};
	int64_t *number = NULL;

	(void)slice_cut(word, '=', &name, &value);
	if (slice_eq(name, SLICE("max-contacts")))
		number = &f->max_contacts;
	else if (slice_eq(name, SLICE("min-expires")))
		number = &f->min_expires;
	else if (slice_eq(name, SLICE("max-expires")))
		number = &f->max_expires;
	if (number != NULL)
		return take_number(&value, number) == 0 && slice_empty(value)
			? 0
			: bad(why, "a number is missing in", word);
	if (slice_eq(word, SLICE("memory-only")))
		f->memory_only = true;
	else if (slice_eq(word, SLICE("no-reply")))
		f->no_reply = true;
	else if (slice_eq(word, SLICE("force-registration")))
		*force = true;
	else if (slice_eq(word, SLICE("path-received")))
		f->path_received = true;
	else if (slice_eq(word, SLICE("path-off")))
		f->path_set = true, f->path = PATH_OFF;
	else if (slice_eq(word, SLICE("path-lazy")))
		f->path_set = true, f->path = PATH_LAZY;
	else if (slice_eq(word, SLICE("path-strict")))
		f->path_set = true, f->path = PATH_STRICT;
	else
		return bad(why, "unknown flag", word);
	return 0;
}

static int save_letter(
	struct save_flags *f, struct slice *text, bool *force, char why[128])
{
	struct slice whole = *text;
	char c = text->p[0];
	int64_t n = 0;
	int err = 0;

	*text = slice_from(*text, 1);
	switch (c) {
	case 'm':
		f->memory_only = true;
		break;
	case 'r':
		f->no_reply = true;
		break;
	case 'f':
		*force = true;
		break;
	case 'v':
		f->path_received = true;
		break;
	case 'c':
		err = take_number(text, &f->max_contacts);
		break;
	case 'e':
		err = take_number(text, &f->min_expires);
		break;
	case 'E':
		err = take_number(text, &f->max_expires);
		break;
	case 'p':
		err = take_number(text, &n);
		f->path_set = true;
		f->path = (enum path_mode)n;
		if (n > PATH_STRICT)
			return bad(why, "p0, p1 or p2 is right, found", whole);
		break;
	default:
		return bad(why, "unknown flag letter", slice_sub(whole, 0, 1));
	}
	return err == 0 ? 0
			: bad(why, "a number is missing after", slice_sub(whole, 0, 1));
}

/* A word of letters, or a name. */
static int save_word(struct save_flags *f, struct slice word, bool *force, char why[128])
{
	int err = 0;

	if (slice_chr(word, '-') >= 0)
		return save_name(f, word, force, why);
	while (err == 0 && !slice_empty(word))
		err = save_letter(f, &word, force, why);
	return err;
}

/* Kamailio's bits. 0x08 (no range check) and 0x10 (headers only) cannot be done and are
 * refused. */
static int save_bits(struct save_flags *f, struct slice text, char why[128])
{
	int64_t bits;

	if (slice_i64(text, &bits) != 0 || bits < 0)
		return bad(why, "not a number:", text);
	if ((bits & ~(int64_t)7) != 0)
		return bad(why, "0x01, 0x02 and 0x04 are known, found", text);
	f->memory_only = (bits & 1) != 0;
	f->no_reply = (bits & 2) != 0;
	f->one_contact = (bits & 4) != 0;
	return 0;
}

/* The next word of a list by commas or blanks; false at the end. */
static bool next_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	while (!slice_empty(*rest) && strchr(", \t", rest->p[0]) != NULL)
		*rest = slice_from(*rest, 1);
	while (n < rest->len && strchr(", \t", rest->p[n]) == NULL)
		n++;
	*word = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

int save_flags_parse(struct save_flags *out, struct slice text, char why[128])
{
	struct save_flags f = {.max_contacts = -1, .min_expires = -1, .max_expires = -1};
	struct slice rest = slice_trim(text), word;
	bool force = false;
	int err = 0;

	if (!slice_empty(rest) && is_digit(rest.p[0])) {
		err = save_bits(&f, rest, why);
	} else {
		while (err == 0 && next_word(&rest, &word))
			err = save_word(&f, word, &force, why);
	}
	if (err != 0)
		return err;
	if (force && f.max_contacts != 1) {
		(void)snprintf(
			why, 128, "'f' is possible with one contact only: \"c1f\"");
		return -EINVAL;
	}
	if (force)
		f.one_contact = true;
	*out = f;
	return 0;
}

int lookup_flags_parse(struct lookup_flags *out, struct slice text, char why[128])
{
	struct lookup_flags f = {0};
	struct slice rest = slice_trim(text), word;

	while (next_word(&rest, &word)) {
		if (slice_eq(word, SLICE("no-branches")))
			f.no_branches = true;
		else if (slice_eq(word, SLICE("method-filtering")))
			f.method_filtering = true;
		else
			for (; !slice_empty(word); word = slice_from(word, 1)) {
				if (word.p[0] == 'b')
					f.no_branches = true;
				else if (word.p[0] == 'm')
					f.method_filtering = true;
				else
					return bad(why, "unknown flag", word);
			}
	}
	*out = f;
	return 0;
}
