"""The one public error for whatever the storage may do to us, in every engine."""

from collections.abc import Iterable

from lingpai.core.errors import Kind, LingpaiError


def store_unavailable(
    fault: BaseException, retry_after: Iterable[tuple[type[BaseException], float]]
) -> LingpaiError:
    """The STORE_UNAVAILABLE error for a fault.

    Args:
        fault: what the engine raised.
        retry_after: seconds after which trying again makes sense, by the fault's kind; the first that fits counts,
            5 when none does.
    """
    return LingpaiError(
        Kind.STORE_UNAVAILABLE,
        "The store is not available at the moment; try again later.",
        detail=f"{type(fault).__name__}: {fault}",
        retry_after=next((after for kind, after in retry_after if isinstance(fault, kind)), 5.0),
    )
