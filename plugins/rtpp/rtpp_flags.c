#include "plugins/rtpp/rtpp_flags.h"

#include <stdio.h>

#define REPACKETISE_MAX 999 /* ms */

/** Digits behind z. Returns how many there are, 0: none or too large. */
static size_t read_ms(struct slice text, unsigned *ms)
{
	uint64_t n;
	size_t len = 0;

	while (len < text.len && text.p[len] >= '0' && text.p[len] <= '9')
		len++;
	if (len == 0 || slice_u64(slice_sub(text, 0, len), REPACKETISE_MAX, &n) != 0 ||
		n == 0)
		return 0;
	*ms = (unsigned)n;
	return len;
}

static bool add_side(struct rtpp_flags *f, char side)
{
	unsigned at = f->sides[0] == '\0' ? 0 : f->sides[1] == '\0' ? 1 : 2;

	if (at == 2)
		return false;
	f->sides[at] = side;
	f->sides[at + 1] = '\0';
	return true;
}

/** One letter that takes nothing behind it. */
static bool take_letter(struct rtpp_flags *f, char letter)
{
	switch (letter) {
	case 'n':
		f->notify = true;
		return true;
	case 'a':
		f->asymmetric = f->trust_sdp = true;
		f->symmetric = false;
		return true;
	case 'w':
	case 's':
		f->symmetric = true;
		f->asymmetric = false;
		return true;
	case 'l':
		f->lookup = true;
		return true;
	case 'f':
		f->ignore_marker = true;
		return true;
	case 'r':
		f->trust_sdp = true;
		return true;
	case 'o':
		f->origin = true;
		return true;
	case 'c':
		f->session = true;
		return true;
	default:
		return false;
	}
}

static const char *refuse(char why[128], char letter)
{
	if (letter > ' ' && letter < 0x7f)
		(void)snprintf(why, 128,
			"unknown flag letter '%c': the letters are a c e f i l n o r s w "
			"and z with digits",
			letter);
	else
		(void)snprintf(why, 128, "a character that is no flag letter (code %u)",
			(unsigned)(unsigned char)letter);
	return why;
}

const char *rtpp_flags_parse(struct slice text, struct rtpp_flags *out, char why[128])
{
	struct rtpp_flags f = {0};
	size_t i;

	for (i = 0; i < text.len; i++) {
		char letter = text.p[i];

		if (letter >= 'A' && letter <= 'Z') /* the old examples have FAIE */
			letter = (char)(letter - 'A' + 'a');
		if (letter == 'i' || letter == 'e') {
			if (!add_side(&f, letter == 'i' ? 'I' : 'E')) {
				(void)snprintf(
					why, 128, "more than two of the letters i and e");
				return why;
			}
		} else if (letter == 'z') {
			size_t len = read_ms(slice_from(text, i + 1), &f.repacketise);

			if (len == 0) {
				(void)snprintf(why, 128,
					"z wants milliseconds from 1 to 999 behind it, "
					"as in z20");
				return why;
			}
			i += len;
		} else if (!take_letter(&f, letter)) {
			return refuse(why, text.p[i]);
		}
	}
	*out = f;
	return NULL;
}

const char *rtpp_flags_read(struct slice text, bool answer, bool can_notify,
	struct rtpp_flags *out, char why[128])
{
	struct rtpp_flags f = {0};
	const char *fault = rtpp_flags_parse(text, &f, why);

	if (!fault && answer && f.lookup)
		fault = "flag letter 'l' has no meaning in an answer: it always looks "
			"up";
	if (!fault && f.notify && !can_notify)
		fault = "flag letter 'n' needs the parameter rtpp_notify_socket";
	if (!fault)
		*out = f;
	return fault;
}
