"""Request bodies that are spent, and the issuer's part of the bench as a whole, small."""

import shutil
from pathlib import Path

import pytest

from bench import copying, load, material
from bench.cases import CASES, FORM, FORM_POST, STANDARD
from bench.contenders.bare import serve
from bench.contenders.spending import spending
from bench.machine import Cores
from bench.ports import free_port
from bench.processes import running

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None or shutil.which("taskset") is None,
    reason="NOT TESTED: the load needs wrk; apt-get install wrk",
)


def test_bodies_are_taken_in_order_and_again_after_the_last(tmp_path: Path) -> None:
    bodies = tmp_path / "few.bodies"
    bodies.write_text("a=1\na=2\n", "utf-8")
    assert [material.take(bodies) for _ in range(3)] == ["a=1", "a=2", "a=1"]
    material.position_file(bodies).unlink()
    assert material.take(bodies) == "a=1"


def test_a_copy_has_the_same_bytes_and_modes_and_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "data").mkdir(parents=True)
    content = bytes(range(256)) * 40 + b"end"
    (source / "data" / "store.db").write_bytes(content)
    (source / "data" / "store.db").chmod(0o600)
    (source / "few.bodies").write_text("a=1\n", "utf-8")
    copying.copy_folder(source, tmp_path / "to", ignore=shutil.ignore_patterns("*.bodies"))
    copied = tmp_path / "to" / "data" / "store.db"
    assert copied.read_bytes() == content
    assert copied.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "to").iterdir()] == ["data"]


@needs_wrk
def test_the_load_goes_on_where_it_ended_and_looks_into_answers(tmp_path: Path) -> None:
    bodies = tmp_path / "many.bodies"
    bodies.write_text((FORM_POST.body or "") + "\n", "utf-8")
    right = spending(FORM_POST.path, bodies, '"status":2000', "access_token")
    wrong = spending(FORM_POST.path, bodies, '"status":"4102"')
    port = free_port()
    with running((serve(port),), Cores((0,), (0,)), tmp_path, (CASES[FORM], FORM_POST)):
        first = load.run(port, right, (0,), 1)
        spent = int(material.position_file(bodies).read_text("ascii"))
        second = load.run(port, wrong, (0,), 1)
    assert first.failures == 0
    assert first.requests <= spent <= first.requests + 2 * load.CONNECTIONS
    assert first.distinct == pytest.approx(1 / first.requests, abs=1e-4)
    assert second.failures >= second.requests > 0
    assert int(material.position_file(bodies).read_text("ascii")) >= spent + second.requests


def test_a_standard_answer_may_say_more() -> None:
    more = b'{"access_token": "x", "expires_in": 1, "token_type": "Bearer", "scope": "read"}'
    assert CASES[STANDARD].accepts(200, more)
    assert not CASES[STANDARD].accepts(200, more.replace(b"access_token", b"error"))
    assert not CASES["redeem"].accepts(200, b'{"status": 4102, "message": "no", "data": []}')
