"""The key ring: one file of keys from which every other key is derived.

The newest key encrypts and every key decrypts, so a key can be rotated at any time and retired once nothing is
encrypted with it. The pepper keys the digests by which callers' keys and apps' secrets are found; it is not
rotated, since a digest cannot be made again without its original.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lingpai.core import private_files

KEY_BYTES = 32
MAX_KEY_ID = (1 << 32) - 1
"""Encrypted values begin with the id of their key, in four bytes."""
ID_STEP = 1 << 24
"""The largest difference between a new key's id and the newest one's. The difference is random: when an old ring is
restored and rotated, its new key must not have the id of the lost one, with other bytes. Ids grow: the highest id
encrypts."""
LOOK_SECONDS = 1.0
"""Seconds for which another process may still encrypt with a key that is no longer the newest."""


class Key(msgspec.Struct, frozen=True):
    """One key of the ring. `id` is 1 or drawn at random, and fits four bytes; `created_at` is unix time in seconds."""

    id: int
    secret: bytes
    created_at: float

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Key(id={self.id})"


class _RingFile(msgspec.Struct):
    pepper: bytes
    keys: list[Key]


class KeyRingError(Exception):
    """The ring cannot be read, or the requested change is not possible. The message gives the remedy."""


class KeyRing:
    """The keys, newest last.

    Args:
        path: the ring's file (mode 0600), or None for a ring in memory.
        content: the ring's content; read from `path` when not given.
        monotonic: seconds that never decrease, for the time to look for rotations of other processes.
    """

    def __init__(
        self,
        path: Path | None,
        content: bytes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._monotonic = monotonic
        self._stamp = _stamp(path)  # before reading: a replacement in between is noticed next time
        self._look_at = monotonic() + LOOK_SECONDS
        self._load(content if content is not None else _read_private(path))

    @classmethod
    def ephemeral(cls, now: float = 0.0) -> "KeyRing":
        """Return a ring in memory with one new key, for tests and temporary services."""
        return cls(None, _fresh_content(now))

    @classmethod
    def open_or_create(cls, path: Path, now: float) -> "KeyRing":
        """Open the ring at `path`, or create it there with mode 0600. Safe when several processes start at once.

        Raises:
            KeyRingError: when the file is readable by others or damaged, or is a link that leads nowhere.
        """
        if path.is_symlink() and not path.exists():  # such as when its target is not mounted yet
            raise KeyRingError(f"The key ring {path} is a broken link (to {path.resolve()}).")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):  # another process was first; use its ring
                private_files.write_new(path, _fresh_content(now))
        return cls(path)

    @property
    def newest(self) -> Key:
        """The key that encrypts. Another process's rotation is noticed within `LOOK_SECONDS`."""
        if self._monotonic() >= self._look_at:
            self._look()
        return self._newest

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, oldest first."""
        return tuple(self._keys[key_id] for key_id in sorted(self._keys))

    def find(self, key_id: int) -> Key | None:
        """Return the key with this id; reads the file again when another process may have rotated."""
        key = self._keys.get(key_id)
        if key is None and self.path is not None:
            self._reread(self.path)
            key = self._keys.get(key_id)
        return key

    def rotate(self, now: float) -> Key:
        """Add a new key, which encrypts from now on. `now` is unix time in seconds.

        Raises:
            KeyRingError: when the ring cannot be read or written; it is as before.
        """
        with self._changing():
            room = min(ID_STEP, MAX_KEY_ID - self._newest.id)
            if not room:
                raise KeyRingError("The key ids are used up; start with a new store and key ring.")
            key = Key(self._newest.id + 1 + secrets.randbelow(room), secrets.token_bytes(KEY_BYTES), now)
            self._save([*self.keys, key])
        return key

    def retire(self, key_id: int) -> None:
        """Remove a key. Values still encrypted with it can never be decrypted: re-encrypt them first.

        Raises:
            KeyRingError: when the key does not exist, is the newest, or the ring cannot be written.
        """
        with self._changing():
            if key_id not in self._keys:
                raise KeyRingError(f"There is no key {key_id}; `lingpai key list` shows the ring.")
            if key_id == self._newest.id:
                raise KeyRingError(f"Key {key_id} is the active one; run `lingpai key rotate` first.")
            self._save([key for key in self.keys if key.id != key_id])

    def derive(self, key_id: int, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose from the ring's key `key_id` (HKDF-SHA256, RFC 5869).

        Raises:
            KeyRingError: when the ring does not have this key.
        """
        key = self.find(key_id)
        if key is None:
            raise KeyRingError(
                f"The key ring has no key {key_id}: it was retired, or the data belongs to another key ring."
            )
        return _hkdf(key.secret, purpose)

    def derive_pepper(self, purpose: str) -> bytes:
        """Return a 32-byte key for one purpose from the pepper."""
        return _hkdf(self._pepper, purpose)

    def _look(self) -> None:
        self._look_at = self._monotonic() + LOOK_SECONDS
        if self.path is not None and _stamp(self.path) != self._stamp:
            with contextlib.suppress(KeyRingError):  # an unreadable ring: continue with the loaded keys
                self._reread(self.path)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """The current ring, locked against changes by other processes until the block ends."""
        if self.path is None:
            yield
            return
        try:
            with private_files.alone_in(self.path.resolve().parent):
                self._reread(self.path)
                yield
        except OSError as error:
            raise KeyRingError(f"The key ring cannot be written and is unchanged: {error}") from error

    def _reread(self, path: Path) -> None:
        stamp = _stamp(path)
        self._load(_read_private(path))
        self._stamp = stamp

    def _load(self, content: bytes) -> None:
        try:
            ring = msgspec.json.decode(content, type=_RingFile)
        except msgspec.MsgspecError as error:
            raise KeyRingError(
                f"The key ring is damaged ({error}); restore {self.path} from a backup."
            ) from error
        if not ring.keys or not all(map(_is_usable, ring.keys)):
            raise KeyRingError(f"The key ring has no usable key; restore {self.path} from a backup.")
        if len(ring.pepper) < KEY_BYTES:  # otherwise digests of secrets would have no key
            raise KeyRingError(
                f"The key ring's pepper is missing or short; restore {self.path} from a backup."
            )
        if len({key.id for key in ring.keys}) < len(ring.keys):
            raise KeyRingError(f"The key ring has two keys of one id; restore {self.path} from a backup.")
        self._pepper = ring.pepper
        self._keys = {key.id: key for key in ring.keys}
        self._newest = self._keys[max(self._keys)]

    def _save(self, keys: list[Key]) -> None:
        content = msgspec.json.encode(_RingFile(self._pepper, keys))
        if self.path is not None:
            private_files.replace(self.path, content)
            self._stamp = _stamp(self.path)
        self._load(content)


def _is_usable(key: Key) -> bool:
    return len(key.secret) == KEY_BYTES and 0 < key.id <= MAX_KEY_ID


def _hkdf(secret: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"lingpai/" + purpose.encode()).derive(secret)


def _fresh_content(now: float) -> bytes:
    first = Key(1, secrets.token_bytes(KEY_BYTES), now)
    return msgspec.json.encode(_RingFile(secrets.token_bytes(KEY_BYTES), [first]))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return a value that changes when the file is replaced; None when the file cannot be read."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read_private(path: Path | None) -> bytes:
    if path is None:
        raise KeyRingError("A key ring needs a file or its content.")
    try:
        if path.stat().st_mode & private_files.OTHERS:
            raise KeyRingError(f"The key ring {path} is open to other users; run `chmod 600 {path}`.")
        return path.read_bytes()
    except OSError as error:
        raise KeyRingError(f"The key ring cannot be read: {error}") from error
