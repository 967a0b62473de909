"""The HTTP edge: reads requests, calls verbs, writes replies; knows no wing and no dialect."""
