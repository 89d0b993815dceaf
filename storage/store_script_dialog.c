/*
 * What is tested before a dialog's record changes. KEYS: 1 the record, in all of them.
 *
 * Each answers {code, state, deadline}: code as errno means it, 0, 'ENOENT' or 'EALREADY'; then
 * what the record says afterwards ('' and 0 where there is none). A state that is no word of
 * ours counts as no record: the next put rewrites it.
 */
#include "storage/store_script.h"

/* clang-format off */

#define RANK "local rank = {early = 1, confirmed = 2, ending = 3, ended = 4}\n"

/*
 * ARGV: 1 state, 2 node, 3 deadline, 4 ms to keep it, 5 reason, 6 first fence; then names and
 * values of the other fields. Answers the former deadline as well. store_dialog_keep() says
 * what stays of an older record, and why.
 */
const char store_script_dialog_put[] =
	RANK
	"local v = redis.call('HMGET', KEYS[1], 'state', 'node', 'deadline', 'reason', 'fence')\n"
	"local was, now, due = rank[v[1]] or 0, rank[ARGV[1]], tonumber(v[3]) or 0\n"
	"if was == 4 or (was == 3 and v[2] ~= ARGV[2]) then return {'EALREADY', v[1], v[3] or '0', '0'} end\n"
	"local further = was > now\n"
	"local expired = was > 0 and now < 3 and due > 0 and due < tonumber(ARGV[3])\n"
	"  and v[4] and v[4] ~= '' and v[4] ~= ARGV[5]\n"
	"redis.call('HSET', KEYS[1], unpack(ARGV, 7))\n"
	"if not (v[5] and #v[5] < 17 and v[5]:match('^%d+$')) then redis.call('HSET', KEYS[1], 'fence', ARGV[6]) end\n"
	"if not further then redis.call('HSET', KEYS[1], 'state', ARGV[1]) end\n"
	"local stays = (further and due > 0) or expired\n"
	"if stays then\n"
	"  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end\n"
	"else\n"
	"  redis.call('HSET', KEYS[1], 'deadline', ARGV[3], 'reason', ARGV[5])\n"
	"  redis.call('PEXPIRE', KEYS[1], ARGV[4])\n"
	"end\n"
	"return {0, further and v[1] or ARGV[1], stays and v[3] or ARGV[3], was > 0 and v[3] or '0'}\n";

/*
 * ARGV: 1 deadline, 2 reason. The time the record is kept stays: all nodes may be away from
 * Redis for a while, and the call is to be ended after that all the same.
 */
const char store_script_dialog_expire[] =
	RANK
	"local v = redis.call('HMGET', KEYS[1], 'state', 'deadline')\n"
	"local was, due = rank[v[1]] or 0, tonumber(v[2])\n"
	"if was == 0 then return {'ENOENT', '', '0'} end\n"
	"if was > 2 then return {'EALREADY', v[1], v[2] or '0'} end\n"
	"if due and due <= tonumber(ARGV[1]) then return {0, v[1], v[2]} end\n"
	"redis.call('HSET', KEYS[1], 'deadline', ARGV[1], 'reason', ARGV[2])\n"
	"return {0, v[1], ARGV[1]}\n";

/* ARGV: 1 fence that was read, 2 who claims, 3 deadline, 4 ms to keep it. */
const char store_script_dialog_claim[] =
	RANK
	"local v = redis.call('HMGET', KEYS[1], 'state', 'deadline', 'fence')\n"
	"local was = rank[v[1]] or 0\n"
	"if was == 0 then return {'ENOENT', '', '0'} end\n"
	"if was == 4 or (tonumber(v[3]) or 0) ~= tonumber(ARGV[1]) then\n"
	"  return {'EALREADY', v[1], v[2] or '0'}\n"
	"end\n"
	"redis.call('HSET', KEYS[1], 'state', 'ending', 'node', ARGV[2], 'deadline', ARGV[3],\n"
	"  'fence', string.format('%.0f', tonumber(ARGV[1]) + 1))\n"
	"redis.call('PEXPIRE', KEYS[1], ARGV[4])\n"
	"return {0, 'ending', ARGV[3]}\n";

/* ARGV: 1 reason, empty: the record goes at once; 2 ms to keep it. */
const char store_script_dialog_end[] =
	RANK
	"local state = redis.call('HGET', KEYS[1], 'state')\n"
	"local was = rank[state] or 0\n"
	"if was == 0 or was == 4 then return {0, state or '', '0'} end\n"
	"if ARGV[1] == '' then\n"
	"  redis.call('DEL', KEYS[1])\n"
	"  return {0, '', '0'}\n"
	"end\n"
	"redis.call('HSET', KEYS[1], 'state', 'ended', 'reason', ARGV[1])\n"
	"redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
	"return {0, 'ended', '0'}\n";
