#include "core/base/conf.h"

#define NEAREST_MAX  3  /* edits */
#define NEAREST_NAME 64 /* bytes; nobody mistypes a longer one for one of ours */

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Edits (insert, delete, replace, swap of neighbours) from a to b without regard to case:
 * the Damerau-Levenshtein distance, where no piece is edited twice.
 */
static unsigned distance(struct slice a, struct slice b)
{
	/* Of the table of all prefixes, the row at hand and the two before it. */
	unsigned rows[3][NEAREST_NAME + 1] = {{0}};
	unsigned *above2 = rows[0], *above = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b.len; j++)
		above[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *oldest = above2;

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
			unsigned n = above[j - 1] + (x != y);

			n = least(n, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) &&
				y == lower(a.p[i - 2]))
				n = least(n, above2[j - 2] + 1);
			row[j] = n;
		}
		above2 = above;
		above = row;
		row = oldest;
	}
	return above[b.len];
}

const char *conf_nearest(const char *name, const char *const *names)
{
	struct slice wrong = slice_str(name);
	const char *best = NULL;
	unsigned best_edits = NEAREST_MAX + 1;

	if (wrong.len > NEAREST_NAME)
		return NULL;
	for (; *names != NULL; names++) {
		struct slice right = slice_str(*names);
		unsigned edits;

		if (right.len > NEAREST_NAME)
			continue;
		edits = distance(wrong, right);
		/* When every letter differs there is no likeness. */
		if (edits < best_edits && edits < right.len) {
			best = *names;
			best_edits = edits;
		}
	}
	return best;
}
