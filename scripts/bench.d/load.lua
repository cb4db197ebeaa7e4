-- The requests of wrk: `-- WORK THREADS RUN [FILE]`. Every key contains RUN, so that no other run uses the same keys. FILE has
-- the ids of orders, one on each line. The script prepares the requests, because wrk shares the machine with the service.

-- How many items the hot order gets. requests.sh has the same number; the limit is 200.
local LINES = 190
local ITEMS = '{"sku":"LAPTOP123","quantity":1},{"sku":"MOUSE456","quantity":2},{"sku":"PSU750WGOLD","quantity":1}'

local threads = 0
-- The state of `request`. Each thread has its own Lua, and `thread` is its number.
local requests, tails, key, sent = {}, {}, nil, 0

function setup(new)
    new:set("thread", threads)
    threads = threads + 1
end

-- The credentials of the file in BENCH_CREDENTIALS, one on each line. Requests use them in turn.
local credentials, used = {}, 0
local file = os.getenv("BENCH_CREDENTIALS")
if file then
    for credential in io.lines(file) do credentials[#credentials + 1] = "Bearer " .. credential end
end

local function credential()
    used = used + 1
    return credentials[(used - 1) % math.max(#credentials, 1) + 1]
end

local function post(path, body, key)
    return wrk.format("POST", path, {
        ["Content-Type"] = "application/json", ["Idempotency-Key"] = key, ["Authorization"] = credential(),
    }, body)
end

local function order(n, items)
    return '{"customer_id":"bench-' .. n .. '"' .. (items and ',"items":[' .. items .. ']' or '') .. '}'
end

local function next_of_all()
    sent = sent + 1
    return requests[(sent - 1) % #requests + 1]
end

-- The key goes between the two halves of a request.
local function next_with_key()
    sent = sent + 1
    local n = (sent - 1) % #requests + 1
    return requests[n] .. key .. sent .. tails[n]
end

-- Each thread adds its share of the lines of an order. Then the order is full, and the next one is the hot order.
local function next_with_room()
    local n = math.floor(sent / math.floor(LINES / threads)) + 1
    sent = sent + 1
    -- If no order is left, the service refuses the rest, and wrk counts that.
    return requests[math.min(n, #requests)]
end

local function creates(items, keyed)
    for n = 1, 1000 do
        if keyed then
            requests[n], tails[n] = post("/orders", order(n, items), "@"):match("^(.-)@(.*)$")
        else
            requests[n] = post("/orders", order(n, items))
        end
    end
    return keyed and next_with_key or next_of_all
end

-- of_each_id(FILE, WRITE[, SHARE]): with SHARE, no two threads use the same order.
local function of_each_id(file, write, share)
    local n = 0
    for id in io.lines(file) do
        if not share or n % threads == thread then
            requests[#requests + 1] = write("/orders/" .. id)
        end
        n = n + 1
    end
end

local function read(path)
    return wrk.format("GET", path, { ["Authorization"] = credential() })
end

local function add(path)
    return post(path .. "/items", '{"sku":"MOUSE456","quantity":1}')
end

local works = {
    create = function() return creates(nil, false) end,
    keyed = function() return creates(nil, true) end,
    items = function() return creates(ITEMS, true) end,
    add = function(file)
        of_each_id(file, add, true)
        return next_of_all
    end,
    hot = function(file)
        of_each_id(file, add)
        return next_with_room
    end,
    read = function(file)
        of_each_id(file, read)
        return next_of_all
    end,
    list = function()
        requests[1] = wrk.format("GET", "/orders")
        return next_of_all
    end,
}

function init(args)
    threads = tonumber(args[2])
    key = args[3] .. "-" .. thread .. "-"
    request = works[args[1]](args[4])
end

-- wrk counts the statuses above 399. A function `response` could check each status, but wrk would copy every response into Lua.
function done(summary, latency)
    local errors = summary.errors
    local broken = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        "result %d %d %d %d %d %d\n",
        summary.requests - errors.status,
        errors.status + broken,
        summary.duration,
        latency:percentile(50),
        latency:percentile(99),
        latency.max
    ))
end
