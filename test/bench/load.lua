-- One request again and again, each with an identifier of its own in the middle.
-- Arguments: the file before the identifier, the file after it, "ascii" or "utf16", a tag that no other run has.
-- There is no response() here: it would cost the load generator more than the servers, and wrk itself counts whole
-- responses and those above 399.

local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local function contents(path)
    local file = assert(io.open(path, "rb"))
    local bytes = file:read("*a")
    file:close()
    return bytes
end

function init(args)
    before, after, wide, tag = contents(args[1]), contents(args[2]), args[3] == "utf16", args[4]
    count = 0
end

local function identifier()
    local text = string.format("%s%02x%08x", tag, number, count)
    return wide and text:gsub(".", "%0\0") or text
end

function request()
    count = count + 1
    local whole = before .. identifier() .. after
    -- wrk tries the first request of the first thread on a parser that does not know CCM_POST, and never sends it.
    if count == 1 and number == 1 then
        return (whole:gsub("^CCM_POST", "POST", 1))
    end
    return whole
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("result %d %d %d %d %d %d\n", summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout, summary.duration,
        latency:percentile(50), latency:percentile(99)))
end
