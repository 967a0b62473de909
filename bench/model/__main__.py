"""The command: ``python -m bench.model``."""

from typing import Annotated

import msgspec
import typer

from bench.model import report
from bench.model.capacity import Assumptions
from bench.model.costs import Measured, MissingFigureError


def _assumed(given: list[str]) -> Assumptions:
    pairs = dict(each.split("=", 1) for each in given if "=" in each)
    if len(pairs) < len(given):
        raise typer.BadParameter(f"one of {', '.join(given)} is not NAME=NUMBER")
    try:
        return msgspec.convert(pairs, Assumptions, strict=False)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error


def main(
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help=f"NAME=NUMBER; may be repeated. Names: {', '.join(Assumptions.__struct_fields__)}."
        ),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option(help="Predictions beside what was measured on one core and two.")
    ] = False,
) -> None:
    """What nodes and databases carry, from bench/latest.json and bench/growth.json."""
    measured, assumed = Measured.read(), _assumed(assume or [])
    try:
        if check:
            print(report.checked(measured))
            return
        tables = (
            report.constants(measured),
            report.carried(measured, assumed),
            report.deployed(measured, assumed),
        )
        for table in tables:
            print(table, end="\n\n")
    except MissingFigureError as error:
        print(f"not measured yet: {error}")
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
