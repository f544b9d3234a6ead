import { createHash } from 'node:crypto';

/*
 * What must happen at once in a room happens in Redis, in one of these scripts. Each touches one
 * key, the room's hash, so that the same scripts run on a single server and on Cluster:
 *
 *   k  kind · v  version · hk  key of the host · mv  viewers the host takes
 *   m:<peer id>  member · g  how the last members went, as [peer id, how]
 *   b  origins that are kept out, as [origin, until]
 *
 * A member is JSON: p peer id, r role, d node, c connection, t hash of its resume token, s state
 * ('c' connected, 'd' detached), n version it came with, a its origin, o 1 once it is admitted. The version grows by one with each
 * change, and starts at the server's time in milliseconds, so that a room which is made anew
 * after a loss of data is newer than what the nodes remember.
 *
 * All but renew answer JSON: ok or code, v, kind, hk, mv, members, changes, and nodes: whoever has to hear
 * of the changes. (An empty list comes as {}: cjson cannot tell them apart.)
 */

const COMMON = `
local key = KEYS[1]
local room = { members = {}, gone = {}, blocked = {} }
do
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    if field == 'k' then room.kind = value
    elseif field == 'v' then room.v = tonumber(value)
    elseif field == 'hk' then room.hk = value
    elseif field == 'g' then room.gone = cjson.decode(value)
    elseif field == 'b' then room.blocked = cjson.decode(value)
    elseif field == 'mv' then room.mv = tonumber(value)
    else room.members[#room.members + 1] = cjson.decode(value) end
  end
  table.sort(room.members, function(a, b)
    if a.n == b.n then return a.p < b.p end
    return a.n < b.n
  end)
end
local changes, nodes, told = {}, {}, {}
local function tell(node)
  if not told[node] then told[node] = true; nodes[#nodes + 1] = node end
end
local function bump()
  if #changes > 0 then return end
  if room.v then room.v = room.v + 1
  else
    local time = redis.call('TIME')
    room.v = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  redis.call('HSET', key, 'v', string.format('%.0f', room.v))
end
local function find(peer)
  for index, member in ipairs(room.members) do
    if member.p == peer then return member, index end
  end
end
local function note(peer, how)
  table.insert(room.gone, { peer, how })
  if #room.gone > 16 then table.remove(room.gone, 1) end
  redis.call('HSET', key, 'g', cjson.encode(room.gone))
end
local function put(member, how)
  bump()
  if how == 'released' then note(member.p, how) end
  local old, index = find(member.p)
  if old then tell(old.d) else member.n = room.v end
  room.members[index or #room.members + 1] = member
  redis.call('HSET', key, 'm:' .. member.p, cjson.encode(member))
  changes[#changes + 1] = { how = how, m = member }
end
local function remove(peer, how)
  bump()
  local old, index = find(peer)
  tell(old.d)
  note(peer, how)
  table.remove(room.members, index)
  redis.call('HDEL', key, 'm:' .. peer)
  changes[#changes + 1] = { how = how, m = old }
end
local function host()
  for _, member in ipairs(room.members) do
    if member.r == 'host' then return member end
  end
end
local function fits(role, capacity, most)
  local others = 0
  for _, member in ipairs(room.members) do
    if member.r ~= 'host' then others = others + 1 end
  end
  if role == 'peer' then return others < capacity end
  return others < most - 1
end
-- As Room does: how many have proven nothing, and who of them gives way to one of that origin.
local function unproven(origin)
  local count, counts, found = 0, { [origin] = 1 }, nil
  for _, member in ipairs(room.members) do
    if member.r == 'viewer' and not member.o then
      count = count + 1
      counts[member.a or ''] = (counts[member.a or ''] or 0) + 1
    end
  end
  for _, member in ipairs(room.members) do
    if member.r == 'viewer' and not member.o then
      if not found or counts[member.a or ''] > counts[found.a or ''] then found = member end
    end
  end
  return count, found
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function block(origin, ms, most)
  local kept, time = { { origin, now() + ms } }, now()
  for _, entry in ipairs(room.blocked) do
    if entry[2] > time and entry[1] ~= origin then kept[#kept + 1] = entry end
  end
  table.sort(kept, function(a, b) return a[2] > b[2] end)
  while #kept > most do table.remove(kept) end
  room.blocked = kept
  redis.call('HSET', key, 'b', cjson.encode(kept))
end
local function blocks(origin)
  for _, entry in ipairs(room.blocked) do
    if entry[1] == origin and entry[2] > now() then return true end
  end
  return false
end
local function bind(kind, hk, mv)
  if not room.kind then room.kind = kind; redis.call('HSET', key, 'k', kind) end
  if hk ~= '' and not room.hk then room.hk = hk; redis.call('HSET', key, 'hk', hk) end
  if mv == 'none' then room.mv = nil; redis.call('HDEL', key, 'mv')
  elseif mv ~= '' then room.mv = tonumber(mv); redis.call('HSET', key, 'mv', mv) end
end
local function answer(result, ttl, empty)
  if #room.members > 0 then
    redis.call('PEXPIRE', key, room.hk and math.max(ttl, empty) or ttl)
  elseif room.hk then
    if #changes > 0 then redis.call('PEXPIRE', key, empty) end
  else redis.call('DEL', key) end
  for _, member in ipairs(room.members) do tell(member.d) end
  result.v, result.kind, result.hk, result.mv = room.v or 0, room.kind, room.hk, room.mv
  result.members, result.changes, result.nodes = room.members, changes, nodes
  result.gone = room.gone
  return cjson.encode(result)
end
`;

