"""`lingpai`: the operator's command line, one file per group of commands.

Modules of commands import only typer at their top; what a command works with is imported when it runs, so
that `--help` and completion stay fast. This one imports nothing: it comes into every worker process, which is
spawned from the program that `lingpai serve` is.
"""


def main() -> None:
    """Run the command line of this process."""
    from lingpai.cli.tree import app

    app()
