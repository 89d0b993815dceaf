#include "plugins/registrar/register_reply.h"

/* Stored text may have been written by anyone: could it end the line, or what encloses
 * it? */
static bool breaks(struct slice s, const char *also)
{
	size_t i;

	for (; *also != '\0'; also++)
		if (slice_chr(s, *also) >= 0)
			return true;
	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static void add_q(struct buf *b, unsigned q)
{
	if (q >= 1000)
		return;
	buf_printf(b, ";q=0.%03u", q);
	/* As short as it can be: 0.5, not 0.500. */
	while (b->err == 0 && b->p[b->len - 1] == '0' && b->p[b->len - 2] != '.')
		b->len--;
}

static void add_contact(struct buf *b, const struct store_contact *c, int64_t now)
{
	int64_t left = c->expires > now ? c->expires - now : 0;

	if (breaks(c->uri, "<>"))
		return;
	buf_str(b, "Contact: <");
	buf_add(b, c->uri);
	buf_str(b, ">;expires=");
	buf_u64(b, (uint64_t)left);
	add_q(b, c->q);
	if (!slice_empty(c->received) && !breaks(c->received, "\"\\")) {
		buf_str(b, ";received=\"");
		buf_add(b, c->received);
		buf_chr(b, '"');
	}
	if (!slice_empty(c->instance) && !breaks(c->instance, "\"\\")) {
		buf_str(b, ";+sip.instance=\"");
		buf_add(b, c->instance);
		buf_chr(b, '"');
		if (!slice_empty(c->reg_id) && !breaks(c->reg_id, ";,\" <>")) {
			buf_str(b, ";reg-id=");
			buf_add(b, c->reg_id);
		}
	}
	buf_str(b, "\r\n");
}

void register_reply_ok(struct buf *b, const struct store_contacts *bindings,
	struct slice path, int64_t now)
{
	unsigned i;

	for (i = 0; i < bindings->count; i++)
		add_contact(b, &bindings->list[i], now);
	if (!slice_empty(path) && !breaks(path, "")) {
		buf_str(b, "Path: ");
		buf_add(b, path);
		buf_str(b, "\r\n");
	}
}

void register_reply_refusal(
	struct buf *b, const struct register_refusal *why, int64_t retry_after)
{
	if (why->code == 423)
		buf_printf(b, "Min-Expires: %lld\r\n", (long long)why->min_expires);
	if (why->path_unsupported)
		buf_str(b, "Unsupported: path\r\n");
	if (why->code == 503 && retry_after > 0)
		buf_printf(b, "Retry-After: %lld\r\n", (long long)retry_after);
}
