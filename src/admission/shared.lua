-- The token ledger: one call of one replica. Everything about one app and command is in the one hash KEYS[1], so that it
-- is lost as a whole or not at all:
--   t<number>   a token, the right to one call: "<cool_at> <grant> <owner>". It may be used again from `cool_at` on.
--   s<instance> a replica: "<seen> <away> <thaw> <seat> <floor> <queued> <accepted>".
--   m<name>     last and asked (the clock), server, epoch, seq, size, unknown, unknown_until, plateau, cut_at.
-- Times are microseconds of this server's own clock. Replicas send and get durations only, but for `good_until`, which
-- is this clock as an earlier answer named it.
local clock = redis.call('TIME')
local raw = clock[1] * 1000000 + clock[2]

local id, what = ARGV[1], ARGV[2]
local names = { 'epoch', 'seq', 'good_until', 'n', 'cap', 'replicas', 'suspect', 'standing', 'queued', 'held', 'floor',
  'accepted', 'plateau', 'cut_age', 'ttl', 'horizon', 'hold', 'learn', 'thaw', 'server' }
local arg = {}
for i, name in ipairs(names) do arg[name] = tonumber(ARGV[i + 2]) end
local first_report = #names + 3

local OK, LATE = 0, 1
local RESERVE = 2             -- tokens that a replica above its fair share leaves for one that has just woken up
local FRESH = 300000          -- a queue that was told of longer ago than this is empty by now
local BETWEEN_CUTS = 1100000  -- refusals of one full second at Chat are one lesson
local STEPPED_BACK = 1000000  -- a clock that goes back further than this has been set, and old times mean nothing
local UNUSED = 86400000       -- ms after which the ledger of an app that nobody serves is forgotten

