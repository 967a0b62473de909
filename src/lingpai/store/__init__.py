"""The store: one port (`port.py`), one module per engine. Verbs are whole operations, never get-then-set."""
