"""wrk: the command line that we make and the text that it prints."""

import pytest

from bench import load
from bench.contender import Request
from bench.places import SCRIPTS

PRINTED = """\
Running 2s test @ http://127.0.0.1:40001/AccessToken/getXcx
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   640.12us  301.77us   9.31ms   94.11%
    Req/Sec    50.91k     2.10k   53.51k    80.00%
  Latency Distribution
     50%  585.00us
     75%  671.00us
     90%  790.00us
     99%    1.18ms
  101337 requests in 2.00s, 33.05MB read
Requests/sec:  50651.87
Transfer/sec:     16.52MB
"""


def test_figures_are_read() -> None:
    seen = load.parse(PRINTED)
    assert (seen.requests, seen.per_second, seen.failures) == (101337, 50651.87, 0)
    assert (seen.p50_ms, seen.p99_ms) == pytest.approx((0.585, 1.18))


@pytest.mark.parametrize(
    ("printed", "milliseconds"),
    [("950.00us", 0.95), ("2.50ms", 2.5), ("1.25s", 1250.0), ("1.50m", 90_000.0), ("1.00h", 3_600_000.0)],
)
def test_units_of_latency(printed: str, milliseconds: float) -> None:
    assert load.parse(PRINTED.replace("1.18ms", printed)).p99_ms == pytest.approx(milliseconds)


def test_refusals_and_socket_errors_are_failures() -> None:
    trouble = "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 30\nRequests/sec:"
    assert load.parse(PRINTED.replace("Requests/sec:", trouble)).failures == 37


@pytest.mark.parametrize(
    "lost", ["     99%    1.18ms\n", "Requests/sec:  50651.87\n", "101337 requests in 2.00s"]
)
def test_a_missing_figure_is_an_error(lost: str) -> None:
    with pytest.raises(load.LoadError, match="wrk printed no"):
        load.parse(PRINTED.replace(lost, ""))


def test_a_plain_get_needs_no_script() -> None:
    argv = load.command(4000, Request("/a?b=1", headers={"X-Key": "k"}), (0, 1), 3)
    assert argv[:4] == ["taskset", "--cpu-list", "0,1", "wrk"]
    assert argv[-3:] == ["--header", "X-Key: k", "http://127.0.0.1:4000/a?b=1"]
    assert {"3s", "32", "--latency"} <= set(argv)
    assert "--script" not in argv


def test_a_body_travels_by_script() -> None:
    argv = load.command(4000, Request("/a", method="POST", body="b=1"), (0,), 3)
    assert argv[-6:] == [
        "--script",
        str(SCRIPTS / "fixed.lua"),
        "http://127.0.0.1:4000/a",
        "--",
        "POST",
        "b=1",
    ]


def test_what_a_script_counted_is_read() -> None:
    seen = load.parse(PRINTED + "Wrong answers: 3\nDistinct: 0.0561\n")
    assert (seen.failures, seen.distinct) == (3, 0.0561)
    assert load.parse(PRINTED).distinct is None


def test_a_rate_is_a_delay_of_many_connections() -> None:
    pressure = load.Pressure.at(8000.0)
    assert (pressure.connections, pressure.delay_ms) == (
        256,
        31.0,
    )  # a cycle of 32 ms, 1 ms of which is the answer
    assert load.Pressure.at(1e9).delay_ms == 0.0
    argv = load.command(4000, Request("/a"), (0,), 3, pressure)
    assert argv[argv.index("--connections") + 1] == "256"
    assert argv[argv.index("--script") + 1] == str(SCRIPTS / "fixed.lua")
