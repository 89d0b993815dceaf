#include "plugins/nat/fix_nated_contact.h"

#include <ctype.h>
#include <errno.h>

#include "plugins/nat/contact_edit.h"

struct fix {
	struct slice hostport;
	struct slice uri_params;
};

/** Do the URI's own parameters begin with these already? */
static bool has_params(struct slice params, struct slice added)
{
	struct slice wanted = slice_from(added, 1);

	return slice_starts(params, wanted) &&
		(params.len == wanted.len || params.p[wanted.len] == ';');
}

static void put_fixed(struct buf *b, const struct sip_nameaddr *c, const void *arg)
{
	const struct fix *fix = arg;
	const struct sip_uri *u = &c->uri;
	struct slice behind = slice_from(
		c->text, (size_t)(c->uri_text.p + c->uri_text.len - c->text.p));
	bool add_brackets = !c->brackets && !slice_empty(fix->uri_params);

	buf_add(b, slice_make(c->text.p, (size_t)(c->uri_text.p - c->text.p)));
	if (add_brackets)
		buf_chr(b, '<');
	buf_add(b, slice_make(u->text.p, (size_t)(u->hostport.p - u->text.p)));
	buf_add(b, fix->hostport);
	if (!slice_empty(fix->uri_params) && !has_params(u->params, fix->uri_params))
		buf_add(b, fix->uri_params);
	contact_put_params(b, u->params, SLICE("maddr"));
	if (!slice_empty(u->headers)) {
		buf_chr(b, '?');
		buf_add(b, u->headers);
	}
	if (add_brackets)
		buf_chr(b, '>');
	buf_add(b, behind);
}

bool fix_nated_contact_params(struct slice s)
{
	/* RFC 3261 section 25.1: paramchar, and what stands between parameters. */
	static const char legal[] = "-_.!~*'()%[]/:&+$=;";
	size_t i;

	if (s.len < 2 || s.p[0] != ';')
		return false;
	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!isalnum(c) && !memchr(legal, c, sizeof(legal) - 1))
			return false;
	}
	return true;
}

int fix_nated_contact(
	struct sip_msg *msg, const struct addr *source, struct slice uri_params)
{
	char text[ADDR_TEXT];
	struct fix fix = {.hostport = addr_text(source, text), .uri_params = uri_params};

	if (!slice_empty(uri_params) && !fix_nated_contact_params(uri_params))
		return -EINVAL;
	return contact_edit(msg, put_fixed, &fix);
}
