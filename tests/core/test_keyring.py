import multiprocessing
import stat
from pathlib import Path

import pytest

from lingpai.core.keyring import LOOK_SECONDS, KeyRing, KeyRingError
from lingpai.core.seals import Digester, Sealer, SealError, sealed_with


def test_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ring.json"
    ring = KeyRing.open_or_create(path, now=5.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.open_or_create(path, now=9.0).keys == ring.keys
    assert ring.newest.created_at == 5.0


def _derive(path: Path, results: "multiprocessing.queues.Queue[bytes]") -> None:
    results.put(KeyRing.open_or_create(path, now=0).derive_pepper("race"))


def test_processes_that_start_at_once_get_one_ring(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_derive, args=(tmp_path / "r.json", results)) for _ in range(4)]
    for process in processes:
        process.start()
    peppers = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(peppers) == 1
    assert list(tmp_path.glob(".r.json*")) == []


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_a_ring_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ring.json"
    KeyRing.open_or_create(path, now=0)
    path.chmod(mode)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing(path)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"pepper":"","keys":[]}', b"[1]"])
def test_a_damaged_ring_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ring.json"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyRingError, match="restore"):
        KeyRing(path)


def test_rotation_seals_with_the_newest_and_opens_with_all(tmp_path: Path) -> None:
    ring = KeyRing.open_or_create(tmp_path / "r.json", now=0)
    sealer = Sealer(ring, "test")
    old = sealer.seal("value", "here")
    other_process = Sealer(KeyRing(tmp_path / "r.json"), "test")
    ring.rotate(now=1)
    new = sealer.seal("value", "here")
    assert (sealed_with(old), sealed_with(new)) == (1, 2)
    assert sealer.open(old, "here") == sealer.open(new, "here") == "value"
    assert other_process.open(new, "here") == "value", "a rotation elsewhere is noticed"
    ring.retire(1)
    assert Sealer(ring, "test").open(new, "here") == "value"
    with pytest.raises(KeyRingError, match="no key 1"):
        Sealer(ring, "test").open(old, "here")


def test_the_newest_key_of_another_process_seals_within_a_second(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    ring = KeyRing(path, monotonic=lambda: now)
    KeyRing(path).rotate(now=1)
    assert ring.newest.id == 1, "the file is not looked at for every value"
    now += LOOK_SECONDS
    assert ring.newest.id == 2
    assert sealed_with(Sealer(ring, "test").seal("value", "here")) == 2
    path.unlink()
    now += LOOK_SECONDS
    assert ring.newest.id == 2, "a ring that cannot be read for a moment does not stop the work"


def test_rotations_and_retirements_of_two_processes_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    one, other = KeyRing(path), KeyRing(path)
    assert [one.rotate(now=1).id, other.rotate(now=2).id] == [2, 3]
    one.retire(1)
    other.retire(2)
    assert [key.id for key in KeyRing(path).keys] == [3]


def test_the_sealing_key_is_not_retired() -> None:
    ring = KeyRing.ephemeral()
    with pytest.raises(KeyRingError, match="rotate"):
        ring.retire(1)
    with pytest.raises(KeyRingError, match="no key 7"):
        ring.retire(7)


def test_a_value_opens_only_where_it_belongs_and_whole() -> None:
    sealer = Sealer(KeyRing.ephemeral(), "test")
    sealed = sealer.seal("value", "row 1")
    for broken in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealError):
            sealer.open(broken, "row 1")
    with pytest.raises(SealError):
        sealer.open(sealed, "row 2")
    with pytest.raises(SealError):
        Sealer(KeyRing.ephemeral(), "test").open(sealed, "row 1")


def test_digests_are_of_the_whole_text_for_one_purpose() -> None:
    ring = KeyRing.ephemeral()
    digest = Digester(ring, "a")
    assert digest("secret") == Digester(ring, "a")("secret")
    assert len({digest("secret"), digest("secre"), digest("secret "), Digester(ring, "b")("secret")}) == 4
    assert Digester(KeyRing.ephemeral(), "a")("secret") != digest("secret")


def test_nothing_secret_in_a_repr() -> None:
    ring = KeyRing.ephemeral()
    assert ring.newest.secret.hex() not in repr(ring.newest)
    assert repr(ring.newest) == "Key(id=1)"
