#include "plugins/rtpp/rtpp_sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "more memory: there is none left";

/** The next word; several blanks count as one. False: none left. */
static bool next_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && !strchr(" \t\r\n", rest->p[n]))
		n++;
	*word = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

int rtpp_relay_find(const struct rtpp_sets *sets, struct slice url)
{
	unsigned i;

	for (i = 0; i < sets->relay_count; i++)
		if (slice_eq(slice_str(sets->relays[i].url), url))
			return (int)i;
	return -1;
}

const struct rtpp_set *rtpp_set_find(const struct rtpp_sets *sets, uint64_t id)
{
	unsigned i;

	for (i = 0; i < sets->set_count; i++)
		if (sets->sets[i].id == id)
			return &sets->sets[i];
	return NULL;
}

const struct rtpp_node *rtpp_set_node(
	const struct rtpp_sets *sets, const struct rtpp_set *set, struct slice url)
{
	int relay = rtpp_relay_find(sets, url);
	unsigned i;

	for (i = 0; relay >= 0 && i < set->count; i++)
		if (set->nodes[i].relay == (unsigned)relay)
			return &set->nodes[i];
	return NULL;
}

static const char *relay_of(struct rtpp_sets *sets, struct slice url, unsigned *index)
{
	int at = rtpp_relay_find(sets, url);
	struct rtpp_relay r, *more;
	const char *fault;

	if (at >= 0) {
		*index = (unsigned)at;
		return NULL;
	}
	fault = rtpp_url_read(&r, url);
	if (fault)
		return fault;
	if (sets->relay_count >= RTPP_MAX_RELAYS)
		return "at most 1024 RTP proxies";
	more = reallocarray(sets->relays, sets->relay_count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[sets->relay_count] = r;
	sets->relays = more;
	*index = sets->relay_count++;
	return NULL;
}

static const char *set_of(struct rtpp_sets *sets, unsigned id, struct rtpp_set **out)
{
	struct rtpp_set *more;
	unsigned i;

	for (i = 0; i < sets->set_count; i++) {
		if (sets->sets[i].id == id) {
			*out = &sets->sets[i];
			return NULL;
		}
	}
	more = reallocarray(sets->sets, sets->set_count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[sets->set_count] = (struct rtpp_set){.id = id};
	sets->sets = more;
	*out = &more[sets->set_count++];
	return NULL;
}

/** "url[|advertised]" */
static const char *read_member(
	struct rtpp_sets *sets, struct slice member, struct rtpp_node *out)
{
	struct slice url = member, text;

	if (slice_cut(member, '|', &url, &text) &&
		(addr_parse_ip(&out->advertised, text) != 0 ||
			addr_is_any(&out->advertised)))
		return "an IP address behind '|'";
	return relay_of(sets, url, &out->relay);
}

/** What a member that is there already means. */
enum again { REFUSED, REPLACED };

static const char *add_node(struct rtpp_sets *sets, struct rtpp_set *set,
	const struct rtpp_node *node, enum again again)
{
	struct rtpp_node *more;
	unsigned i;

	for (i = 0; i < set->count; i++) {
		if (set->nodes[i].relay != node->relay)
			continue;
		if (again == REFUSED)
			return "each RTP proxy once in a set";
		set->nodes[i].weight = node->weight;
		if (addr_is_set(&node->advertised))
			set->nodes[i].advertised = node->advertised;
		return NULL;
	}
	more = reallocarray(set->nodes, set->count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[set->count] = *node;
	more[set->count++].index = sets->node_count++;
	set->nodes = more;
	return NULL;
}

/** Members separated by blanks, for the set with that id. */
static const char *read_members(
	struct rtpp_sets *sets, unsigned id, struct slice rest, enum again again)
{
	struct rtpp_set *set;
	struct slice word, member, text;
	const char *fault = set_of(sets, id, &set);
	uint64_t weight;

	while (!fault && next_word(&rest, &word)) {
		struct rtpp_node node = {.weight = 1};

		member = word;
		if (slice_cut(word, '=', &member, &text)) {
			if (slice_u64(text, RTPP_MAX_WEIGHT, &weight) != 0)
				return "a weight from 0 to 65535 behind '='";
			node.weight = (unsigned)weight;
		}
		fault = read_member(sets, member, &node);
		if (!fault)
			fault = add_node(sets, set, &node, again);
	}
	return fault;
}

const char *rtpp_sets_add(struct rtpp_sets *sets, const char *text)
{
	struct slice rest = slice_trim(slice_str(text));
	ptrdiff_t at = slice_find(rest, SLICE("=="));
	uint64_t id = 0;

	if (slice_empty(rest))
		return NULL;
	if (at >= 0) {
		if (slice_u64(slice_trim(slice_sub(rest, 0, (size_t)at)), RTPP_SETID_MAX,
			    &id) != 0)
			return "a set id from 0 to 2147483647 before '=='";
		rest = slice_from(rest, (size_t)at + 2);
		if (slice_empty(slice_trim(rest)))
			return "at least one RTP proxy behind '=='";
	}
	return read_members(sets, (unsigned)id, rest, REFUSED);
}

const char *rtpp_sets_add_record(
	struct rtpp_sets *sets, struct slice id, struct slice members)
{
	uint64_t n = 0;

	id = slice_trim(id);
	members = slice_trim(members);
	if (!slice_empty(id) && slice_u64(id, RTPP_SETID_MAX, &n) != 0)
		return "a set id from 0 to 2147483647";
	if (slice_find(members, SLICE("==")) >= 0)
		return "RTP proxies without \"SETID ==\": the set's id has a column of "
		       "its own";
	if (slice_empty(members))
		return "at least one RTP proxy";
	return read_members(sets, (unsigned)n, members, REPLACED);
}

static void take_out(struct rtpp_sets *sets, uint64_t id, struct slice url)
{
	struct rtpp_set *set = (struct rtpp_set *)(uintptr_t)rtpp_set_find(sets, id);
	const struct rtpp_node *node = set ? rtpp_set_node(sets, set, url) : NULL;
	size_t at;

	if (!node)
		return;
	at = (size_t)(node - set->nodes);
	set->count--;
	memmove(&set->nodes[at], &set->nodes[at + 1],
		(set->count - at) * sizeof(*set->nodes));
}

const char *rtpp_sets_put(
	struct rtpp_sets *sets, int64_t id, struct slice member, int64_t weight)
{
	struct rtpp_node node = {.weight = (unsigned)weight};
	struct slice url = member, rest;
	struct rtpp_set *set;
	const char *fault;

	if (id < 0 || id > RTPP_SETID_MAX)
		return "a set id from 0 to 2147483647";
	if (weight < RTPP_TAKEN_OUT || weight > RTPP_MAX_WEIGHT)
		return "a weight from 0 to 65535, or -1: taken out";
	if (weight == RTPP_TAKEN_OUT) {
		(void)slice_cut(member, '|', &url, &rest);
		take_out(sets, (uint64_t)id, url);
		return NULL;
	}
	fault = read_member(sets, member, &node);
	if (!fault)
		fault = set_of(sets, (unsigned)id, &set);
	return fault ? fault : add_node(sets, set, &node, REPLACED);
}

void rtpp_sets_tidy(struct rtpp_sets *sets)
{
	unsigned s, n, r, kept = 0;

	sets->node_count = 0;
	for (s = 0; s < sets->set_count; s++)
		for (n = 0; n < sets->sets[s].count; n++)
			sets->sets[s].nodes[n].index = sets->node_count++;
	for (r = 0; r < sets->relay_count; r++) {
		bool used = false;

		for (s = 0; s < sets->set_count; s++) {
			for (n = 0; n < sets->sets[s].count; n++) {
				struct rtpp_node *node = &sets->sets[s].nodes[n];

				if (node->relay != r)
					continue;
				used = true;
				node->relay = kept;
			}
		}
		if (used)
			sets->relays[kept++] = sets->relays[r];
	}
	sets->relay_count = kept;
}

int rtpp_sets_copy(struct rtpp_sets *out, const struct rtpp_sets *from)
{
	struct rtpp_sets c = {.node_count = from->node_count};
	unsigned i;

	/* One more, so that an empty array is no failure. */
	c.relays = calloc(from->relay_count + 1, sizeof(*c.relays));
	c.sets = calloc(from->set_count + 1, sizeof(*c.sets));
	if (!c.relays || !c.sets)
		goto fail;
	if (from->relay_count > 0)
		memcpy(c.relays, from->relays, from->relay_count * sizeof(*c.relays));
	c.relay_count = from->relay_count;
	for (i = 0; i < from->set_count; i++) {
		const struct rtpp_set *set = &from->sets[i];

		c.sets[i].nodes = calloc(set->count + 1, sizeof(*set->nodes));
		if (!c.sets[i].nodes)
			goto fail;
		if (set->count > 0)
			memcpy(c.sets[i].nodes, set->nodes,
				set->count * sizeof(*set->nodes));
		c.sets[i].id = set->id;
		c.sets[i].count = set->count;
		c.set_count++;
	}
	*out = c;
	return 0;
fail:
	rtpp_sets_free(&c);
	return -ENOMEM;
}

void rtpp_sets_free(struct rtpp_sets *sets)
{
	unsigned i;

	for (i = 0; i < sets->set_count; i++)
		free(sets->sets[i].nodes);
	free(sets->sets);
	free(sets->relays);
	*sets = (struct rtpp_sets){0};
}

int rtpp_sets_resolve(struct rtpp_sets *sets, const struct rtpp_relay **which)
{
	unsigned i;

	for (i = 0; i < sets->relay_count; i++) {
		if (rtpp_relay_is_named(&sets->relays[i]) &&
			rtpp_relay_resolve(&sets->relays[i]) != 0) {
			*which = &sets->relays[i];
			return -ENOENT;
		}
	}
	return 0;
}

static bool same_node(const struct rtpp_sets *a, const struct rtpp_node *x,
	const struct rtpp_sets *b, const struct rtpp_node *y)
{
	const struct rtpp_relay *r = &a->relays[x->relay], *s = &b->relays[y->relay];

	return strcmp(r->url, s->url) == 0 && addr_eq(&r->addr, &s->addr) &&
		x->weight == y->weight && addr_eq_ip(&x->advertised, &y->advertised);
}

bool rtpp_sets_equal(const struct rtpp_sets *a, const struct rtpp_sets *b)
{
	unsigned s, n;

	if (a->set_count != b->set_count)
		return false;
	for (s = 0; s < a->set_count; s++) {
		if (a->sets[s].id != b->sets[s].id ||
			a->sets[s].count != b->sets[s].count)
			return false;
		for (n = 0; n < a->sets[s].count; n++)
			if (!same_node(a, &a->sets[s].nodes[n], b, &b->sets[s].nodes[n]))
				return false;
	}
	return true;
}

void rtpp_node_text(
	struct buf *b, const struct rtpp_sets *sets, const struct rtpp_node *node)
{
	char text[ADDR_TEXT];

	buf_str(b, sets->relays[node->relay].url);
	if (addr_is_set(&node->advertised)) {
		buf_chr(b, '|');
		buf_add(b, addr_ip_text(&node->advertised, text));
	}
}
