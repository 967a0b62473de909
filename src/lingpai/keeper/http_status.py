"""HTTP statuses that the keeper's routes have in common."""

from collections.abc import Mapping

from lingpai.core.errors import EDGE_KINDS, Kind

BAD_REQUEST = 400

HTTP_STATUS: Mapping[Kind, int] = {
    kind: kind.status for kind in Kind if kind in EDGE_KINDS and kind.status != BAD_REQUEST
}
"""Errors that have their own HTTP status on every route of the keeper.

The others are answered with 200, as callers expect.
"""
