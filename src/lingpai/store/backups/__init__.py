"""Backups of a store: made while it serves, always an embedded store's file, and put back into either engine."""
