/* A reader of SIP messages that trusts its peer: no folding, one pass. */
#include <errno.h>
#include <string.h>

#include "bench/message.h"

bool message_has(struct slice s, const char *text)
{
	return memmem(s.p, s.len, text, strlen(text)) != NULL;
}

struct slice message_uri(struct slice address)
{
	const char *begin = memchr(address.p, '<', address.len), *end;

	if (begin != NULL) {
		begin++;
		end = memchr(begin, '>', (size_t)(address.p + address.len - begin));
	} else {
		begin = address.p;
		end = memchr(begin, ';', address.len);
	}
	if (end == NULL)
		end = address.p + address.len;
	return (struct slice){begin, (size_t)(end - begin)};
}

static uint32_t number_of(struct slice s)
{
	uint32_t value = 0;
	size_t i;

	for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		value = value * 10 + (uint32_t)(s.p[i] - '0');
	return value;
}

static void read_cseq(struct message *m, struct slice value)
{
	const char *blank = memchr(value.p, ' ', value.len);

	m->cseq = value;
	m->cseq_number = number_of(value);
	if (m->status != 0 && blank != NULL)
		m->method = (struct slice){blank + 1, (size_t)(value.p + value.len - blank - 1)};
}

enum header { OTHER, VIA, FROM, TO, CALL_ID, CSEQ, CONTACT, RECORD_ROUTE, CONTENT_LENGTH };

static enum header header_of(const char *p, size_t len)
{
	static const struct {
		char compact;
		const char *name;
		enum header header;
	} names[] = {
		{'v', "via", VIA}, {'f', "from", FROM}, {'t', "to", TO}, {'i', "call-id", CALL_ID},
		{0, "cseq", CSEQ}, {'m', "contact", CONTACT}, {0, "record-route", RECORD_ROUTE},
		{'l', "content-length", CONTENT_LENGTH},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (len == 1 ? (*p | 0x20) == names[i].compact
			     : (*p | 0x20) == *names[i].name && strlen(names[i].name) == len &&
					strncasecmp(p, names[i].name, len) == 0)
			return names[i].header;
	}
	return OTHER;
}

static void read_header(struct message *m, struct slice line, size_t name_len, struct slice value)
{
	switch (header_of(line.p, name_len)) {
	case VIA:
		if (m->via_count < MESSAGE_VIAS)
			m->vias[m->via_count++] = line;
		break;
	case RECORD_ROUTE:
		if (m->route_count < MESSAGE_ROUTES)
			m->routes[m->route_count++] = line;
		break;
	case FROM:
		m->from = value;
		break;
	case TO:
		m->to = value;
		break;
	case CALL_ID:
		m->call_id = value;
		break;
	case CSEQ:
		read_cseq(m, value);
		break;
	case CONTACT:
		if (m->contact.p == NULL)
			m->contact = value;
		break;
	case CONTENT_LENGTH:
		m->content_length = number_of(value);
		m->has_length = true;
		break;
	case OTHER:
		break;
	}
}

static int read_first_line(struct message *m, const char *p, size_t len)
{
	const char *blank = memchr(p, ' ', len);

	if (blank == NULL)
		return -EBADMSG;
	if (len > 12 && memcmp(p, "SIP/2.0 ", 8) == 0) {
		m->status = (int)number_of((struct slice){p + 8, 3});
		return m->status >= 100 && m->status < 700 ? 0 : -EBADMSG;
	}
	m->method = (struct slice){p, (size_t)(blank - p)};
	return 0;
}

/* One line, CRLF included, which is not the empty one. */
static void read_line(struct message *m, const char *p, const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(end - p)), *name_end = colon;
	struct slice value;

	if (colon == NULL)
		return;
	while (name_end > p && name_end[-1] == ' ')
		name_end--;
	value.p = colon + 1;
	while (value.p < end && *value.p == ' ')
		value.p++;
	value.len = (size_t)(end - value.p);
	while (value.len > 0 && (unsigned char)value.p[value.len - 1] <= ' ')
		value.len--;
	read_header(m, (struct slice){p, (size_t)(end - p)}, (size_t)(name_end - p), value);
}

ssize_t message_read(struct message *m, const char *p, size_t len, bool whole)
{
	const char *end = p + len, *line = p, *eol;
	size_t head;

	m->status = 0;
	m->via_count = m->route_count = 0;
	m->contact.p = m->call_id.p = m->to.p = m->from.p = NULL;
	m->contact.len = m->call_id.len = m->to.len = m->from.len = 0;
	m->method = (struct slice){NULL, 0};
	m->cseq_number = 0;
	m->content_length = 0;
	m->has_length = false;
	for (;; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			return whole ? -EBADMSG : 0;
		if (line == p) {
			if (read_first_line(m, p, (size_t)(eol - p)) != 0)
				return -EBADMSG;
		} else if (*line == '\r' || *line == '\n') {
			break;
		} else {
			read_line(m, line, eol + 1);
		}
	}
	head = (size_t)(eol + 1 - p);
	if (m->call_id.p == NULL || m->to.p == NULL || m->from.p == NULL)
		return -EBADMSG;
	if (!whole && !m->has_length)
		return -EBADMSG;
	if (m->has_length && m->content_length > len - head)
		return whole ? -EBADMSG : 0;
	m->body = (struct slice){eol + 1, m->has_length ? m->content_length : len - head};
	m->whole = (struct slice){p, head + m->body.len};
	return (ssize_t)m->whole.len;
}
