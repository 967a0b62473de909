"""The current and the previous token of a credential."""

from lingpai.core.records import Credential, Generation
from lingpai.keeper.context import Context

LEAST_REST = 1.0
"""A value is handed out while a whole second of it is left: callers get whole seconds."""


def is_live(context: Context, generation: Generation | None) -> bool:
    """Return whether a generation can still be handed out."""
    return generation is not None and generation.end.remaining(context.clock) >= LEAST_REST


def current_of(credential: Credential) -> Generation:
    """Return the current generation of a credential that has one, as `Credentials.get_or_fetch` returns."""
    if credential.current is None:
        raise AssertionError("the credential has no value")
    return credential.current
