-- Loaded by the other scripts. With BENCH_DELAY_MS in the environment, each connection waits before each request, for a
-- random time of that mean, exponentially distributed: many such connections make arrivals that do not wait for answers.
local mean = tonumber(os.getenv("BENCH_DELAY_MS") or "")

if mean then
   math.randomseed(20261121)
   function delay()
      return math.floor(-mean * math.log(1 - math.random()) + math.random())
   end
end
