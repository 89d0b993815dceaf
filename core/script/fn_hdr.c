#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "core/script/fn_core.h"
#include "core/script/hdr_received.h"
#include "core/sip/sip_write.h"
#include "core/tm/record_route.h"

/** Without these a message is none; whoever wants another value must not have none in between. */
static bool is_vital(const struct sip_hdr *h)
{
	return h->id == SIP_H_VIA || h->id == SIP_H_FROM || h->id == SIP_H_TO ||
		h->id == SIP_H_CALL_ID || h->id == SIP_H_CSEQ;
}

/** append_hf(), insert_hf(): lines put behind (before) the header that is named, else last (first). */
static int add_lines(struct ph_msg *msg, const char *fn, enum sip_place place,
	const struct ph_arg *args)
{
	struct sip_hdr *at =
		args[1].given ? sip_hdr_find(&msg->sip, slice_trim(args[1].s)) : NULL;
	struct slice lines;
	bool missing;
	int err = fn_lines(msg, args[0].s, &lines, &missing);

	if (missing)
		fn_log(msg, LOG_L_WARN, "%s: the text should end with \\r\\n; added", fn);
	if (err == 0)
		err = sip_hdr_add_text(&msg->sip, place, at, lines);
	return fn_verdict(msg, fn, err);
}

static int append_hf(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return add_lines(msg, "append_hf", SIP_AFTER, args);
}

static int insert_hf(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return add_lines(msg, "insert_hf", SIP_BEFORE, args);
}

/** Remove all headers that wanted() names; all or none. */
static int remove_where(struct ph_msg *msg, const char *fn,
	bool (*wanted)(const struct ph_msg *msg, const struct sip_hdr *h,
		const struct ph_arg *arg),
	const struct ph_arg *arg)
{
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct sip_hdr *h;
	bool found = false;

	for (h = msg->sip.first; h; h = h->next) {
		int err;

		if ((h->flags & SIP_HDR_REMOVED) || !wanted(msg, h, arg))
			continue;
		if (is_vital(h)) {
			fn_log(msg, LOG_L_WARN, "%s: %.*s cannot be removed", fn,
				SLICE_ARG(h->name));
			continue;
		}
		err = sip_hdr_remove(&msg->sip, h);
		if (err != 0) {
			sip_rollback(&msg->sip, mark);
			return fn_verdict(msg, fn, err);
		}
		found = true;
	}
	return found ? PH_TRUE : PH_FALSE;
}

static bool has_name(
	const struct ph_msg *msg, const struct sip_hdr *h, const struct ph_arg *arg)
{
	struct slice name = slice_trim(arg->s);

	(void)msg;
	return hdr_is(h, sip_hdr_id_of(name), name);
}

static bool has_glob_name(
	const struct ph_msg *msg, const struct sip_hdr *h, const struct ph_arg *arg)
{
	char name[128], glob[128];

	(void)msg;
	if (h->name.len >= sizeof(name) || arg->s.len >= sizeof(glob))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(h->name));
	(void)snprintf(glob, sizeof(glob), "%.*s", SLICE_ARG(arg->s));
	return fnmatch(glob, name, FNM_CASEFOLD) == 0;
}

static bool has_matching_name(
	const struct ph_msg *msg, const struct sip_hdr *h, const struct ph_arg *arg)
{
	return fn_match(msg, arg, h->name) == PH_TRUE;
}

/** remove_hf(name [, "g"]): with g the name is a pattern with '*' and '?'. */
static int remove_hf(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	bool glob = args[1].given && slice_chr(args[1].s, 'g') >= 0;

	(void)self;
	return remove_where(msg, "remove_hf", glob ? has_glob_name : has_name, &args[0]);
}

static int remove_hf_re(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return remove_where(msg, "remove_hf_re", has_matching_name, &args[0]);
}

static int is_present_hf(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return sip_hdr_find(&msg->sip, slice_trim(args[0].s)) ? PH_TRUE : PH_FALSE;
}

/** Write the message with its edits and read it again, so that variables show them. */
static int apply_changes(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sip_limits limits = {.max_headers = 1024, .max_size = 131072};
	struct sip_error why;
	struct sip_msg fresh;
	struct buf b;
	struct sip_msg *came;
	bool recorded;
	int err;

	(void)self;
	(void)args;
	if (msg->sip.edits == 0)
		return PH_TRUE;
	came = arena_alloc(msg->arena, sizeof(*came));
	if (!came)
		return fn_verdict(msg, "msg_apply_changes", -ENOMEM);
	buf_arena(&b, msg->arena, msg->sip.raw.len + 512, limits.max_size);
	sip_write_plain(&b, &msg->sip);
	err = b.err;
	if (err == 0)
		err = sip_parse(&fresh, msg->arena, buf_slice(&b), &limits, &why);
	if (err != 0)
		return fn_verdict(msg, "msg_apply_changes", err);
	recorded = rr_ours(msg) != NULL;
	if (!msg->came) {
		msg->came = came;
		*came = msg->sip;
	}
	msg->sip = fresh;
	msg->rr_hdr = recorded ? sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE) : NULL;
	return PH_TRUE;
}

/* clang-format off */
#define LINES {.kind = PH_ARG_FMT, .name = "header"}
#define NAME(n) {.kind = PH_ARG_FMT, .name = (n)}
#define EDIT_ROUTES (FN_R | FN_F | FN_B | FN_O)
const struct ph_script_fn fn_hdr_table[] = {
	{.name = "append_hf", .args = {LINES, NAME("after")}, .min_args = 1, .max_args = 2, .routes = EDIT_ROUTES,
	 .call = append_hf, .help = "Adds header lines at the end, or behind a header."},
	{.name = "insert_hf", .args = {LINES, NAME("before")}, .min_args = 1, .max_args = 2, .routes = EDIT_ROUTES,
	 .call = insert_hf, .help = "Adds header lines at the start, or before a header."},
	{.name = "remove_hf", .args = {NAME("name"), NAME("flags")}, .min_args = 1, .max_args = 2,
	 .routes = EDIT_ROUTES, .call = remove_hf, .help = "Removes all headers of a name; false when there is none."},
	{.name = "remove_hf_re", .args = {{.kind = PH_ARG_RE, .name = "regex"}}, .min_args = 1, .max_args = 1,
	 .routes = EDIT_ROUTES, .call = remove_hf_re, .help = "Removes all headers whose name matches."},
	{.name = "is_present_hf", .args = {NAME("name")}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL,
	 .call = is_present_hf, .help = "Is there such a header?"},
	{.name = "msg_apply_changes", .routes = FN_R | FN_O, .call = apply_changes,
	 .help = "Makes the edits visible to variables."},
	{0},
};
/* clang-format on */
