#include "storage/store_script.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/base/hash.h"

const char *const store_fields[STORE_FIELDS] = {"uri", "received", "path", "socket",
	"callid", "cseq", "q", "flags", "nated", "methods", "user_agent", "instance",
	"reg_id", "expires", "registered", "node"};

/* clang-format off */

/*
 * KEYS: 1 the AOR's set, 2 the start of its contacts' keys.
 * ARGV: 1 Call-ID, 2 CSeq, 3 now, 4 remove all, 5 most contacts, 6 replace, 7 count; then
 * for each contact its id and the 16 fields. An expired contact of the update is a removal.
 * Answers {0 done | 1 unchanged | 2 too many, bindings that left their socket {id,
 * socket, expires}..., bindings that were there before and stay {id, fields}..., ids of the
 * update that are in force (2: all ids in force)}.
 * An id whose HASH is gone has expired. One that is over by our clock but still there is
 * left to Redis: clocks differ.
 * This is the hottest script: no tables are built that a lone phone's refresh does not need.
 */
static const char update_text[] =
	"local cseq, now = tonumber(ARGV[2]), tonumber(ARGV[3])\n"
	"local all, most, replace = ARGV[4] == '1', tonumber(ARGV[5]), ARGV[6] == '1'\n"
	"local new, have, kept, added, gone = {}, {}, {}, {}, {}\n"
	"local n, before, last, stale = 0, 0, 0, false\n"
	"local function full(ids)\n"
	"  for i, id in ipairs(ids) do\n"
	"    ids[i] = {id, unpack(redis.call('HMGET', KEYS[2] .. id, 'uri', 'received', 'path',\n"
	"      'socket', 'callid', 'cseq', 'q', 'flags', 'nated', 'methods', 'user_agent',\n"
	"      'instance', 'reg_id', 'expires', 'registered', 'node'))}\n"
	"  end\n"
	"  return ids\n"
	"end\n"
	"local function drop(id)\n"
	"  redis.call('DEL', KEYS[2] .. id)\n"
	"  redis.call('SREM', KEYS[1], id)\n"
	"end\n"
	"if not all then\n"
	"  for at = 8, 7 + 17 * tonumber(ARGV[7]), 17 do new[ARGV[at]] = at end\n"
	"end\n"
	"for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do\n"
	"  local v = redis.call('HMGET', KEYS[2] .. id, 'uri', 'socket', 'callid', 'cseq', 'expires')\n"
	"  local ends = tonumber(v[5]) or 0\n"
	"  if not v[1] then\n"
	"    redis.call('SREM', KEYS[1], id)\n"
	"  elseif ends > now then\n"
	"    before = before + 1\n"
	"    if all or replace or new[id] then\n"
	"      have[id] = v\n"
	"      if v[3] == ARGV[1] and (tonumber(v[4]) or 0) >= cseq then stale = true end\n"
	"    else\n"
	"      kept[#kept + 1] = id\n"
	"      n = n + 1\n"
	"      if ends > last then last = ends end\n"
	"    end\n"
	"  end\n"
	"end\n"
	"if stale then\n"
	"  for id in pairs(have) do kept[#kept + 1] = id end\n"
	"  return {1, gone, full(kept), added}\n"
	"end\n"
	"for id, at in pairs(new) do\n"
	"  local ends = tonumber(ARGV[at + 14])\n"
	"  if ends > now then\n"
	"    added[#added + 1] = id\n"
	"    n = n + 1\n"
	"    if ends > last then last = ends end\n"
	"  end\n"
	"end\n"
	"if n > most and n > before then\n"
	"  for id in pairs(have) do kept[#kept + 1] = id end\n"
	"  return {2, gone, {}, kept}\n"
	"end\n"
	"for id, v in pairs(have) do\n"
	"  local at = new[id]\n"
	"  if not at or tonumber(ARGV[at + 14]) <= now or ARGV[at + 4] ~= v[2] then\n"
	"    gone[#gone + 1] = {id, v[2], v[5]}\n"
	"  end\n"
	"  if not at then drop(id) end\n"
	"end\n"
	"for id, at in pairs(new) do\n"
	"  if tonumber(ARGV[at + 14]) <= now then\n"
	"    drop(id)\n"
	"  else\n"
	"    local key = KEYS[2] .. id\n"
	"    redis.call('HSET', key, 'uri', ARGV[at + 1], 'received', ARGV[at + 2],\n"
	"      'path', ARGV[at + 3], 'socket', ARGV[at + 4], 'callid', ARGV[at + 5],\n"
	"      'cseq', ARGV[at + 6], 'q', ARGV[at + 7], 'flags', ARGV[at + 8],\n"
	"      'nated', ARGV[at + 9], 'methods', ARGV[at + 10], 'user_agent', ARGV[at + 11],\n"
	"      'instance', ARGV[at + 12], 'reg_id', ARGV[at + 13], 'expires', ARGV[at + 14],\n"
	"      'registered', ARGV[at + 15], 'node', ARGV[at + 16])\n"
	"    redis.call('EXPIREAT', key, ARGV[at + 14])\n"
	"    if not have[id] then redis.call('SADD', KEYS[1], id) end\n"
	"  end\n"
	"end\n"
	"if n > 0 then redis.call('EXPIREAT', KEYS[1], string.format('%.0f', last)) end\n"
	"return {0, gone, full(kept), added}\n";

