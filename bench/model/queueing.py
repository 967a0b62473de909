"""Queues, from the textbook: how long an answer takes at some load, and where the knee is.

M/M/c throughout: arrivals that know nothing of each other, service times exponentially distributed (they vary less in
truth, so waits come out a little long), first come first served. A worker is M/M/1; cores that share a queue, as a
database's do, are M/M/c. (L. Kleinrock, Queueing Systems 1, 1975, §3.5.)
"""

import math


def waiting_share(servers: int, load: float) -> float:
    """Erlang's C formula: the share of arrivals that find all servers busy.

    Args:
        servers: how many serve one queue.
        load: arrivals per second times seconds of service each (erlang), below ``servers``.

    Raises:
        ValueError: the load is too much for the servers.
    """
    if not 0 <= load < servers:
        raise ValueError(f"{servers} servers cannot carry a load of {load}")
    blocked = 1.0  # Erlang's B, by its recursion, which does not overflow
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def tail(servers: int, load: float, service: float, seconds: float) -> float:
    """The share of answers that take longer than ``seconds``, waiting included; ``service`` is the mean in seconds."""
    waits, spare, rate = waiting_share(servers, load), servers - load, 1 / service
    own = math.exp(-rate * seconds)
    if abs(spare - 1) < 1e-9:
        return own * (1 + waits * rate * seconds)
    return own + waits * (own - math.exp(-rate * seconds * spare)) / (spare - 1)


def percentile(servers: int, load: float, service: float, share: float = 0.99) -> float:
    """The time, in seconds, within which ``share`` of the answers come."""
    low, high = 0.0, service
    while tail(servers, load, service, high) > 1 - share:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(servers, load, service, middle) > 1 - share else (low, middle)
    return high


def knee(servers: int, service: float, limit: float) -> float:
    """The utilisation, 0 to 1, up to which 99 % of the answers come within ``limit`` seconds; 0 when they never do."""
    low, high = 0.0, 1.0
    if percentile(servers, 0.0, service) > limit:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        fine = percentile(servers, middle * servers, service) <= limit
        low, high = (middle, high) if fine else (low, middle)
    return low


def universal(number: float, contention: float, coherency: float = 0.0) -> float:
    """How many times one's throughput ``number`` workers have (the universal scalability law; N. Gunther, 1993)."""
    return number / (1 + contention * (number - 1) + coherency * number * (number - 1))


def contention(cost_of_one: float, cost_of_two: float) -> float:
    """The law's contention, from the CPU time per answer of one worker and of two; never below 0."""
    return max(0.0, cost_of_two / cost_of_one - 1)
