"""Delegated login: a site of the operator's own logs a realm's users in (docs/how-to/own-users.md)."""
