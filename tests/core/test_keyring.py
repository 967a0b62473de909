import base64
import errno
import multiprocessing
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from lingpai.core.keyring import LOOK_SECONDS, MAX_KEY_ID, KeyRing, KeyRingError
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
    assert (sealed_with(old), sealed_with(new)) == (1, ring.newest.id)
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
    rotated = KeyRing(path).rotate(now=1).id
    assert ring.newest.id == 1, "the file is not looked at for every value"
    now += LOOK_SECONDS
    assert ring.newest.id == rotated
    assert sealed_with(Sealer(ring, "test").seal("value", "here")) == rotated
    path.unlink()
    now += LOOK_SECONDS
    assert ring.newest.id == rotated, "a ring that cannot be read for a moment does not stop the work"


def test_rotations_and_retirements_of_two_processes_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    one, other = KeyRing(path), KeyRing(path)
    second, third = one.rotate(now=1).id, other.rotate(now=2).id
    assert 1 < second < third
    one.retire(1)
    other.retire(second)
    assert [key.id for key in KeyRing(path).keys] == [third]


def test_a_ring_that_was_restored_and_rotated_has_another_key_than_the_one_that_was_lost(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    backup = path.read_bytes()
    ids = {1}
    for _ in range(5):
        path.write_bytes(backup)
        ids.add(KeyRing(path).rotate(now=1).id)
    assert len(ids) == 6
    assert min(ids) == 1
    path.write_bytes(backup)
    ring, lost = KeyRing(path), Sealer(KeyRing(path), "test")
    lost._ring.rotate(now=1)
    sealed = lost.seal("value", "here")
    path.write_bytes(backup)
    ring.rotate(now=2)
    with pytest.raises(KeyRingError, match="no key"):  # not "does not open", nor another key's bytes
        Sealer(ring, "test").open(sealed, "here")


def test_ids_of_keys_fit_where_seals_keep_them(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    ring = KeyRing.open_or_create(path, now=0)
    document = msgspec.json.decode(path.read_bytes())
    document["keys"][0]["id"] = MAX_KEY_ID - 1
    path.write_bytes(msgspec.json.encode(document))
    assert ring.rotate(now=1).id == MAX_KEY_ID
    assert sealed_with(Sealer(ring, "test").seal("value", "here")) == MAX_KEY_ID
    with pytest.raises(KeyRingError, match="key ids are used up"):
        ring.rotate(now=2)
    assert len(KeyRing(path).keys) == 2


def test_a_linked_ring_stays_a_link(tmp_path: Path) -> None:
    """As where the ring is mounted, or shared by the nodes of a database."""
    real = tmp_path / "mounted" / "ring.json"
    ring = KeyRing.open_or_create(real, now=0)
    link = tmp_path / "keyring.json"
    link.symlink_to(tmp_path / "again.json")
    (tmp_path / "again.json").symlink_to("mounted/ring.json")
    linked = KeyRing.open_or_create(link, now=0)
    rotated = linked.rotate(now=1)
    linked.retire(1)
    assert link.is_symlink()
    assert (tmp_path / "again.json").is_symlink()
    assert ring.find(rotated.id) == rotated, "other nodes see it"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert [each.name for each in real.parent.iterdir()] == ["ring.json"]


def test_a_link_that_leads_nowhere_makes_no_ring(tmp_path: Path) -> None:
    link = tmp_path / "keyring.json"
    link.symlink_to(tmp_path / "not mounted" / "ring.json")
    with pytest.raises(KeyRingError, match="broken link"):
        KeyRing.open_or_create(link, now=0)
    assert link.is_symlink()
    assert not (tmp_path / "not mounted").exists()


@pytest.mark.parametrize("pepper", [b"", b"short", b"x" * 31])
def test_a_ring_without_its_pepper_is_refused(tmp_path: Path, pepper: bytes) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    document = msgspec.json.decode(path.read_bytes())
    document["pepper"] = base64.b64encode(pepper).decode()
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(KeyRingError, match="pepper"):
        KeyRing(path)


@pytest.mark.parametrize("ids", [(1, 1), (0, 1), (1, MAX_KEY_ID + 1), (-1, 1)])
def test_ids_that_no_seal_can_name_are_refused(tmp_path: Path, ids: tuple[int, int]) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    document = msgspec.json.decode(path.read_bytes())
    document["keys"] = [{**document["keys"][0], "id": key_id} for key_id in ids]
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(KeyRingError, match="restore"):
        KeyRing(path)


def test_a_ring_that_cannot_be_written_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    ring = KeyRing.open_or_create(path, now=0)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRingError, match="unchanged"):
        ring.rotate(now=1)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]
    assert ring.newest.id == 1


def _rotate(path: Path) -> None:
    KeyRing(path).rotate(now=1)


def test_rotations_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    KeyRing.open_or_create(path, now=0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_rotate, [path] * 40))
    assert len(KeyRing(path).keys) == 41


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
