"""One callback domain for many environments: logins that go back to each, and messages that each receives."""
