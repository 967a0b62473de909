"""`tests/prepare.py`: gets what is missing and only that, and says what it cannot get."""

import json
import sys
from pathlib import Path

import pytest

from tests import prepare
from tests.prepare import NODE, NotPreparedError, Step

HELLO = (sys.executable, "-c", "print('hello'); raise SystemExit(3)")


def test_what_is_there_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def get() -> None:
        pytest.fail("it is there already")

    assert prepare.main((Step("something", lambda: True, get),)) == 0
    assert capsys.readouterr() == ("", "")


def test_the_rest_is_got_when_one_thing_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    got: list[str] = []

    def refuse() -> None:
        prepare.run(*HELLO)

    steps = (
        Step("the impossible", lambda: False, refuse),
        Step("the possible", lambda: False, lambda: got.append("possible")),
    )
    assert prepare.main(steps) == 1
    assert got == ["possible"]
    said = capsys.readouterr().err
    assert "NOT PREPARED: the impossible" in said
    assert "hello" in said
    assert "NOT PREPARED: the possible" not in said


def test_what_is_optional_is_skipped_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise NotPreparedError("no way")

    assert prepare.main((Step("a nicety", lambda: False, refuse, optional=True),)) == 0
    assert "SKIPPED, AND ITS TESTS WITH IT: a nicety: no way" in capsys.readouterr().err


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(NotPreparedError, match="no-such-program cannot be run"):
        prepare.run("no-such-program")


def test_other_pins_are_not_the_ones_installed(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("one==1")
    assert not prepare.stamped(tmp_path, pins)
    prepare.stamp(tmp_path, pins)
    assert prepare.stamped(tmp_path, pins)
    pins.write_text("one==2")
    assert not prepare.stamped(tmp_path, pins)


def test_debian_packages_need_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    step = prepare.debian("a thing", "no-such-program", packages=("thing", "more"))
    assert not step.present()
    with pytest.raises(NotPreparedError, match="as root: apt-get install thing more"):
        step.get()


def test_node_packages_are_pinned_without_a_source() -> None:
    wanted = json.loads((NODE / "package.json").read_text("utf-8"))["dependencies"]
    locked = json.loads((NODE / "package-lock.json").read_text("utf-8"))["packages"]
    for name, version in wanted.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    for name, package in locked.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_a_machine_that_cannot_have_postgresql_says_so_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str, *_: object, **__: object) -> Step:
        def get() -> None:
            raise NotPreparedError(f"{name} cannot be had")

        return Step(name, lambda: False, get)

    monkeypatch.setattr(prepare, "debian", refuse)
    monkeypatch.setattr(prepare, "python_packages", refuse)
    monkeypatch.setattr(prepare, "find_postgresql", lambda: None)
    assert prepare.main((Step("PostgreSQL", lambda: False, prepare.get_postgresql),)) == 1
    said = capsys.readouterr().err
    assert "NOT PREPARED: PostgreSQL" in said
    assert "install a PostgreSQL server" in said
    assert "PostgreSQL in a wheel cannot be had" in said


def test_a_server_that_needs_no_installing_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "package" / "pginstall" / "bin"
    monkeypatch.setattr(prepare, "POSTGRESQL", tmp_path)
    monkeypatch.setattr(prepare, "POSTGRESQL_FOLDERS", ())
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert prepare.find_postgresql() is None
    programs.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_isready", "pg_ctl"):
        (programs / name).touch()
    assert prepare.find_postgresql() == programs
