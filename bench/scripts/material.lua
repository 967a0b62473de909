-- Bodies from a file, in order; each answer is looked into. Arguments: file of bodies (one a line, after a tab the DPoP
-- proof of the request where it has one), what every right answer contains, the member whose values are counted ("" for
-- none).
-- A run goes on where the one before ended: `<file>.position` says where, so that nothing is spent twice.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "pacing.lua")
local threads, bodies, proofs = {}, {}, {}
-- Globals: `done` reads them from its own state.
position, wrong, distinct, answers = 0, 0, 0, 0
right, pattern, seen = "", nil, {}

function setup(thread)
   threads[#threads + 1] = thread
end

function init(args)
   right = args[2]
   if args[3] ~= "" then
      pattern = '"' .. args[3] .. '":"([^"]+)"'
   end
   file = args[1] .. ".position"
   for line in io.lines(args[1]) do
      local body, proof = string.match(line, "^([^\t]*)\t?(.*)$")
      bodies[#bodies + 1] = body
      proofs[#bodies] = proof ~= "" and proof or nil
   end
   local before = io.open(file)
   if before then
      position = before:read("*n")
      before:close()
   end
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
   position = position + 1
   local number = (position - 1) % #bodies + 1
   wrk.headers["DPoP"] = proofs[number]
   return wrk.format(nil, nil, nil, bodies[number])
end

function response(status, headers, body)
   answers = answers + 1
   if not string.find(body, right, 1, true) then
      wrong = wrong + 1
   end
   if pattern then
      local value = string.match(body, pattern)
      if value and not seen[value] then
         seen[value] = true
         distinct = distinct + 1
      end
   end
end

function done(summary, latency, requests)
   local thread = threads[1]
   local after = io.open(thread:get("file"), "w")
   after:write(thread:get("position"))
   after:close()
   print("Wrong answers: " .. thread:get("wrong"))
   if thread:get("pattern") then
      print(string.format("Distinct: %.4f", thread:get("distinct") / math.max(thread:get("answers"), 1)))
   end
end
