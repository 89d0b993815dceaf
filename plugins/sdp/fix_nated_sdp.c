#include "plugins/sdp/fix_nated_sdp.h"

#include <errno.h>

/** What one call works with. */
struct fix {
	struct arena *arena;
	const struct sdp_fix_with *with;
	struct slice ip_text; /* in the arena */
};

/** Add a line unless it is there. */
static int add_once(struct sdp *s, struct slice line)
{
	return sdp_has_line(s, line) ? 0 : sdp_append_line(s, line);
}

/** One address line gets the new address; the old one is kept in a line of its own. */
static int fix_line(const struct fix *fix, struct sdp *s, struct sdp_addr *a)
{
	struct slice kept;
	struct addr old;

	if (addr_parse_ip(&old, a->addr) == 0) {
		if (addr_eq_ip(&old, fix->with->ip))
			return 0;
		if (addr_is_any(&old) && !(fix->with->flags & SDP_REWRITE_NULL_IPS))
			return 0;
	}
	kept = arena_join(fix->arena,
		a->ip6 ? SLICE("a=oldmediaip6:") : SLICE("a=oldmediaip:"), a->addr);
	if (!kept.p)
		return -ENOMEM;
	a->addr = fix->ip_text;
	a->ip6 = addr_family(fix->with->ip) == AF_INET6;
	return sdp_append_line(s, kept);
}

/** All c= lines of one level. *seen is set when there is one. */
static int fix_level(const struct fix *fix, struct sdp *s, struct sdp_addr *a, bool *seen)
{
	int err = 0;

	for (; a && err == 0; a = a->more) {
		if (slice_empty(a->line))
			continue;
		*seen = true;
		err = fix_line(fix, s, a);
	}
	return err;
}

static int fix_media(const struct fix *fix, struct sdp *s)
{
	bool seen = false;
	int err = fix_level(fix, s, &s->conn, &seen);
	unsigned i;

	for (i = 0; i < s->media_count && err == 0; i++)
		err = fix_level(fix, s, &s->media[i].conn, &seen);
	return err == 0 && !seen ? -ENOENT : err;
}

/** The next of several lines, without its end; false: no more. */
static bool next_line(struct slice *rest, struct slice *line)
{
	if (slice_empty(*rest))
		return false;
	if (!slice_cut(*rest, '\n', line, rest)) {
		*line = *rest;
		*rest = (struct slice){0};
	}
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

bool fix_nated_sdp_lines(struct slice s)
{
	struct slice line;
	size_t i;

	if (slice_empty(s))
		return false;
	while (next_line(&s, &line)) {
		if (line.len < 3 || !slice_starts(line, SLICE("a=")))
			return false;
		for (i = 0; i < line.len; i++)
			if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
				return false;
	}
	return true;
}

static int add_lines(struct sdp *s, struct slice lines)
{
	struct slice line;
	int err = 0;

	while (err == 0 && next_line(&lines, &line))
		err = add_once(s, line);
	return err;
}

static int fix_part(const struct fix *fix, struct sdp *s)
{
	int err = 0;

	if (fix->with->flags & SDP_ADD_DIRECTION_ACTIVE)
		err = add_once(s, SLICE("a=direction:active"));
	if (err == 0 && (fix->with->flags & SDP_REWRITE_MEDIA_IP))
		err = fix_media(fix, s);
	if (err == 0 && (fix->with->flags & SDP_REWRITE_ORIGIN_IP) &&
		!slice_empty(s->origin.line))
		err = fix_line(fix, s, &s->origin);
	if (err == 0)
		err = add_lines(s, fix->with->lines);
	if (err == 0 && (fix->with->flags & SDP_ADD_NORTPPROXY) &&
		!slice_empty(fix->with->marker))
		err = add_once(s, fix->with->marker);
	return err;
}

int fix_nated_sdp(struct sip_msg *msg, const struct sdp_fix_with *with)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct fix fix = {.arena = msg->arena, .with = with};
	char text[ADDR_TEXT];
	int n, i, err = 0;

	if (!slice_empty(with->lines) && !fix_nated_sdp_lines(with->lines))
		return -EINVAL;
	n = sip_sdp_parse(msg, parts, with->max_media);
	if (n <= 0)
		return n == 0 ? -ENOENT : n;
	fix.ip_text = arena_dup(msg->arena, addr_ip_text(with->ip, text));
	if (!fix.ip_text.p)
		return -ENOMEM;
	for (i = 0; i < n && err == 0; i++)
		err = fix_part(&fix, &parts[i].sdp);
	return err == 0 ? sip_sdp_apply(msg, parts, (unsigned)n) : err;
}
