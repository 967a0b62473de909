"""HTTP statuses that the keeper's routes have in common."""

from collections.abc import Mapping

from lingpai.core.errors import Kind

HTTP_STATUS: Mapping[Kind, int] = {
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.REQUEST_TIMEOUT: 408,
    Kind.BODY_TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.TOO_MANY_REQUESTS: 429,
    Kind.INTERNAL: 500,
    Kind.STORE_UNAVAILABLE: 503,
}
"""Errors that have their own HTTP status on every route of the keeper.

The others are answered with 200, as callers expect.
"""