const JOIN = `
local kind, role, node, connection, peer, token, from, hk, mv = unpack(ARGV, 1, 9)
local capacity, most, ttl, empty = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12], ARGV[13]
local origin, crowd = ARGV[14], tonumber(ARGV[15])
local function refuse(code) return cjson.encode({ code = code, members = room.members }) end
if room.kind and room.kind ~= kind then return refuse('wrong-room-kind') end
if from ~= '' then
  for _, member in ipairs(room.members) do
    if member.t == from and member.r == role then
      tell(member.d)
      member.d, member.c, member.s = node, connection, 'c'
      bind(kind, '', mv)
      put(member, 'resumed')
      return answer({ ok = true, peer = member.p, resumed = true }, ttl, empty)
    end
  end
end
if role == 'host' then
  local old = host()
  local same = room.hk and room.hk == hk
  local free = not room.hk and (not old or old.s == 'd')
  if not same and not free then return refuse('host-slot-taken') end
  if old then remove(old.p, 'replaced') end
  bind(kind, hk, mv == '' and 'none' or mv)
else
  if role == 'viewer' then
    if blocks(origin) then return refuse('kicked') end
    local count, found = unproven(origin)
    if count >= crowd or not fits(role, capacity, most) then
      if not found then return refuse('room-full') end
      remove(found.p, 'evicted')
    end
  elseif not fits(role, capacity, most) then return refuse('room-full') end
  bind(kind, '', '')
end
put({ p = peer, r = role, d = node, c = connection, t = token, s = 'c', a = origin }, 'joined')
return answer({ ok = true, peer = peer, resumed = false }, ttl, empty)
`;

/** The host answers for a viewer. */
const ADMIT = `
local peer, ttl, empty = unpack(ARGV)
local member = find(peer)
if not member or member.r ~= 'viewer' then return answer({ ok = false }, ttl, empty) end
if not member.o then
  member.o = 1
  put(member, 'admitted')
end
return answer({ ok = true }, ttl, empty)
`;

/** The host removes a viewer, wherever it is connected, and keeps its origin out. */
const KICK = `
local peer, ms, most, ttl, empty = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local member = find(peer)
if not member or member.r ~= 'viewer' then return answer({ ok = false }, ttl, empty) end
if ms > 0 and member.a and member.a ~= '' then block(member.a, ms, most) end
remove(peer, 'kicked')
return answer({ ok = true }, ttl, empty)
`;

/** how: left, kicked, lost, replaced; detached; released (the node goes: nobody is told). */
const LEAVE = `
local peer, connection, how, ttl, empty = unpack(ARGV)
local member = find(peer)
if not member or member.c ~= connection then return answer({ ok = false }, ttl, empty) end
local keeps = how == 'detached' or (how == 'released' and room.kind == 'v2')
if keeps and member.s ~= 'd' then
  member.s = 'd'
  put(member, how)
elseif not keeps then
  remove(peer, how)
end
return answer({ ok = true }, ttl, empty)
`;

/**
 * Makes the room agree with what one node says of its own members, and renews it: what the room
 * has of the node and the node does not name is lost, what the node names and the room lacks
 * comes back if it fits. For a node that is dead the list is empty.
 */
const SYNC = `
local node, kind, hk, mv = unpack(ARGV, 1, 4)
local capacity, most, ttl, empty = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8]
local named, wanted, refused = {}, cjson.decode(ARGV[9]), {}
for _, member in ipairs(wanted) do named[member.p] = true end
local gone = {}
for _, member in ipairs(room.members) do
  if member.d == node and not named[member.p] then gone[#gone + 1] = member.p end
end
for _, peer in ipairs(gone) do remove(peer, 'lost') end
local foreign = room.kind and room.kind ~= kind
if #wanted > 0 and not foreign then bind(kind, hk, '') end
for _, member in ipairs(wanted) do
  local stored = find(member.p)
  if stored and stored.d == node then
    if stored.c ~= member.c or stored.s ~= member.s or stored.o ~= member.o then
      member.n = stored.n
      local how = member.s == 'd' and 'detached' or 'resumed'
      if stored.c == member.c and stored.s == member.s then
        how = 'admitted'
        member.o = 1
      end
      put(member, how)
    end
  elseif stored or foreign then refused[#refused + 1] = member.p
  else
    local fit
    if member.r == 'host' then
      fit = not host() and (not room.hk or room.hk == hk)
    else fit = fits(member.r, capacity, most) end
    if fit then
      put(member, 'joined')
      if member.r == 'host' then bind(kind, hk, mv == '' and 'none' or mv) end
    else refused[#refused + 1] = member.p end
  end
end
return answer({ ok = true, refused = refused }, ttl, empty)
`;

/** Renews a room that is as the node knows it; most of the time it is, and that takes little. */
const RENEW = `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
local bound = redis.call('HEXISTS', KEYS[1], 'hk') == 1
return redis.call('PEXPIRE', KEYS[1], bound and math.max(ARGV[2], ARGV[3]) or ARGV[2])
`;

export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

function script(name: string, text: string): Script {
  return { name, text, sha: createHash('sha1').update(text).digest('hex') };
}

export const SCRIPTS = {
  join: script('join', COMMON + JOIN),
  admit: script('admit', COMMON + ADMIT),
  kick: script('kick', COMMON + KICK),
  leave: script('leave', COMMON + LEAVE),
  sync: script('sync', COMMON + SYNC),
  renew: script('renew', RENEW),
} as const;
