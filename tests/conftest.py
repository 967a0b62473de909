"""For all tests: no log may hold a secret, and a real PostgreSQL."""

pytest_plugins = ("tests.helpers.leaks", "tests.helpers.postgres")
