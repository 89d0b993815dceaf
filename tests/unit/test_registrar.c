/* The registrar's pure parts: what a REGISTER asks, what is answered, who is reached
 * where. */
#include "tests/unit/ph_test.h"
#include "tests/unit/sip_test.h"

#include "plugins/registrar/lookup_pick.h"
#include "plugins/registrar/register_parse.h"
#include "plugins/registrar/register_reply.h"

#define NOW 1700000000

#define HEAD                                                                             \
	"REGISTER sip:example.org SIP/2.0\r\n"                                           \
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1\r\n"                         \
	"From: <sip:alice@example.org>;tag=1\r\n"                                        \
	"To: <sip:alice@Example.ORG:5070;x=y>\r\n"                                       \
	"Call-ID: reg-1\r\n"                                                             \
	"CSeq: 7 REGISTER\r\n"
#define TAIL "Content-Length: 0\r\n\r\n"

/* One REGISTER and what became of it. */
struct reg {
	struct sip_test sip;
	struct register_rules rules;
	struct register_from from;
	struct register_order order;
	struct register_refusal why;
	int err;
};

static struct reg *fresh(void)
{
	static struct reg r;

	memset(&r, 0, sizeof(r));
	r.rules = (struct register_rules){.aor = {.case_sensitive = true},
		.default_expires = 3600,
		.min_expires = 60,
		.use_path = true,
		.path_use_received = true,
		.path_mode = PATH_LAZY};
	r.from = (struct register_from){.domain = SLICE("location"),
		.socket = SLICE("udp:198.51.100.7:5060"),
		.node = SLICE("edge1"),
		.nat_bflag = 6,
		.now = NOW,
		.flags = {.max_contacts = -1, .min_expires = -1, .max_expires = -1}};
	return &r;
}

static int parse(struct reg *r, const char *text)
{
	if (r->sip.arena != NULL)
		sip_test_free(&r->sip);
	sip_test_good(&r->sip, text);
	memset(&r->order, 0, sizeof(r->order));
	memset(&r->why, 0, sizeof(r->why));
	r->err = register_parse(&r->order, &r->sip.msg, &r->rules, &r->from, &r->why);
	return r->err;
}

static void done(struct reg *r)
{
	sip_test_free(&r->sip);
	r->sip.arena = NULL;
}

static void one_contact_becomes_one_binding(void **state)
{
	struct reg *r = fresh();
	const struct store_contact *c;

	(void)state;
	r->from.received = SLICE("sip:203.0.113.7:40312");
	r->from.bflags = 1u << 6 | 1u << 3;
	assert_int_equal(
		parse(r,
			HEAD "Contact: \"A\" <sip:alice@192.168.1.20:5060>;q=0.5\r\n"
			     "Expires: 600\r\nUser-Agent: phone/1\r\n"
			     "Allow: INVITE, ACK\r\nAllow: BYE\r\n" TAIL),
		0);
	assert_slice_equal(r->order.update.aor, "alice");
	assert_slice_equal(r->order.update.call_id, "reg-1");
	assert_int_equal(r->order.update.cseq, 7);
	assert_int_equal(r->order.update.now, NOW);
	assert_int_equal(r->order.update.count, 1);
	assert_false(r->order.query);
	c = &r->order.update.contacts[0];
	assert_int_equal(c->id.len, 16);
	assert_slice_equal(c->uri, "sip:alice@192.168.1.20:5060");
	assert_slice_equal(c->received, "sip:203.0.113.7:40312");
	assert_slice_equal(c->socket, "udp:198.51.100.7:5060");
	assert_slice_equal(c->node, "edge1");
	assert_slice_equal(c->user_agent, "phone/1");
	assert_slice_equal(c->methods, "INVITE, ACK, BYE");
	assert_int_equal(c->q, 500);
	assert_int_equal(c->expires, NOW + 600);
	assert_int_equal(c->registered, NOW);
	assert_int_equal(c->bflags, 1u << 6 | 1u << 3);
	assert_true(c->nated);
	done(r);
}

