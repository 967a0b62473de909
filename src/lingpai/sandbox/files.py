"""Files that were uploaded."""

import re
import secrets
from collections import OrderedDict
from typing import Final, NamedTuple

KEPT_BYTES: Final = 64 * 2**20
_UNSHOWN = re.compile(r"[^ !#-\[\]-~]")


class File(NamedTuple):
    """A file as an answer."""

    content: bytes
    content_type: str
    name: str

    @property
    def shown_name(self) -> str:
        """Its name as a header may quote it."""
        return _UNSHOWN.sub("_", self.name) or "file"


class _Kept(NamedTuple):
    account: str
    file: File


class Media:
    """Uploaded files, the oldest dropped when there are too many bytes; a restart forgets all of them."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, account: str, file: File) -> str:
        """Keep a file of an account, and return its id."""
        media_id = secrets.token_urlsafe(48)
        self._files[media_id] = _Kept(account, file)
        self._bytes += len(file.content)
        while self._bytes > KEPT_BYTES and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._bytes -= len(oldest.file.content)
        return media_id

    def find(self, account: str, media_id: str) -> File | None:
        """Return the file of this id, if it is the account's."""
        kept = self._files.get(media_id)
        return kept.file if kept is not None and kept.account == account else None
