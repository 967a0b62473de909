-- Refreshes grants in turn, again and again: each answer's token goes to the end of the queue. Argument: a file of bodies
-- (one a line, each of another open_id). What is left in the queue is written back, so the next run goes on with it.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "pacing.lua")
local threads, apps = {}, {}
-- Globals: `done` reads them from its own state.
ready, first, last, wrong = {}, 1, 0, 0

local function push(body)
   last = last + 1
   ready[last] = body
end

function setup(thread)
   threads[#threads + 1] = thread
end

function init(args)
   file = args[1]
   local spent = 0
   local before = io.open(file .. ".position")
   if before then
      spent = before:read("*n")
      before:close()
   end
   for line in io.lines(file) do
      if spent > 0 then
         spent = spent - 1
      else
         apps[line:match("open_id=(%w+)")] = line:match("app_id=(%w+)")
         push(line)
      end
   end
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
   local file, queue = thread:get("file"), thread:get("ready")
   local left = io.open(file, "w")
   for number = thread:get("first"), thread:get("last") do
      left:write(queue[number], "\n")
   end
   left:close()
   os.remove(file .. ".position")
   print("Wrong answers: " .. thread:get("wrong"))
end