static void the_expires_parameter_comes_before_the_header_and_the_default(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(
		parse(r,
			HEAD
			"Contact: <sip:a@10.0.0.1>;expires=120, <sip:a@10.0.0.2>\r\n"
			"Contact: <sip:a@10.0.0.3>;expires=0\r\nExpires: 600\r\n" TAIL),
		0);
	assert_int_equal(r->order.update.count, 3);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 120);
	assert_int_equal(r->order.update.contacts[1].expires, NOW + 600);
	assert_int_equal(r->order.update.contacts[2].expires, NOW);
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\n" TAIL), 0);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 3600);
	done(r);
}

static void malformed_expires_are_an_hour(void **state)
{
	struct reg *r = fresh();

	(void)state;
	r->rules.default_expires = 100;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=soon\r\n" TAIL), 0);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 3600);
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\nExpires: -1\r\n" TAIL), 0);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 3600);
	done(r);
}

static void a_huge_expires_is_bounded(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(
		parse(r,
			HEAD "Contact: "
			     "<sip:a@10.0.0.1>;expires=99999999999999999999\r\n" TAIL),
		0);
	assert_int_equal(r->order.update.contacts[0].expires, (int64_t)NOW + INT32_MAX);
	r->rules.max_expires = 7200;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=4294967296\r\n" TAIL),
		0);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 7200);
	done(r);
}

static void too_brief_a_time_is_answered_with_423(void **state)
{
	struct reg *r = fresh();
	struct buf b;
	char room[256];

	(void)state;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=59\r\n" TAIL), -EINVAL);
	assert_int_equal(r->why.code, 423);
	buf_fixed(&b, room, sizeof(room));
	register_reply_refusal(&b, &r->why, 5);
	assert_slice_equal(buf_slice(&b), "Min-Expires: 60\r\n");
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=60\r\n" TAIL), 0);
	/* RFC 3261 section 10.3 step 7: an hour or more is never too brief. */
	r->rules.min_expires = 7200;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=3600\r\n" TAIL), 0);
	assert_int_equal(r->order.update.contacts[0].expires, NOW + 7200);
	r->from.flags.min_expires = 10;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;expires=11\r\n" TAIL), 0);
	done(r);
}

static void a_register_without_contact_is_a_query(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(parse(r, HEAD TAIL), 0);
	assert_true(r->order.query);
	assert_false(r->order.update.remove_all);
	assert_int_equal(r->order.update.count, 0);
	done(r);
}

static void a_star_with_expires_0_removes_all(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(parse(r, HEAD "Contact: *\r\nExpires: 0\r\n" TAIL), 0);
	assert_true(r->order.update.remove_all);
	assert_false(r->order.query);
	assert_int_equal(r->order.update.count, 0);
	done(r);
}

static void a_star_of_any_other_kind_is_refused(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(parse(r, HEAD "Contact: *\r\n" TAIL), -EINVAL);
	assert_int_equal(r->why.code, 400);
	assert_int_equal(parse(r, HEAD "Contact: *\r\nExpires: 60\r\n" TAIL), -EINVAL);
	assert_int_equal(r->why.code, 400);
	assert_int_equal(
		parse(r, HEAD "Contact: *\r\nContact: <sip:a@b>\r\nExpires: 0\r\n" TAIL),
		-EINVAL);
	assert_int_equal(r->why.code, 400);
	done(r);
}

static void what_cannot_be_read_is_refused(void **state)
{
	static const char *const bad[] = {
		HEAD "Contact: <sip:a@b\r\n" TAIL,
		HEAD "Contact: <tel:+4930123>\r\n" TAIL,
		HEAD "Contact: <mailto:a@b>\r\n" TAIL,
		HEAD "Contact: <sip:a@10.0.0.1>;q=2\r\n" TAIL,
		HEAD "Contact: <sip:a@10.0.0.1>;q=x\r\n" TAIL,
		HEAD "Contact: <sip:a@10.0.0.1>\r\nPath: nonsense<\r\n" TAIL,
	};
	struct reg *r = fresh();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(r, bad[i]), -EINVAL);
		assert_int_equal(r->why.code, 400);
	}
	done(r);
}

