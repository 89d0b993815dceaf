#include "core/base/log_line.h"

#include "core/base/log.h"

#define CALL_ID_MAX (LOG_LINE_MAX / 16) /* bytes, each of which may become \xHH */

/* Year, month and day of a count of days since 1970-01-01, Gregorian. */
static void civil(int64_t days, int *year, unsigned *month, unsigned *day)
{
	/* Counted from 1 March of year 0, so that the leap day is a year's last. */
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)(yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

/* count decimal digits of n, and what separates them from the next. */
static char *digits(char *p, unsigned n, unsigned count, char next)
{
	for (unsigned i = count; i-- > 0; n /= 10)
		p[i] = (char)('0' + n % 10);
	p[count] = next;
	return p + count + 1;
}

void log_line_time(char out[LOG_TIME_TEXT], const struct timespec *now)
{
	int64_t days = now->tv_sec / 86400, left = now->tv_sec % 86400;
	unsigned month, day, second;
	char *p = out;
	int year;

	if (left < 0) {
		left += 86400;
		days--;
	}
	second = (unsigned)left;
	civil(days, &year, &month, &day);
	p = digits(p, (unsigned)year, 4, '-');
	p = digits(p, month, 2, '-');
	p = digits(p, day, 2, 'T');
	p = digits(p, second / 3600, 2, ':');
	p = digits(p, second / 60 % 60, 2, ':');
	p = digits(p, second % 60, 2, '.');
	p = digits(p, (unsigned)(now->tv_nsec / 1000000), 3, 'Z');
	*p = '\0';
}

/* Bytes of the UTF-8 character at the start of s; 0 when there is none (RFC 3629). */
static size_t utf8_len(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s.len < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool is_control(struct slice c)
{
	const unsigned char *p = (const unsigned char *)c.p;

	if (c.len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	return c.len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

static bool add_whole(struct buf *b, struct slice s)
{
	if (b->err != 0 || s.len > b->cap - b->len)
		return false;
	buf_add(b, s);
	return true;
}

/* How many bytes at the start of s are printable ASCII. */
static size_t plain_len(struct slice s)
{
	size_t len = 0;

	while (len < s.len && s.p[len] >= 0x20 && s.p[len] < 0x7f)
		len++;
	return len;
}

/* c is no character, or one of control. */
static bool add_quoted(struct buf *b, struct slice c)
{
	static const char hex_digits[] = "0123456789abcdef";

	for (size_t i = 0; i < c.len; i++) {
		unsigned char u = (unsigned char)c.p[i];
		char hex[4] = {'\\', 'x', hex_digits[u >> 4], hex_digits[u & 15]};

		if (!add_whole(b, slice_make(hex, sizeof(hex))))
			return false;
	}
	return true;
}

bool log_line_quote(struct buf *b, struct slice text)
{
	while (text.len > 0) {
		struct slice c = slice_sub(text, 0, plain_len(slice_sub(text, 0, b->cap - b->len)));

		if (c.len > 0) { /* nearly all of nearly every line */
			if (!add_whole(b, c))
				return false;
		} else {
			size_t len = utf8_len(text);

			c = slice_sub(text, 0, len > 0 ? len : 1);
			if (!(len > 0 && !is_control(c) ? add_whole(b, c) : add_quoted(b, c)))
				return false;
		}
		text = slice_from(text, c.len);
	}
	return true;
}

void log_line_make(struct buf *b, size_t *body, const char *source, const char *level,
	struct slice call_id, struct slice text)
{
	static const struct slice cut = {"...", 3};
	char when[LOG_TIME_TEXT];
	struct timespec now;
	bool whole;

	clock_gettime(CLOCK_REALTIME, &now);
	log_line_time(when, &now);
	buf_str(b, when);
	buf_chr(b, ' ');
	*body = b->len;
	buf_str(b, level);
	buf_chr(b, ' ');
	buf_str(b, source);
	buf_str(b, ": ");
	/* The room for the end of the line is kept back until it is written. */
	b->cap -= cut.len + 1;
	if (!slice_empty(call_id)) {
		buf_chr(b, '[');
		/* A quarter of the line at most: the text matters more. */
		log_line_quote(b, slice_sub(call_id, 0, CALL_ID_MAX));
		if (call_id.len > CALL_ID_MAX)
			buf_add(b, cut);
		buf_str(b, "] ");
	}
	whole = log_line_quote(b, text);
	b->cap += cut.len + 1;
	b->err = 0;
	if (!whole)
		buf_add(b, cut);
	buf_chr(b, '\n');
}
