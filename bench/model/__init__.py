"""From measured costs to what nodes and databases carry: ``python -m bench.model``; see ``docs/scaling.md``."""