static void an_aor_without_user_is_not_found(void **state)
{
	struct reg *r = fresh();

	(void)state;
	assert_int_equal(
		parse(r,
			"REGISTER sip:example.org SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 192.168.1.20;branch=z9hG4bK1\r\n"
			"From: <sip:example.org>;tag=1\r\nTo: <sip:example.org>\r\n"
			"Call-ID: reg-1\r\nCSeq: 7 REGISTER\r\n" TAIL),
		-EINVAL);
	assert_int_equal(r->why.code, 404);
	done(r);
}

static void the_aor_follows_the_rules(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct aor_rules rules = {.case_sensitive = true};
	struct slice aor;
	struct sip_uri uri;

	(void)state;
	assert_int_equal(
		sip_uri_parse(&uri, SLICE("sip:%41lice@Example.ORG:5070;x=y")), 0);
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE("location"), &uri), 0);
	assert_slice_equal(aor, "Alice");
	rules.use_domain = true;
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE(""), &uri), 0);
	assert_slice_equal(aor, "Alice@example.org");
	rules.case_sensitive = false;
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE("location"), &uri), 0);
	assert_slice_equal(aor, "alice@example.org");
	arena_put(a);
}

static void tables_are_kept_apart_whatever_a_user_calls_himself(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	const struct aor_rules rules = {.case_sensitive = true};
	struct slice aor;
	struct sip_uri uri;

	(void)state;
	assert_int_equal(sip_uri_parse(&uri, SLICE("sip:alice@example.org")), 0);
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE("aliases"), &uri), 0);
	assert_slice_equal(aor, "aliases|alice");
	assert_int_equal(
		sip_uri_parse(&uri, SLICE("sip:aliases%7Calice@example.org")), 0);
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE("location"), &uri), -EINVAL);
	assert_int_equal(sip_uri_parse(&uri, SLICE("sip:a%00b@example.org")), 0);
	assert_int_equal(aor_of_uri(&aor, a, &rules, SLICE("location"), &uri), -EINVAL);
	arena_put(a);
}

static void a_given_aor_replaces_to(void **state)
{
	struct reg *r = fresh();

	(void)state;
	r->from.aor_uri = SLICE("sip:bob@example.org");
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\n" TAIL), 0);
	assert_slice_equal(r->order.update.aor, "bob");
	r->from.aor_uri = SLICE("bob");
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\n" TAIL), -EINVAL);
	done(r);
}

static struct slice id_of(struct reg *r, const char *contact)
{
	char text[512];

	(void)snprintf(text, sizeof(text), HEAD "Contact: %s\r\n" TAIL, contact);
	if (parse(r, text) != 0)
		fail_msg("%s: %s", contact, r->why.reason);
	return r->order.update.contacts[0].id;
}

static void check_ids(const char *a, const char *b, bool same)
{
	struct reg *r = fresh();
	struct slice id = id_of(r, a);
	char first[17] = "";

	assert_int_equal(id.len, 16);
	memcpy(first, id.p, 16); /* the next message frees this one's */
	if (slice_eq(id_of(r, b), slice_str(first)) != same)
		fail_msg("%s and %s: %s", a, b, same ? "two bindings" : "one binding");
	done(r);
}

static void equal_uris_are_one_binding(void **state)
{
	(void)state;
	check_ids("<sip:alice@PC.Example.org;transport=tcp>",
		"<SIP:alice@pc.example.ORG;Transport=TCP>;expires=90", true);
	check_ids("<sip:a@10.0.0.1;x=1;y=2>", "<sip:a@10.0.0.1;y=2;x=1>", true);
	check_ids("<sip:%61@10.0.0.1>", "<sip:a@10.0.0.1>", true);
	check_ids("<sip:a@10.0.0.1>", "<sip:A@10.0.0.1>", false);
	check_ids("<sip:a@10.0.0.1>", "<sip:a@10.0.0.1:5060>", false);
	check_ids("<sip:a@10.0.0.1>", "<sips:a@10.0.0.1>", false);
	check_ids("<sip:a@10.0.0.1;rinstance=1>", "<sip:a@10.0.0.1;rinstance=2>", false);
}

