"""For all tests: no log may hold a secret."""

pytest_plugins = ("tests.helpers.leaks",)
