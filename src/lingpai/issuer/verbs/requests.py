"""Signed requests: a timestamp that is about now, and an id that was not seen before (attacks I81)."""

import re

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_TIMESTAMP = re.compile(r"[0-9]{10}\Z")


def check_request_id(request_id: str) -> None:
    """Refuse what does not look like a UUID, of whatever version and case (contracts/yilianyun.md).

    Raises:
        LingpaiError: BAD_REQUEST_ID.
    """
    if not _UUID.match(request_id):
        raise LingpaiError(Kind.BAD_REQUEST_ID, "The id is not a UUID.", parameter="id")


def check_timestamp(issuer: Issuer, timestamp: str) -> int:
    """The timestamp in unix seconds, when it is within the policy's tolerance of the wall clock.

    Raises:
        LingpaiError: BAD_TIMESTAMP.
    """
    if _TIMESTAMP.match(timestamp):
        moment = int(timestamp)
        if abs(moment - int(issuer.clock.now())) <= issuer.policy.timestamp_tolerance:
            return moment
    raise LingpaiError(
        Kind.BAD_TIMESTAMP, "The timestamp is not ten digits, or too far off.", parameter="timestamp"
    )


async def remember_request(issuer: Issuer, app: App, request_id: str, timestamp: int) -> None:
    """Remember a signed request, and refuse it when it came before.

    Raises:
        LingpaiError: REPLAYED_REQUEST.
    """
    ends_at = issuer.now() + 2 * issuer.policy.timestamp_tolerance + 1
    digest = issuer.digest_other("request " + request_id.lower())
    if not await issuer.store.remember_request(app.id, timestamp, digest, ends_at):
        raise LingpaiError(Kind.REPLAYED_REQUEST, "This request came before.", parameter="id")
