/* RTP-proxy sets and relays: arguments checked, operations counted, and on to the backend. */
#include "storage/store_relay.h"

#include <stdlib.h>

#include "storage/store_priv.h"

static int compare(const void *a, const void *b)
{
	const struct store_relay_weight *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return slice_cmp(x->url, y->url);
}

void store_weights_sort(struct store_relay_weight *list, unsigned count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
}

int store_weight_parse(struct slice text, int64_t *out)
{
	int64_t n;

	if (slice_i64(slice_trim(text), &n) != 0 || n < -1 || n > STORE_MAX_WEIGHT)
		return -EINVAL;
	*out = n;
	return 0;
}

int store_switch_parse(struct slice text, bool *out)
{
	static const char *const words[][2] = {
		{"0", "1"}, {"no", "yes"}, {"false", "true"}, {"off", "on"}};
	unsigned i;

	text = slice_trim(text);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_ieq(text, slice_str(words[i][0])) ||
			slice_ieq(text, slice_str(words[i][1]))) {
			*out = slice_ieq(text, slice_str(words[i][1]));
			return 0;
		}
	return -EINVAL;
}

static int check_url(struct slice url)
{
	if (slice_empty(url))
		return -EINVAL;
	return url.len > STORE_NAME_MAX ? -ENAMETOOLONG : 0;
}

static const struct store_relay_ops *ops(const struct store_handle *h)
{
	return h->st->backend->relays;
}

int store_sets_seed(struct store_handle *h, const struct store_relay_weight *list,
	unsigned count, store_done done, void *arg)
{
	unsigned i;
	int err = count > STORE_MAX_RELAYS ? -E2BIG : 0;

	for (i = 0; i < count && err == 0; i++) {
		err = check_url(list[i].url);
		if (list[i].weight < -1 || list[i].weight > STORE_MAX_WEIGHT)
			err = -EINVAL;
	}
	return store_answered(
		h, err != 0 ? err : ops(h)->seed(h, list, count, done, arg));
}

int store_sets_get(
	struct store_handle *h, struct store_sets *out, store_done done, void *arg)
{
	return store_answered(h, ops(h)->sets(h, out, done, arg));
}

int store_relays_get(struct store_handle *h, const struct slice *urls, unsigned count,
	struct store_relays *out, store_done done, void *arg)
{
	unsigned i;
	int err = count > STORE_MAX_RELAYS ? -E2BIG : 0;

	for (i = 0; i < count && err == 0; i++)
		err = check_url(urls[i]);
	return store_answered(
		h, err != 0 ? err : ops(h)->relays(h, urls, count, out, done, arg));
}

int store_relay_enable(
	struct store_handle *h, struct slice url, bool on, store_done done, void *arg)
{
	int err = check_url(url);

	return store_answered(h, err != 0 ? err : ops(h)->enable(h, url, on, done, arg));
}

int store_relay_report(
	struct store_handle *h, const struct store_relay *r, store_done done, void *arg)
{
	int err = check_url(r->url);

	if (err == 0 &&
		(r->state.len > STORE_NAME_MAX || r->last_error.len > STORE_NAME_MAX ||
			r->reported_by.len > STORE_NAME_MAX))
		err = -ENAMETOOLONG;
	return store_answered(h, err != 0 ? err : ops(h)->report(h, r, done, arg));
}
