#include "plugins/registrar/aor.h"

#include <errno.h>
#include <stdlib.h>

/* Between a table's name and the AOR. It is refused inside both, so no user name leads into
 * another table. */
#define TABLE_MARK '|'

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_fit(struct slice user)
{
	size_t i;

	for (i = 0; i < user.len; i++)
		if ((unsigned char)user.p[i] < ' ' || user.p[i] == 0x7f ||
			user.p[i] == TABLE_MARK)
			return false;
	return true;
}

static void fold_case(char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = lower(p[i]);
}

int aor_of_uri(struct slice *out, struct arena *arena, const struct aor_rules *rules,
	struct slice domain, const struct sip_uri *uri)
{
	struct buf b;
	size_t start;

	if (slice_empty(uri->user))
		return -EINVAL;
	if (uri->user.len > AOR_MAX || uri->host.len > AOR_MAX || domain.len > AOR_MAX)
		return -EMSGSIZE;
	buf_arena(&b, arena, 64, 4 * AOR_MAX);
	if (!slice_empty(domain) && !slice_eq(domain, SLICE("location"))) {
		if (!is_fit(domain))
			return -EINVAL;
		buf_add(&b, domain);
		buf_chr(&b, TABLE_MARK);
	}
	start = b.len;
	sip_unescape(&b, uri->user);
	if (b.err == 0 && !is_fit(slice_from(buf_slice(&b), start)))
		return -EINVAL;
	if (b.err == 0 && !rules->case_sensitive)
		fold_case(b.p + start, b.len - start);
	if (rules->use_domain && !slice_empty(uri->host)) {
		buf_chr(&b, '@');
		buf_lower(&b, uri->host);
	}
	if (b.err != 0)
		return b.err;
	if (b.len - start > AOR_MAX)
		return -EMSGSIZE;
	*out = buf_slice(&b);
	return 0;
}

struct param {
	struct slice name, value;
};

static int compare_params(const void *a, const void *b)
{
	const struct param *x = a;
	const struct param *y = b;
	int order = slice_icmp(x->name, y->name);

	return order != 0 ? order : slice_cmp(x->value, y->value);
}

struct slice aor_contact_key(struct arena *arena, const struct sip_uri *uri)
{
	enum {
		SORTED = 32
	}; /* more parameters stay in their order: still a key, if a pickier one */
	struct param params[SORTED];
	struct slice rest = uri->params;
	unsigned count = 0, i;
	struct buf b;

	buf_arena(&b, arena, 128, 65536);
	buf_lower(&b, uri->scheme_text);
	buf_chr(&b, ':');
	sip_unescape(&b, uri->user);
	if (!slice_empty(uri->password)) {
		buf_chr(&b, ':');
		buf_add(&b, uri->password);
	}
	buf_chr(&b, '@');
	buf_lower(&b, uri->host);
	if (uri->port != 0) {
		buf_chr(&b, ':');
		buf_u64(&b, uri->port);
	}
	while (count < SORTED &&
		sip_param_next(&rest, &params[count].name, &params[count].value))
		count++;
	qsort(params, count, sizeof(params[0]), compare_params);
	for (i = 0; i < count; i++) {
		buf_chr(&b, ';');
		buf_lower(&b, params[i].name);
		buf_chr(&b, '=');
		buf_lower(&b, params[i].value);
	}
	buf_add(&b, rest);
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}