static void instance_and_reg_id_name_a_binding(void **state)
{
	struct reg *r = fresh();

	(void)state;
	check_ids("<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
		"<sip:a@10.0.0.9:999>;+sip.instance=\"<urn:uuid:1>\";reg-id=1", true);
	check_ids("<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
		"<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=2", false);
	(void)id_of(r, "<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
	assert_slice_equal(r->order.update.contacts[0].instance, "<urn:uuid:1>");
	assert_slice_equal(r->order.update.contacts[0].reg_id, "1");
	(void)id_of(r, "<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=0");
	assert_true(slice_empty(r->order.update.contacts[0].reg_id));
	done(r);
}

static void received_comes_from_path_then_contact_then_source(void **state)
{
	static const char text[] =
		HEAD "Path: "
		     "<sip:edge.example.org;lr;received=sip:192.0.2.1:1111%3btransport="
		     "tcp>\r\n"
		     "Contact: <sip:a@10.0.0.1>;received=\"sip:192.0.2.2:2222\"\r\n" TAIL;
	struct reg *r = fresh();

	(void)state;
	r->from.received = SLICE("sip:192.0.2.3:3333");
	assert_int_equal(parse(r, text), 0);
	assert_slice_equal(
		r->order.update.contacts[0].received, "sip:192.0.2.1:1111;transport=tcp");
	/* An edge has said that the phone is behind NAT. */
	assert_true(r->order.update.contacts[0].nated);
	assert_int_equal(r->order.update.contacts[0].bflags, 1u << 6);
	r->rules.path_use_received = false;
	r->rules.trust_received = true;
	assert_int_equal(parse(r, text), 0);
	assert_slice_equal(r->order.update.contacts[0].received, "sip:192.0.2.2:2222");
	assert_false(r->order.update.contacts[0].nated);
	r->rules.trust_received = false;
	assert_int_equal(parse(r, text), 0);
	assert_slice_equal(r->order.update.contacts[0].received, "sip:192.0.2.3:3333");
	r->from.flags.path_received = true;
	assert_int_equal(parse(r, text), 0);
	assert_slice_equal(
		r->order.update.contacts[0].received, "sip:192.0.2.1:1111;transport=tcp");
	done(r);
}

/* As an edge's add_rcv_param(1) leaves it; OpenSIPS puts quotes there. */
static void received_in_the_uri_of_a_trusted_edge_is_taken_out_of_it(void **state)
{
	static const char *const written[] = {"<sip:a@10.0.0.1;ob;received=sip:192.0.2.2:"
					      "2222%3Btransport%3Dtcp;x=1?h=v>;q=0.5",
		"<sip:a@10.0.0.1;ob;received=\"sip:192.0.2.2:2222;transport=tcp\";x=1?h="
		"v>;q=0.5"};
	struct reg *r = fresh();
	char text[512];
	unsigned i;

	(void)state;
	r->from.received = SLICE("sip:192.0.2.3:3333");
	r->rules.trust_received = true;
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1;received=x y>\r\n" TAIL),
		-EINVAL);
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1;received=\"x\"=\" >\r\n" TAIL),
		-EINVAL);
	for (i = 0; i < 2; i++) {
		(void)snprintf(
			text, sizeof(text), HEAD "Contact: %s\r\n" TAIL, written[i]);
		assert_int_equal(parse(r, text), 0);
		assert_slice_equal(r->order.update.contacts[0].received,
			"sip:192.0.2.2:2222;transport=tcp");
		assert_slice_equal(
			r->order.update.contacts[0].uri, "sip:a@10.0.0.1;ob;x=1?h=v");
	}
	/* Taken from nobody: the URI is the phone's own affair, and must be one. */
	r->rules.trust_received = false;
	assert_int_equal(parse(r, text), -EINVAL);
	(void)snprintf(text, sizeof(text), HEAD "Contact: %s\r\n" TAIL, written[0]);
	assert_int_equal(parse(r, text), 0);
	assert_slice_equal(r->order.update.contacts[0].received, "sip:192.0.2.3:3333");
	assert_true(slice_find(r->order.update.contacts[0].uri, SLICE("received")) >= 0);
	done(r);
}

