#include "plugins/rtpp/rtpp_merge.h"

#include <errno.h>
#include <stdio.h>

/** Every member of from, over what out has. */
static const char *add_all(struct rtpp_sets *out, const struct rtpp_sets *from)
{
	const char *fault = NULL;
	char text[RTPP_URL_MAX + ADDR_TEXT + 2];
	struct buf b;
	unsigned s, n;

	for (s = 0; s < from->set_count; s++) {
		for (n = 0; n < from->sets[s].count && !fault; n++) {
			const struct rtpp_node *node = &from->sets[s].nodes[n];

			buf_fixed(&b, text, sizeof(text));
			rtpp_node_text(&b, from, node);
			fault = rtpp_sets_put(
				out, from->sets[s].id, buf_slice(&b), node->weight);
		}
	}
	return fault;
}

static struct slice url_of(struct slice member)
{
	struct slice url = member, rest;

	(void)slice_cut(member, '|', &url, &rest);
	return url;
}

/** NULL: it is no member there. */
static const struct rtpp_node *member_of(
	const struct rtpp_sets *sets, int64_t id, struct slice url)
{
	const struct rtpp_set *set = id < 0 ? NULL : rtpp_set_find(sets, (uint64_t)id);

	return set ? rtpp_set_node(sets, set, url) : NULL;
}

/**
 * Did this node's parameter put it there? Then it says nothing against a record of the same relay; and once the parameter holds no more, nothing
 * at all.
 */
static bool is_seed(const struct rtpp_sources *from, const struct store_relay_weight *w)
{
	struct slice url = url_of(w->url);
	const struct rtpp_node *own = member_of(from->parameter, w->set, url);
	bool recorded = member_of(from->records, w->set, url);

	if (!own)
		return false;
	return recorded ? w->weight == own->weight : !from->parameter_holds;
}

static void add_shared(
	struct rtpp_sets *out, const struct rtpp_sources *from, bool takes_out)
{
	unsigned i;

	for (i = 0; i < from->shared_count; i++) {
		const struct store_relay_weight *w = &from->shared[i];
		const char *fault;

		if ((w->weight == RTPP_TAKEN_OUT) != takes_out || is_seed(from, w))
			continue;
		fault = rtpp_sets_put(out, w->set, w->url, w->weight);
		if (fault)
			from->bad(from->arg, w, fault);
	}
}

/** Names of hosts that were new to this node. Members whose address is not found are left out. */
static void find_names(struct rtpp_sets *out, const struct rtpp_sources *from)
{
	unsigned i;

	for (i = 0; i < from->shared_count; i++) {
		const struct store_relay_weight *w = &from->shared[i];
		int at = rtpp_relay_find(out, url_of(w->url));

		if (at < 0 || !rtpp_relay_is_named(&out->relays[at]) ||
			from->find(from->arg, &out->relays[at]) == 0)
			continue;
		from->bad(from->arg, w,
			"an address for the host: none is known for its name, or not yet");
		(void)rtpp_sets_put(out, w->set, w->url, RTPP_TAKEN_OUT);
	}
}

/** Addresses that are known already. */
static void copy_addresses(struct rtpp_sets *out, const struct rtpp_sets *from)
{
	unsigned i;

	for (i = 0; i < from->relay_count; i++) {
		int at = rtpp_relay_find(out, slice_str(from->relays[i].url));

		if (at >= 0 && rtpp_relay_is_named(&out->relays[at]))
			out->relays[at].addr = from->relays[i].addr;
	}
}

int rtpp_merge(struct rtpp_sets *out, const struct rtpp_sources *from)
{
	struct rtpp_sets sets = {0};
	int err = from->parameter_holds ? rtpp_sets_copy(&sets, from->parameter) : 0;

	if (err != 0)
		return err;
	if (add_all(&sets,
		    from->records)) { /* they were read once: memory, or too many */
		rtpp_sets_free(&sets);
		return -ENOMEM;
	}
	add_shared(&sets, from, false);
	add_shared(&sets, from, true);
	copy_addresses(&sets, from->records);
	copy_addresses(&sets, from->parameter);
	find_names(&sets, from);
	rtpp_sets_tidy(&sets);
	*out = sets;
	return 0;
}

int rtpp_records_read(struct rtpp_sets *out, const struct store_rows *rows,
	int (*find)(void *arg, struct rtpp_relay *r), void *arg, char why[256])
{
	struct rtpp_sets sets = {0};
	const char *fault;
	unsigned i;

	if (rows->count == 0) {
		(void)snprintf(why, 256, "the table has no records");
		return -ENOENT;
	}
	for (i = 0; i < rows->count; i++) {
		struct slice members = rows->values[i * 2], id = rows->values[i * 2 + 1];

		fault = rtpp_sets_add_record(&sets, id, members);
		if (!fault)
			continue;
		(void)snprintf(why, 256, "%.*s: want %s, found \"%.*s\", \"%.*s\"",
			SLICE_ARG(slice_sub(rows->keys[i], 0, 60)), fault,
			SLICE_ARG(slice_sub(members, 0, 40)),
			SLICE_ARG(slice_sub(id, 0, 20)));
		rtpp_sets_free(&sets);
		return -EINVAL;
	}
	for (i = 0; i < sets.relay_count; i++) {
		if (!rtpp_relay_is_named(&sets.relays[i]) ||
			find(arg, &sets.relays[i]) == 0)
			continue;
		(void)snprintf(why, 256,
			"%s: no address is known for the host, or not yet: write it, or try again "
			"once DNS has answered",
			sets.relays[i].url);
		rtpp_sets_free(&sets);
		return -EINVAL;
	}
	rtpp_sets_tidy(&sets);
	*out = sets;
	return 0;
}
