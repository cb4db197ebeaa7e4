-- What wrk sends: `-- create` posts orders, `-- read FILE` gets the orders whose ids are the lines of FILE.
-- The requests are written out beforehand: wrk shares the machine with what it measures.
local requests, sent = {}, 0

function init(args)
    if args[1] == "create" then
        local headers = { ["Content-Type"] = "application/json" }
        for n = 1, 1000 do
            requests[n] = wrk.format("POST", "/orders", headers, '{"customer_id":"bench-' .. n .. '"}')
        end
    else
        for id in io.lines(args[2]) do
            requests[#requests + 1] = wrk.format("GET", "/orders/" .. id)
        end
    end
end

function request()
    sent = sent + 1
    return requests[(sent - 1) % #requests + 1]
end

-- A function `response` could look at every status, but wrk then copies every answer into Lua. Its own count knows those above 399.
function done(summary, latency)
    local errors = summary.errors
    local broken = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        "result %d %d %d %d %d\n",
        summary.requests - errors.status,
        errors.status + broken,
        summary.duration,
        latency:percentile(50),
        latency:percentile(99)
    ))
end