static void a_received_that_is_no_uri_is_refused(void **state)
{
	struct reg *r = fresh();

	(void)state;
	r->rules.trust_received = true;
	assert_int_equal(
		parse(r, HEAD "Contact: <sip:a@10.0.0.1>;received=\"x y\"\r\n" TAIL),
		-EINVAL);
	assert_int_equal(r->why.code, 400);
	done(r);
}

static void path_is_stored_and_answered_to_phones_that_know_it(void **state)
{
	static const char text[] =
		HEAD "Path: <sip:p1.example.org;lr>\r\n"
		     "Path: \"x\" <sip:p2.example.org;lr>;a=b,\r\n <sip:p3>\r\n"
		     "Contact: <sip:a@10.0.0.1>\r\n";
	char with[1024], without[1024];
	struct reg *r = fresh();

	(void)state;
	(void)snprintf(with, sizeof(with), "%sSupported: outbound, path\r\n" TAIL, text);
	(void)snprintf(without, sizeof(without), "%s" TAIL, text);
	assert_int_equal(parse(r, with), 0);
	assert_slice_equal(r->order.update.contacts[0].path,
		"<sip:p1.example.org;lr>, <sip:p2.example.org;lr>;a=b, <sip:p3>");
	assert_true(slice_eq(r->order.path, r->order.update.contacts[0].path));
	assert_int_equal(parse(r, without), 0);
	assert_false(slice_empty(r->order.update.contacts[0].path));
	assert_true(slice_empty(r->order.path));
	r->rules.path_mode = PATH_OFF;
	assert_int_equal(parse(r, with), 0);
	assert_true(slice_empty(r->order.path));
	r->from.flags.path_set = true;
	r->from.flags.path = PATH_STRICT;
	assert_int_equal(parse(r, with), 0);
	assert_false(slice_empty(r->order.path));
	assert_int_equal(parse(r, without), -EINVAL);
	assert_int_equal(r->why.code, 420);
	r->rules.use_path = false;
	assert_int_equal(parse(r, without), 0);
	assert_true(slice_empty(r->order.update.contacts[0].path));
	done(r);
}

static void long_texts_are_refused_or_left_out(void **state)
{
	char text[4096], filler[1500];
	struct reg *r = fresh();

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	(void)snprintf(
		text, sizeof(text), HEAD "Contact: <sip:%s@10.0.0.1>\r\n" TAIL, filler);
	assert_int_equal(parse(r, text), -EINVAL);
	assert_int_equal(r->why.code, 400);
	(void)snprintf(text, sizeof(text),
		HEAD "Path: <sip:%s@10.0.0.1;lr>\r\nContact: <sip:a@10.0.0.1>\r\n" TAIL,
		filler);
	assert_int_equal(parse(r, text), -EINVAL);
	(void)snprintf(text, sizeof(text),
		HEAD "User-Agent: %s\r\nAllow: %s\r\nContact: <sip:a@10.0.0.1>\r\n" TAIL,
		filler, filler);
	assert_int_equal(parse(r, text), 0);
	assert_true(slice_empty(r->order.update.contacts[0].user_agent));
	assert_true(slice_empty(r->order.update.contacts[0].methods));
	done(r);
}

static void flags_of_save_bound_and_replace(void **state)
{
	struct reg *r = fresh();
	char why[128];

	(void)state;
	r->rules.max_contacts = 5;
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\n" TAIL), 0);
	assert_int_equal(r->order.update.max_contacts, 5);
	assert_false(r->order.update.replace);
	assert_int_equal(save_flags_parse(&r->from.flags, SLICE("c1f"), why), 0);
	assert_int_equal(parse(r, HEAD "Contact: <sip:a@10.0.0.1>\r\n" TAIL), 0);
	assert_int_equal(r->order.update.max_contacts, 1);
	assert_true(r->order.update.replace);
	done(r);
}

