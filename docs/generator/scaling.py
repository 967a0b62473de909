"""The page of the model's tables, from what `make bench` and its growth run measured last."""

from bench.model import report
from bench.model.capacity import Assumptions
from bench.model.costs import Measured, MissingFigureError
from docs.generator.markdown import attributes, code, head, joined, table


def page(measured: Measured | None = None) -> str:
    """The page; it says how to make what is missing."""
    measured, assumed = measured or Measured.read(), Assumptions()
    blocks = head(
        "Scaling: the figures",
        "What `python -m bench.model` makes of the [figures](figures.md) measured last; "
        "[Scaling](../scaling.md) says how to read it, and what it cannot know.",
    )
    try:
        tables = {
            "Measured": report.constants(measured),
            "Carried": report.carried(measured, assumed),
            "Deployed": report.deployed(measured, assumed),
            "Checked": report.checked(measured),
        }
    except MissingFigureError as error:
        missing = f"Not measured yet in this checkout: {error}. Then `make docs`."
        return joined([*blocks, missing, *_assumptions(assumed)])
    return joined(
        [
            *blocks,
            *(part for name, text in tables.items() for part in (f"## {name}", text)),
            *_assumptions(assumed),
        ]
    )


def _assumptions(assumed: Assumptions) -> list[str]:
    about = attributes(Assumptions)
    rows = [
        [code(name), f"{getattr(assumed, name):g}", about[name]] for name in Assumptions.__struct_fields__
    ]
    return [
        "## Assumed",
        "To replace one: `python -m bench.model --assume grants=2e7`. Prices are in the currency that you put in.",
        table(["assumption", "here", "what it is"], rows),
    ]
