"""The keeper's HTTP routes: compatible routes, drop-in routes, `/v1`, health. Each module returns a table of routes."""
