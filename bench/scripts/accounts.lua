-- One of many accounts each time, at random. Arguments: path with a %d in it, number of accounts.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "pacing.lua")
local requests = {}

function init(args)
   local count = tonumber(args[2])
   for number = 0, count - 1 do
      requests[number + 1] = wrk.format(nil, string.format(args[1], number))
   end
   math.randomseed(20261120)
end

function request()
   return requests[math.random(#requests)]
end
