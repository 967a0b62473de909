"""For all tests: no log may hold a secret; a real PostgreSQL; databases, files and hashes that are made quickly."""

import os

os.environ.pop(
    "PYTHONDONTWRITEBYTECODE", None
)  # each command that a test starts would compile every module again

pytest_plugins = (
    "tests.helpers.leaks",
    "tests.helpers.memory",
    "tests.helpers.passwords",
    "tests.helpers.postgres",
    "tests.helpers.sqlite_files",
)
