"""A fetch that failed: what it means, what is noted of it, and the error that a caller gets."""

from lingpai.core.clock import Clock, end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Trouble
from lingpai.keeper.backoff import wait_after
from lingpai.keeper.options import Options
from lingpai.keeper.platforms.platform import Fault, Severity

TRANSIENT = Fault(Severity.TRANSIENT)
PERMANENT = Fault(Severity.PERMANENT)

TOKEN_WAIT = 30.0
"""Longest wait, in seconds, of a ticket for a token that cannot be fetched: an operator may mend that before the next
try of the token itself."""


class FetchFailed(Exception):
    """A fetch brought no value.

    Attributes:
        fault: what it means for us.
        code: the upstream's number, or None when it could not be asked.
        message: the upstream's text, or ours.
    """

    def __init__(self, fault: Fault, code: int | None, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.code = code
        self.message = message


UNFORESEEN = FetchFailed(TRANSIENT, None, "an internal error; see the log")
STOPPED = FetchFailed(TRANSIENT, None, "the service stopped before the platform answered")


def failure_without_token(error: LingpaiError) -> FetchFailed:
    """Return the failure of a ticket whose token could not be fetched because of `error`."""
    wait = min(error.retry_after or 0, TOKEN_WAIT)
    return FetchFailed(Fault(Severity.TRANSIENT, wait), error.code, error.detail or error.reason)


def trouble_after(
    clock: Clock, options: Options, credential: Credential | None, failure: FetchFailed
) -> Trouble:
    """Return what to note after a failed renewal of `credential`.

    Args:
        clock: the clock.
        options: the keeper's.
        credential: as it was before the attempt, or None when there is none.
        failure: why it failed.
    """
    before = None if credential is None else credential.trouble
    count = before.count + 1 if before is not None else 1
    wait = wait_after(clock, options, credential, failure.fault, count)
    return Trouble(
        permanent=failure.fault.severity is not Severity.TRANSIENT,
        code=failure.code,
        message=failure.message,
        count=count,
        since=before.since if before is not None else clock.now(),
        retry=end_after(clock, wait),
    )


def error_of(trouble: Trouble, clock: Clock) -> LingpaiError:
    """Return the error for a caller who needs a value while `trouble` lasts: its cause, and when to retry."""
    retry_after = max(1.0, trouble.retry.remaining(clock))
    if trouble.code is None and trouble.permanent:
        return LingpaiError(Kind.BUDGET_SPENT, trouble.message, retry_after=retry_after)
    if trouble.code is None:
        return LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE,
            f"The call to the upstream platform failed: {trouble.message}.",
            detail=trouble.message,
            retry_after=retry_after,
        )
    return LingpaiError(Kind.UPSTREAM_REFUSED, trouble.message, code=trouble.code, retry_after=retry_after)
