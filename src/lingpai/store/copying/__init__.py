"""Copying an embedded store into a PostgreSQL database, where any number of nodes can share it."""