static void save_takes_letters_names_and_numbers(void **state)
{
	struct save_flags f;
	char why[128];

	(void)state;
	assert_int_equal(save_flags_parse(&f, SLICE(""), why), 0);
	assert_false(f.no_reply || f.memory_only || f.one_contact || f.path_set ||
		f.path_received);
	assert_int_equal(f.max_contacts, -1);
	assert_int_equal(save_flags_parse(&f, SLICE("mrc3vp2e30E7200"), why), 0);
	assert_true(f.memory_only && f.no_reply && f.path_received && f.path_set);
	assert_int_equal(f.max_contacts, 3);
	assert_int_equal(f.path, PATH_STRICT);
	assert_int_equal(f.min_expires, 30);
	assert_int_equal(f.max_expires, 7200);
	assert_int_equal(
		save_flags_parse(&f,
			SLICE("no-reply, max-contacts=4,path-off, min-expires=5"), why),
		0);
	assert_true(f.no_reply && f.path_set);
	assert_int_equal(f.path, PATH_OFF);
	assert_int_equal(f.max_contacts, 4);
	assert_int_equal(f.min_expires, 5);
	assert_int_equal(save_flags_parse(&f, SLICE("0x02"), why), 0);
	assert_true(f.no_reply && !f.memory_only);
	assert_int_equal(save_flags_parse(&f, SLICE("5"), why), 0);
	assert_true(f.memory_only && f.one_contact && !f.no_reply);
}

