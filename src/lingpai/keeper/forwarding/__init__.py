"""Calls of a platform's API that callers have this service make with the token that it has (docs/spec/keeper.md)."""
