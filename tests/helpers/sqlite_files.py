"""A pytest plugin: a new SQLite database is a copy of one that the migrations made, which is made once per process.

To apply all migrations takes a tenth of a second, and a copy a thousandth. A test of what migrations do, and of what
they return, uses `real_migrations`.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai.store.sqlite import schema
from lingpai.store.sqlite.connect import create_file

_MADE_BY = "lingpai.store.sqlite.schema.create_file"


class Copied:
    """Makes new files as copies of one in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._made = folder / "made.db"
        self._known = schema.all_migrations()

    def create_file(self, path: Path) -> None:
        """As the store's own `create_file`, but the file has the schema already.

        Raises:
            OSError: it cannot be made.
        """
        if path.exists() or schema.all_migrations() != self._known:
            create_file(path)
            return
        if not self._made.exists():
            self._make()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".copied-") as copy:
            shutil.copyfile(self._made, copy.name)
            with contextlib.suppress(FileExistsError):  # whole at once, as others may open it at any time
                os.link(copy.name, path)

    def _make(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._made.parent) as folder:
            making = Path(folder) / self._made.name
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_MADE_BY, create_file)
                schema.apply_migrations(making)
            making.replace(self._made)


@pytest.fixture(scope="session", autouse=True)
def _copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_MADE_BY, Copied(tmp_path_factory.mktemp("sqlite")).create_file)
        yield


@pytest.fixture
def real_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test, each new database starts empty and gets all migrations."""
    monkeypatch.setattr(_MADE_BY, create_file)