static void flags_that_save_does_not_know_are_refused(void **state)
{
	static const char *const bad[] = {"x", "c", "cf", "p3", "p", "e", "f", "c2f",
		"0x08", "16", "no-replay", "max-contacts", "max-contacts=x",
		"c99999999999"};
	struct save_flags f = {.max_contacts = 77};
	char why[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		if (save_flags_parse(&f, slice_str(bad[i]), why) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_true(why[0] != '\0');
	}
	assert_int_equal(f.max_contacts, 77);
}

static void lookup_takes_letters_and_names(void **state)
{
	struct lookup_flags f;
	char why[128];

	(void)state;
	assert_int_equal(lookup_flags_parse(&f, SLICE("bm"), why), 0);
	assert_true(f.no_branches && f.method_filtering);
	assert_int_equal(lookup_flags_parse(&f, SLICE("method-filtering"), why), 0);
	assert_true(f.method_filtering && !f.no_branches);
	assert_int_equal(lookup_flags_parse(&f, SLICE("q"), why), -EINVAL);
}

static struct slice reply_of(const struct store_contacts *got, struct slice path)
{
	static char room[4096];
	struct buf b;

	buf_fixed(&b, room, sizeof(room));
	register_reply_ok(&b, got, path, NOW);
	assert_int_equal(b.err, 0);
	return buf_slice(&b);
}

static void the_200_lists_all_bindings(void **state)
{
	struct store_contact list[2] = {
		{.uri = SLICE("sip:a@10.0.0.1;x=y"),
			.q = 1000,
			.expires = NOW + 60,
			.received = SLICE("sip:192.0.2.1:1111;transport=tcp"),
			.instance = SLICE("<urn:uuid:1>"),
			.reg_id = SLICE("2")},
		{.uri = SLICE("sip:a@10.0.0.2"), .q = 500, .expires = NOW + 3600},
	};
	const struct store_contacts got = {.list = list, .count = 2};

	(void)state;
	assert_slice_equal(reply_of(&got, SLICE("<sip:p1;lr>")),
		"Contact: <sip:a@10.0.0.1;x=y>;expires=60"
		";received=\"sip:192.0.2.1:1111;transport=tcp\""
		";+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n"
		"Contact: <sip:a@10.0.0.2>;expires=3600;q=0.5\r\n"
		"Path: <sip:p1;lr>\r\n");
}

static void q_is_written_short(void **state)
{
	static const struct {
		unsigned q;
		const char *want;
	} rows[] = {{0, ";q=0.0\r"}, {1, ";q=0.001\r"}, {50, ";q=0.05\r"},
		{700, ";q=0.7\r"}, {999, ";q=0.999\r"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_contact c = {
			.uri = SLICE("sip:a@b"), .q = rows[i].q, .expires = NOW + 60};
		const struct store_contacts got = {.list = &c, .count = 1};

		assert_true(slice_find(reply_of(&got, SLICE("")),
				    slice_str(rows[i].want)) > 0);
	}
}

static void stored_text_cannot_forge_header_lines(void **state)
{
	struct store_contact list[2] = {
		{.uri = SLICE("sip:a@b>\r\nX-Evil: 1"), .q = 1000, .expires = NOW + 60},
		{.uri = SLICE("sip:a@10.0.0.2"),
			.q = 1000,
			.expires = NOW + 60,
			.received = SLICE("sip:x\"\r\nX-Evil: 2"),
			.instance = SLICE("\r\nX-Evil: 3")},
	};
	const struct store_contacts got = {.list = list, .count = 2};

	(void)state;
	assert_slice_equal(reply_of(&got, SLICE("<sip:p>\r\nX-Evil: 4")),
		"Contact: <sip:a@10.0.0.2>;expires=60\r\n");
}

static void refusals_say_what_to_do(void **state)
{
	struct register_refusal busy = {.code = 503, .reason = "x"};
	struct register_refusal ext = {
		.code = 420, .reason = "x", .path_unsupported = true};
	char room[128];
	struct buf b;

	(void)state;
	buf_fixed(&b, room, sizeof(room));
	register_reply_refusal(&b, &busy, 7);
	register_reply_refusal(&b, &busy, 0);
	register_reply_refusal(&b, &ext, 7);
	assert_slice_equal(buf_slice(&b), "Retry-After: 7\r\nUnsupported: path\r\n");
}

static void a_contact_is_reached_by_path_then_by_its_source(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct store_contact c = {.uri = SLICE("sip:a@10.0.0.1")};
	struct slice hop;

	(void)state;
	assert_int_equal(lookup_next_hop(&hop, a, &c), 0);
	assert_true(slice_empty(hop));
	c.received = SLICE("sip:192.0.2.1:1111");
	assert_int_equal(lookup_next_hop(&hop, a, &c), 0);
	assert_slice_equal(hop, "sip:192.0.2.1:1111");
	c.path = SLICE("<sip:p1.example.org;lr>, <sip:p2>");
	assert_int_equal(lookup_next_hop(&hop, a, &c), 0);
	assert_slice_equal(hop, "sip:p1.example.org;lr");
	c.path = SLICE("<sip:p1");
	assert_int_equal(lookup_next_hop(&hop, a, &c), -EBADMSG);
	arena_put(a);
}

static void a_sips_contact_is_called_by_sip_over_tls(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct tm_target t = {.ruri = SLICE("sips:bob@10.0.0.1:5061;x=1")};

	(void)state;
	assert_int_equal(lookup_scheme(&t, a, true), 0);
	assert_slice_equal(t.ruri, "sips:bob@10.0.0.1:5061;x=1");
	assert_int_equal(lookup_scheme(&t, a, false), 0);
	assert_slice_equal(t.ruri, "sip:bob@10.0.0.1:5061;x=1");
	assert_slice_equal(t.du, "sips:bob@10.0.0.1:5061;x=1");
	t = (struct tm_target){.ruri = SLICE("SIPS:bob@10.0.0.1"), .du = SLICE("sip:192.0.2.1:4000;transport=tls")};
	assert_int_equal(lookup_scheme(&t, a, false), 0);
	assert_slice_equal(t.ruri, "sip:bob@10.0.0.1");
	assert_slice_equal(t.du, "sip:192.0.2.1:4000;transport=tls");
	t = (struct tm_target){.ruri = SLICE("sip:bob@10.0.0.1")};
	assert_int_equal(lookup_scheme(&t, a, false), 0);
	assert_slice_equal(t.ruri, "sip:bob@10.0.0.1");
	assert_true(slice_empty(t.du));
	arena_put(a);
}

static void a_connection_behind_nat_is_the_only_way(void **state)
{
	(void)state;
	assert_true(lookup_is_flow(SLICE("sip:192.0.2.1:4000;transport=tcp")));
	assert_true(lookup_is_flow(SLICE("sip:192.0.2.1:4000;transport=tls")));
	assert_true(lookup_is_flow(SLICE("sips:192.0.2.1:4000")));
	assert_false(lookup_is_flow(SLICE("sip:192.0.2.1:4000")));
	assert_false(lookup_is_flow(SLICE("")));
	assert_false(lookup_is_flow(SLICE("tel:1")));
}

static void methods_that_a_phone_did_not_name_are_filtered(void **state)
{
	struct store_contact c = {.uri = SLICE("sip:a@10.0.0.1")};

	(void)state;
	assert_true(lookup_allows(&c, SLICE("MESSAGE")));
	c.methods = SLICE("INVITE, ACK,BYE , OPTIONS");
	assert_true(lookup_allows(&c, SLICE("INVITE")));
	assert_true(lookup_allows(&c, SLICE("BYE")));
	assert_true(lookup_allows(&c, SLICE("CANCEL")));
	assert_false(lookup_allows(&c, SLICE("MESSAGE")));
	assert_false(lookup_allows(&c, SLICE("INV")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_contact_becomes_one_binding),
		cmocka_unit_test(
			the_expires_parameter_comes_before_the_header_and_the_default),
		cmocka_unit_test(malformed_expires_are_an_hour),
		cmocka_unit_test(a_huge_expires_is_bounded),
		cmocka_unit_test(too_brief_a_time_is_answered_with_423),
		cmocka_unit_test(a_register_without_contact_is_a_query),
		cmocka_unit_test(a_star_with_expires_0_removes_all),
		cmocka_unit_test(a_star_of_any_other_kind_is_refused),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(an_aor_without_user_is_not_found),
		cmocka_unit_test(the_aor_follows_the_rules),
		cmocka_unit_test(tables_are_kept_apart_whatever_a_user_calls_himself),
		cmocka_unit_test(a_given_aor_replaces_to),
		cmocka_unit_test(equal_uris_are_one_binding),
		cmocka_unit_test(instance_and_reg_id_name_a_binding),
		cmocka_unit_test(received_comes_from_path_then_contact_then_source),
		cmocka_unit_test(
			received_in_the_uri_of_a_trusted_edge_is_taken_out_of_it),
		cmocka_unit_test(a_received_that_is_no_uri_is_refused),
		cmocka_unit_test(path_is_stored_and_answered_to_phones_that_know_it),
		cmocka_unit_test(long_texts_are_refused_or_left_out),
		cmocka_unit_test(flags_of_save_bound_and_replace),
		cmocka_unit_test(save_takes_letters_names_and_numbers),
		cmocka_unit_test(flags_that_save_does_not_know_are_refused),
		cmocka_unit_test(lookup_takes_letters_and_names),
		cmocka_unit_test(the_200_lists_all_bindings),
		cmocka_unit_test(q_is_written_short),
		cmocka_unit_test(stored_text_cannot_forge_header_lines),
		cmocka_unit_test(refusals_say_what_to_do),
		cmocka_unit_test(a_contact_is_reached_by_path_then_by_its_source),
		cmocka_unit_test(a_sips_contact_is_called_by_sip_over_tls),
		cmocka_unit_test(a_connection_behind_nat_is_the_only_way),
		cmocka_unit_test(methods_that_a_phone_did_not_name_are_filtered),
	};
	return cmocka_run_group_tests_name("registrar", tests, NULL, NULL);
}
