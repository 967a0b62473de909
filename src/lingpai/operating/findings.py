"""The result of a check."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail", "skip"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's report, in the user's language.

    Attributes:
        check: what was looked at, such as "store".
        subject: which one, such as an account's name.
        verdict: "fail" when something does not work, "warn" when it soon may not.
        message: what was found.
        remedy: what to do about it, or None.
    """

    check: str
    subject: str
    verdict: Verdict
    message: str
    remedy: str | None = None
