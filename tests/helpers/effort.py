"""How much time the tests of strength may take."""

import os

FULL = os.environ.get("LINGPAI_STRENGTH") == "full"
"""Whether to take the time for the full figures rather than for a suite's share of them."""