/* KEYS as above. ARGV: 1 the id, empty for all. Answers {count, bindings that left their
 * socket}. */
static const char remove_text[] =
	"local ids, n, gone = {ARGV[1]}, 0, {}\n"
	"if ARGV[1] == '' then ids = redis.call('SMEMBERS', KEYS[1]) end\n"
	"for _, id in ipairs(ids) do\n"
	"  local v = redis.call('HMGET', KEYS[2] .. id, 'socket', 'expires')\n"
	"  if redis.call('DEL', KEYS[2] .. id) == 1 then\n"
	"    n = n + 1\n"
	"    if v[1] and v[2] then gone[#gone + 1] = {id, v[1], v[2]} end\n"
	"  end\n"
	"  redis.call('SREM', KEYS[1], id)\n"
	"end\n"
	"return {n, gone}\n";

/* KEYS as above. ARGV: ids that a reader found to name nothing; one may have been saved
 * again since. */
static const char mend_text[] =
	"local n = 0\n"
	"for _, id in ipairs(ARGV) do\n"
	"  if redis.call('EXISTS', KEYS[2] .. id) == 0 then n = n + redis.call('SREM', KEYS[1], id) end\n"
	"end\n"
	"return n\n";

/* KEYS: 1 a socket's set. ARGV: member, expiry, member, ...; one with a later expiry has
 * been saved again since. */
static const char unbind_text[] =
	"local n = 0\n"
	"for i = 1, #ARGV, 2 do\n"
	"  local s = redis.call('ZSCORE', KEYS[1], ARGV[i])\n"
	"  if s and tonumber(s) <= tonumber(ARGV[i + 1]) then\n"
	"    n = n + redis.call('ZREM', KEYS[1], ARGV[i])\n"
	"  end\n"
	"end\n"
	"return n\n";

/* KEYS: 1 a socket's stream. ARGV: 1 who has left it, 2 how many are kept, 3 how long, in ms. What
 * somebody wrote there that takes no more entries gives way. */
static const char left_text[] =
	"local function add()\n"
	"  return redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'contact', ARGV[1])\n"
	"end\n"
	"local answer = add()\n"
	"if type(answer) == 'table' and answer.err then\n"
	"  redis.call('DEL', KEYS[1])\n"
	"  answer = add()\n"
	"end\n"
	"redis.call('PEXPIRE', KEYS[1], ARGV[3])\n"
	"return answer\n";

/*
 * KEYS: 1 the lease. ARGV: 1 who asks, 2 life in ms. Answers who has it now.
 */
static const char lease_take_text[] =
	"local holder = redis.call('GET', KEYS[1])\n"
	"if holder and holder ~= ARGV[1] then return holder end\n"
	"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
	"return ARGV[1]\n";

/* KEYS: 1 the lease. ARGV: 1 who gives it back. */
static const char lease_drop_text[] =
	"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end\n"
	"return 0\n";

/* clang-format on */

const struct store_script store_scripts[STORE_S_COUNT] = {
	[STORE_S_UPDATE] = {.name = "update", .text = update_text},
	[STORE_S_REMOVE] = {.name = "remove", .text = remove_text},
	[STORE_S_MEND] = {.name = "mend", .text = mend_text},
	[STORE_S_UNBIND] = {.name = "unbind", .text = unbind_text},
	[STORE_S_LEFT] = {.name = "left", .text = left_text},
	[STORE_S_DIALOG_PUT] = {"dialog put", store_script_dialog_put},
	[STORE_S_DIALOG_EXPIRE] = {"dialog expire", store_script_dialog_expire},
	[STORE_S_DIALOG_CLAIM] = {"dialog claim", store_script_dialog_claim},
	[STORE_S_DIALOG_END] = {"dialog end", store_script_dialog_end},
	[STORE_S_LEASE_TAKE] = {"lease take", lease_take_text},
	[STORE_S_LEASE_DROP] = {"lease drop", lease_drop_text},
};

int store_script_sha(enum store_script_id id, char out[41])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const char *text = store_scripts[id].text;

	if (EVP_Digest(text, strlen(text), md, &len, EVP_sha1(), NULL) != 1 || len != 20)
		return -EIO;
	hex_text(out, md, len);
	return 0;
}
