#include "core/base/log_line.h"

#include <stdio.h>

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

void log_line_time(char out[LOG_TIME_TEXT], const struct timespec *now)
{
	int64_t days = now->tv_sec / 86400, second = now->tv_sec % 86400;
	unsigned month, day;
	int year;

	if (second < 0) {
		second += 86400;
		days--;
	}
	civil(days, &year, &month, &day);
	snprintf(out, LOG_TIME_TEXT, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", year % 10000,
		month % 100, day % 100, (int)(second / 3600), (int)(second / 60 % 60),
		(int)(second % 60), (int)(now->tv_nsec / 1000000 % 1000));
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

bool log_line_quote(struct buf *b, struct slice text)
{
	static const char digits[] = "0123456789abcdef";

	while (text.len > 0) {
		size_t len = utf8_len(text);
		struct slice c = slice_sub(text, 0, len > 0 ? len : 1);
		bool plain = len > 0 && !is_control(c);

		for (size_t i = 0; !plain && i < c.len; i++) {
			unsigned char u = (unsigned char)c.p[i];
			char hex[4] = {'\\', 'x', digits[u >> 4], digits[u & 15]};

			if (!add_whole(b, slice_make(hex, sizeof(hex))))
				return false;
		}
		if (plain && !add_whole(b, c))
			return false;
		text = slice_from(text, c.len);
	}
	return true;
}
