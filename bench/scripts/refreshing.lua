-- Refreshes a slice of grants again and again: each answer's token is what is sent next. Arguments: file of bodies (one
-- a line, each of another open_id), how many of them are a slice. The next run begins behind the slice.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "pacing.lua")
local threads, ready, first, last, apps = {}, {}, 1, 0, {}
-- Globals: `done` reads them from its own state.
position, wrong = 0, 0

local function push(body)
   last = last + 1
   ready[last] = body
end

function setup(thread)
   threads[#threads + 1] = thread
end

function init(args)
   file, slice = args[1] .. ".position", tonumber(args[2])
   local before = io.open(file)
   if before then
      position = before:read("*n")
      before:close()
   end
   local number = 0
   for line in io.lines(args[1]) do
      number = number + 1
      if number > position and number <= position + slice then
         apps[line:match("open_id=(%w+)")] = line:match("app_id=(%w+)")
         push(line)
      end
   end
   position = position + slice
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
   local body = ready[first] or ""
   ready[first] = nil
   first = first + 1
   return wrk.format(nil, nil, nil, body)
end

function response(status, headers, body)
   local open_id = body:match('"open_id":"(%w+)"')
   local token = body:match('"refresh_token":"(%w+)"')
   if not open_id or not token then
      wrong = wrong + 1
      return
   end
   push("app_id=" .. apps[open_id] .. "&grant_type=refresh_token&open_id=" .. open_id .. "&refresh_token=" .. token)
end

function done(summary, latency, requests)
   local thread = threads[1]
   local after = io.open(thread:get("file"), "w")
   after:write(thread:get("position"))
   after:close()
   print("Wrong answers: " .. thread:get("wrong"))
end
