"""HTTP statuses in protocols that answer errors with 200 and a number of their own."""

from collections.abc import Mapping

from lingpai.core.errors import Kind

HTTP_STATUS: Mapping[Kind, int] = {
    kind: kind.status
    for kind in (Kind.REQUEST_TIMEOUT, Kind.BODY_TOO_LARGE, Kind.INTERNAL, Kind.STORE_UNAVAILABLE)
}
"""Errors with an HTTP status other than 200, for proxies."""