local tokens, seats, m = {}, {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for f = 1, #fields, 2 do
  local kind, name, value = fields[f]:sub(1, 1), fields[f]:sub(2), fields[f + 1]
  if kind == 't' then
    local cool, grant, owner = value:match('^(%d+) (%d+) (%S+)$')
    tokens[tonumber(name)] = { number = tonumber(name), cool = tonumber(cool), grant = tonumber(grant), owner = owner }
  elseif kind == 's' then
    local v = {}
    for word in value:gmatch('%S+') do v[#v + 1] = tonumber(word) end
    seats[name] = { seen = v[1], away = v[2], thaw = v[3], seat = v[4], floor = v[5], queued = v[6], accepted = v[7] }
  else
    m[name] = tonumber(value)
  end
end

local changed = {}
local function whole(...)  -- tostring() would round what is longer than 14 digits
  local words = { ... }
  for i, word in ipairs(words) do words[i] = string.format('%.0f', word) end
  return table.concat(words, ' ')
end
local function put(name, value) changed[#changed + 1] = name; changed[#changed + 1] = value end
local function put_token(t) put('t' .. t.number, whole(t.cool, t.grant) .. ' ' .. t.owner) end
local function put_seat(name, s)
  put('s' .. name, whole(s.seen, s.away, s.thaw, s.seat, s.floor, s.queued, s.accepted))
end
local function set(name, value) m[name] = value; put('m' .. name, whole(value)) end
local function save()
  for i = 1, #changed, 1000 do redis.call('HSET', KEYS[1], unpack(changed, i, math.min(i + 999, #changed))) end
  redis.call('PEXPIRE', KEYS[1], UNUSED)
end

local stepped = m.last ~= nil and raw < m.last - STEPPED_BACK
local now = (m.last and not stepped) and math.max(raw, m.last) or raw

-- Somebody who was away asks whether we are here. It may be living on its share, so that stays reserved. (Written even
-- if it is nobody we know: a server that cannot write must not look as if it were back.)
if what == 'hello' then
  if not stepped then set('last', now) end  -- else the poll that follows must still find it so
  set('asked', now)
  local seat = seats[id]
  if seat then
    seat.away = now
    put_seat(id, seat)
  end
  save()
  return { OK, now, m.epoch or 0, m.seq or 0 }
end

-- Held up on the way, or run after the server slept: whoever sent it has given it up and may do something else by now.
if now > arg.good_until then return { LATE, now, 0, 0 } end
set('last', now)

-- Without its past the ledger does not know what is under way. Then every token rests until whatever was granted
-- before has gone and is out of Chat's second, and every replica counts as living on its share until it is heard of:
-- those it remembers, and with its memory lost as many as there may be.
local alone = true
for _, s in pairs(seats) do alone = alone and now - s.seen > arg.ttl end
-- A server started again, or another in its place, may lack what the one before did last. Only the replica that it was
-- done for could tell by its number, and that need not be the first to come; so the server's own name decides.
local other = arg.server ~= 0 and m.server and m.server ~= arg.server
local behind = m.epoch and (m.epoch < arg.epoch or (m.epoch == arg.epoch and m.seq < arg.seq))
local forgot = not m.epoch or stepped or other or behind
if arg.server ~= 0 and m.server ~= arg.server then set('server', arg.server) end
if forgot or alone then
  set('epoch', math.max(now, (m.epoch or 0) + 1, arg.epoch + 1))
  set('seq', 0)
  set('size', math.max(arg.n, m.size or 0))
  for number = 0, m.size - 1 do
    tokens[number] = { number = number, cool = now + arg.learn, grant = 0, owner = '-' }
    put_token(tokens[number])
  end
  local known = 0
  for name, s in pairs(seats) do
    s.seen, s.away, s.thaw, s.queued, s.accepted = now, now, 0, 0, 0
    put_seat(name, s)
    known = known + s.seat
  end
  set('unknown', forgot and math.max(0, arg.replicas - known) or 0)
  set('unknown_until', now + arg.ttl + arg.suspect)
  if stepped then set('cut_at', 0) end
end
for number = m.size, arg.n - 1 do
  tokens[number] = { number = number, cool = now, grant = 0, owner = '-' }
  put_token(tokens[number])
end
if arg.n > m.size then set('size', arg.n) end
set('seq', m.seq + 1)

-- What became of tokens granted to it: used, or handed back. Of another epoch, or granted anew since, it means nothing.
if m.epoch == arg.epoch then
  for i = first_report, #ARGV, 3 do
    local token = tokens[tonumber(ARGV[i])]
    if token and token.grant == tonumber(ARGV[i + 1]) and token.owner == id then
      token.cool = now + math.max(0, tonumber(ARGV[i + 2]))
      token.grant = 0
      put_token(token)
    end
  end
end

if what == 'leave' then
  save()
  redis.call('HDEL', KEYS[1], 's' .. id)
  return { OK, now, m.epoch, m.seq }
end

-- Who is there. A seat is the right to a share of the rate while this server is away; there are as many as replicas.
-- One that is silent keeps its seat for `suspect`; one without a seat has nothing to keep.
for name, s in pairs(seats) do
  local patience = arg.ttl + s.seat * arg.suspect
  if now - math.max(s.seen, s.away) > patience and now >= s.thaw then
    seats[name] = nil
    redis.call('HDEL', KEYS[1], 's' .. name)
  end
end
if m.unknown > 0 and now > m.unknown_until then set('unknown', 0) end
local known = seats[id]
local me = known or { thaw = 0, seat = 0 }
seats[id] = me
-- It lived on its share until it sent this, or it stood still, perhaps with calls between their permit and the wire:
-- what it sent by itself is still in Chat's second, or about to be. Its share goes on resting until that is over.
local stood_still = known and now - me.seen > arg.ttl or not known and arg.epoch > 0
if arg.standing == 2 or stood_still then me.thaw = now + arg.thaw end
me.seen, me.away, me.floor, me.queued, me.accepted = now, 0, arg.floor, arg.queued, arg.accepted
if me.seat == 0 then
  local taken = m.unknown
  for _, s in pairs(seats) do taken = taken + s.seat end
  if m.unknown > 0 then
    set('unknown', m.unknown - 1)
    me.seat = 1
  elseif taken < arg.replicas then
    me.seat = 1
  end
end
put_seat(id, me)

-- What others may be using without asking is nobody's.
local reserved, live, floor, accepted = m.unknown, 0, 0, 0
for name, s in pairs(seats) do
  local silent = s.away > 0 or now - s.seen > arg.ttl
  if (silent and s.seat == 1) or s.thaw > now then reserved = reserved + 1 end
  if not silent then
    live = live + 1
    if s.floor > 0 and (floor == 0 or s.floor < floor) then floor = s.floor end
    if name ~= id and now - s.seen < 1000000 then accepted = accepted + s.accepted end
  end
end
local rest = reserved * math.floor(arg.n / arg.replicas)

-- One replica's lesson spares the others.
if arg.cut_age >= 0 and now - arg.cut_age - (m.cut_at or 0) > BETWEEN_CUTS then
  set('plateau', arg.plateau)
  set('cut_at', now - arg.cut_age)
end

-- A fair level, as water finds it: nobody above it but for what nobody else wants. A token that cools within the
-- horizon is as good as free: counted as used, it would cost 4 % of the rate.
local usable = math.max(0, math.min(arg.n, arg.cap) - rest)
local charged = { [id] = 0 }
for _, t in pairs(tokens) do
  if t.owner ~= '-' and t.cool > now + arg.horizon then charged[t.owner] = (charged[t.owner] or 0) + 1 end
end
for name, s in pairs(seats) do
  if name ~= id and now - s.seen < FRESH then charged[name] = (charged[name] or 0) + s.queued end
end
local level, open = usable, {}
for name, want in pairs(charged) do if name ~= id then open[#open + 1] = want end end
table.sort(open)
for i, want in ipairs(open) do
  local even = level / (#open - i + 2)
  if want > even then
    level = even
    break
  end
  level = level - want
end

-- The coldest tokens are the ones that rest, so they stay the coldest: from the first grant on it is always the same ones.
local asked = math.max(0, arg.queued - arg.held)
local skip = m.size - usable
local sorted = {}
for number, t in pairs(tokens) do  -- numbers, as they sort far faster than tables; a minute cold is as cold as can be
  sorted[#sorted + 1] = math.max(0, t.cool - now + 60000000) * 65536 + number
end
table.sort(sorted)
for i, key in ipairs(sorted) do sorted[i] = tokens[key % 65536] end
local free = 0
while sorted[skip + free + 1] and sorted[skip + free + 1].cool <= now + arg.horizon do free = free + 1 end
local k = math.min(asked, math.ceil(level) - charged[id], math.ceil(arg.n * 1.025 * arg.horizon / 1000000) + 1)
if live > 1 and charged[id] + asked > usable / live + 1 then free = free - RESERVE end
k = math.max(0, math.min(k, free))

local wait = 0  -- nothing to be had, and this is when there will be
if asked > 0 and k == 0 and charged[id] < level and sorted[skip + 1] then
  wait = math.max(1, sorted[skip + 1].cool - now - arg.horizon)
end
local reply = { OK, now, m.epoch, m.seq, me.seat, reserved, live, math.floor(level * 1000), wait, floor, accepted,
  m.plateau or 0, (m.cut_at or 0) > 0 and now - m.cut_at or -1 }
for i = skip + 1, skip + k do
  local token = sorted[i]
  reply[#reply + 1] = token.number
  reply[#reply + 1] = m.seq
  reply[#reply + 1] = math.max(0, token.cool - now)
  token.cool, token.grant, token.owner = now + arg.hold, m.seq, id
  put_token(token)
end
save()
return reply
