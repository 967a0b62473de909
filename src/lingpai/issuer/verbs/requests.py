"""Signed requests: a timestamp that is about now, and an id that was not seen before (threat I81)."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from lingpai.core.errors import Blame, Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import quota_exceeded
from lingpai.store.issuer_port import Outcome, SignedRequest

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_TIMESTAMP = re.compile(r"[0-9]{10}\Z")


def check_request_id(request_id: str) -> None:
    """Refuse what does not look like a UUID, of whatever version and case (docs/spec/yilianyun.md).

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
        Kind.BAD_TIMESTAMP,
        "The timestamp is not ten digits, or differs too much from the current time.",
        parameter="timestamp",
    )


@contextlib.asynccontextmanager
async def once(
    issuer: Issuer, app: App, request_id: str, timestamp: int, *, first: bool = False
) -> AsyncIterator[SignedRequest | None]:
    """Answer a signed request, unless it came before.

    A verb that is given the request remembers it in its own commit, so that it costs no second one. A refusal is
    remembered at the end, and what failed through our own fault is not: it may be sent again as it is.

    Args:
        issuer: the realm.
        app: who signed.
        request_id: as given.
        timestamp: as `check_timestamp` returned it.
        first: whether to remember it before anything else, for verbs that have no room for it.

    Yields:
        The request for the verb; None where the policy lets requests come again, or it is remembered already.

    Raises:
        LingpaiError: REPLAYED_REQUEST, and what the block raises.
    """
    if not issuer.policy.requests_once:
        yield None
        return
    request = _signed_request(issuer, app, request_id, timestamp)
    if first:
        await _remember(issuer, request)
        yield None
        return
    await refuse_known(issuer, request)
    try:
        yield request
    except LingpaiError as error:
        if error.kind is not Kind.REPLAYED_REQUEST and error.blame is not Blame.SERVICE:
            await _remember(issuer, request)
        raise


class Once(NamedTuple):
    """A request that is accepted once, and the error for a repetition: an assertion, a proof of a key."""

    request: SignedRequest
    refusal: LingpaiError


@contextlib.asynccontextmanager
async def each_once(
    issuer: Issuer, given: Sequence[Once], *, first: bool = False
) -> AsyncIterator[SignedRequest | None]:
    """Answer a request with things that count once each, unless one of them came before.

    As in `once`, the verb remembers one of them in its own commit; others are remembered ahead of it.

    Args:
        issuer: the realm.
        given: what counts once; the last one is the verb's.
        first: whether to remember all of them before anything else, for verbs that have no room for it.

    Yields:
        The request for the verb, or None.

    Raises:
        LingpaiError: the refusal of the one that came before, and what the block raises.
    """
    others, last = (given, ()) if first else (given[:-1], given[-1:])
    for each in others:
        await _remember_once(issuer, each)
    if not last:
        yield None
        return
    (own,) = last
    if await issuer.store.knows_request(own.request):
        raise own.refusal
    try:
        yield own.request
    except LingpaiError as error:
        if error.kind is Kind.REPLAYED_REQUEST:
            raise own.refusal from error
        if error.blame is not Blame.SERVICE:
            await _remember_once(issuer, own)
        raise


async def _remember_once(issuer: Issuer, each: Once) -> None:
    if not await issuer.store.remember_request(each.request):
        raise each.refusal


async def refuse_known(issuer: Issuer, request: SignedRequest | None) -> None:
    """Refuse a signed request that is remembered.

    Raises:
        LingpaiError: REPLAYED_REQUEST.
    """
    if request is not None and await issuer.store.knows_request(request):
        raise same_request()


def same_request() -> LingpaiError:
    """Return the error for a repeated signed request."""
    return LingpaiError(Kind.REPLAYED_REQUEST, "This request was sent before.", parameter="id")


def refusal_of(outcome: Outcome) -> LingpaiError | None:
    """Return the error when nothing was spent for a reason that all verbs share; None for other outcomes."""
    if outcome is Outcome.SAME_REQUEST:
        return same_request()
    return quota_exceeded() if outcome is Outcome.LIMITED else None


async def _remember(issuer: Issuer, request: SignedRequest) -> None:
    if not await issuer.store.remember_request(request):
        raise same_request()


def _signed_request(issuer: Issuer, app: App, request_id: str, timestamp: int) -> SignedRequest:
    ends_at = issuer.now() + 2 * issuer.policy.timestamp_tolerance + 1
    digest = issuer.digest_other("request " + request_id.lower())
    return SignedRequest(app.id, timestamp, digest, ends_at)
