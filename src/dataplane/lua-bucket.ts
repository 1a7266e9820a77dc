import type { PlaneKey } from '../ports/data-plane.ts';

/*
 * The router's own bucket in Lua, for Envoy's filter. LuaJIT has 32-bit operations, but multiplies
 * doubles: a product is put together from halves.
 */
const HASH = `
local bit = require("bit")
local band, bxor, lshift, rshift, rol, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.rol, bit.tobit
local byte = string.byte

local function mul(a, b)
  local al, ah, bl, bh = band(a, 0xffff), rshift(a, 16), band(b, 0xffff), rshift(b, 16)
  return tobit(al * bl + lshift(band(al * bh + ah * bl, 0xffff), 16))
end

local P1, P2, P3, P4, P5 = 0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1

local function word(s, at)
  local a, b, c, d = byte(s, at, at + 3)
  return bit.bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))
end

local function round(lane, input)
  return mul(rol(tobit(lane + mul(input, P2)), 13), P1)
end

local function xxh32(s)
  local length, at, hash = #s, 1, nil
  if length >= 16 then
    local a, b, c, d = tobit(P1 + P2), tobit(P2), 0, tobit(-P1)
    while at <= length - 15 do
      a = round(a, word(s, at))
      b = round(b, word(s, at + 4))
      c = round(c, word(s, at + 8))
      d = round(d, word(s, at + 12))
      at = at + 16
    end
    hash = tobit(rol(a, 1) + rol(b, 7) + rol(c, 12) + rol(d, 18))
  else
    hash = tobit(P5)
  end
  hash = tobit(hash + length)
  while at <= length - 3 do
    hash = mul(rol(tobit(hash + mul(word(s, at), P3)), 17), P4)
    at = at + 4
  end
  while at <= length do
    hash = mul(rol(tobit(hash + mul(byte(s, at), P5)), 11), P1)
    at = at + 1
  end
  hash = mul(bxor(hash, rshift(hash, 15)), P2)
  hash = mul(bxor(hash, rshift(hash, 13)), P3)
  return bxor(hash, rshift(hash, 16)) % 4294967296
end
`;

const KEYS = `
local function cookie_of(header, name)
  for part in ((header or "") .. ";"):gmatch("([^;]*);") do
    local own, value = part:match("^%s*(.-)%s*=%s*(.-)%s*$")
    if own == name then return (value:match('^"(.*)"$') or value) end
  end
end

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function parameter_of(path, name)
  for pair in ((path or ""):match("%?(.*)$") or ""):gmatch("[^&]+") do
    local own, value = pair:match("^([^=]*)=?(.*)$")
    if decoded(own) == name then return decoded(value) end
  end
end

local function after_string(s, i)
  local j = i + 1
  while true do
    local k = s:find('["\\\\]', j)
    if not k then return nil end
    if s:sub(k, k) == '"' then return k + 1 end
    j = k + 2
  end
end

local function after_value(s, i)
  local first = s:sub(i, i)
  if first == '"' then return after_string(s, i) end
  if first ~= "{" and first ~= "[" then return s:find("[,}%s]", i) end
  local depth, j = 0, i
  while j do
    local k = s:find('["{}%[%]]', j)
    if not k then return nil end
    local char = s:sub(k, k)
    if char == '"' then
      j = after_string(s, k)
    else
      depth = depth + ((char == "{" or char == "[") and 1 or -1)
      if depth == 0 then return k + 1 end
      j = k + 1
    end
  end
end

local function member_of(json, name)
  local at = json:match("^%s*{%s*()")
  while at and json:sub(at, at) == '"' do
    local after = after_string(json, at)
    local own = after and json:sub(at + 1, after - 2)
    local from = after and json:match("^%s*:%s*()", after)
    local to = from and after_value(json, from)
    if not to then return nil end
    if own == name then
      local value = json:sub(from, to - 1)
      local text = value:match('^"(.*)"$')
      if text then return (not text:find("\\\\", 1, true)) and text or nil end
      return (value == "0" or value:match("^%-?[1-9]%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?$")) and value or nil
    end
    at = json:match("^%s*,%s*()", to)
  end
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function base64url(text)
  local bytes, bits, held = {}, 0, 0
  for char in text:gmatch(".") do
    local value = ALPHABET:find(char, 1, true)
    if not value then return "" end
    held, bits = held * 64 + value - 1, bits + 6
    if bits >= 8 then
      bits = bits - 8
      bytes[#bytes + 1] = string.char(math.floor(held / 2 ^ bits))
      held = held % 2 ^ bits
    end
  end
  return table.concat(bytes)
end

local function claim_of(authorization, name)
  local payload = (authorization or ""):match("^[Bb][Ee][Aa][Rr][Ee][Rr]%s+[%w_-]+%.([%w_-]+)%.[%w_-]*$")
  return payload and member_of(base64url(payload), name)
end

local function address_of(handle)
  local address = handle:streamInfo():downstreamDirectRemoteAddress()
  return (address:match("^%[(.*)%]:%d+$") or address:match("^(.*):%d+$") or address)
end
`;

/** Names are harmless (see check-plan.ts), so that they need no quoting. */
function expression(source: PlaneKey): string {
  if (source === 'ip') return 'address_of(handle)';
  if ('cookie' in source) return `cookie_of(headers:get("cookie"), "${source.cookie}")`;
  if ('header' in source) return `headers:get("${source.header.toLowerCase()}")`;
  if ('jwt' in source) return `claim_of(headers:get("authorization"), "${source.jwt}")`;
  return `parameter_of(headers:get(":path"), "${source.query}")`;
}

/**
 * A Lua script for Envoy that puts each user's bucket, four digits, into a request header, whatever the
 * client sent there. A user without a key gets the cookie `banyan-key`, made of the request's id.
 */
export function luaBucket({ key, header }: { readonly key: readonly PlaneKey[]; readonly header: string }): string {
  const chain = [...key, { cookie: 'banyan-key' }].map((source) => `  if not key or key == "" then key = ${expression(source)} end\n`).join('');
  return `-- Written by banyan route export. The bucket is xxh32 of the user's key, modulo 10,000.
${HASH.trim()}
${KEYS}
function envoy_on_request(handle)
  local headers, key = handle:headers(), nil
${chain}  if not key or key == "" then
    key = headers:get("x-request-id") or ""
    if key == "" then headers:remove("${header}") return end
    handle:streamInfo():dynamicMetadata():set("banyan", "anonymous", key)
    local cookies = headers:get("cookie")
    headers:replace("cookie", "banyan-key=" .. key .. (cookies and ("; " .. cookies) or ""))
  end
  headers:replace("${header}", string.format("%04d", xxh32(key) % 10000))
end

function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata():get("banyan")
  local key = metadata and metadata["anonymous"]
  if key and handle:headers():get("x-banyan-side") then
    handle:headers():add("set-cookie", "banyan-key=" .. key .. "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")
  end
end
`;
}
