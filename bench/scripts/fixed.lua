-- The same request each time, with a method and a body. Arguments: method, body.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "pacing.lua")
function init(args)
   wrk.method = args[1]
   if args[2] ~= "" then
      wrk.body = args[2]
   end
end
