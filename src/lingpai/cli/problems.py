"""What goes wrong, as one line that says what to do next."""

from lingpai.cli.messages import tr, tr_reason


class Problem(Exception):
    """Something that the operator can mend; the message says how. Ends the command with exit code 1."""


def explain(error: Exception) -> str | None:
    """The line for an error that is expected to happen, in the user's language; None for a bug of ours.

    Never holds a secret: messages of all these exceptions are made for people.
    """
    from lingpai.core.errors import Kind, LingpaiError
    from lingpai.core.keyring import KeyRingError
    from lingpai.core.seals import SealError
    from lingpai.settings import SettingsError

    if isinstance(error, LingpaiError):
        text = tr_reason(error.reason)
        if error.kind is Kind.UPSTREAM_REFUSED and error.code is not None:
            text = tr("The platform answered {code}: {message}", code=error.code, message=error.reason)
        elif error.kind is Kind.STORE_UNAVAILABLE and error.detail:
            text = f"{text} ({error.detail})"
        return text
    if isinstance(error, SettingsError):
        problems = "".join(f"\n  - {problem}" for problem in error.problems) + "\n"
        return tr("The settings do not do:{problems}Correct them and try again.", problems=problems)
    if isinstance(error, SealError):
        return tr(
            "{problem} The store and the key ring do not belong together: restore both from one backup.",
            problem=tr_reason(str(error)),
        )
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return tr(
            "{problem}{where}. Check the path and its permissions.",
            problem=error.strerror,
            where=where,
        )
    if isinstance(error, Problem):
        return tr(str(error))
    return tr_reason(str(error)) if isinstance(error, KeyRingError) else None
