"""Reference (a): a bare ASGI app on the server that Lingpai runs on, in Lingpai's own environment."""

import sys

from bench.cases import BARE, FORM, FORM_POST, HELD_TOKEN
from bench.contender import Command, Contender, Role, Site


def serve(port: int, role: Role = Role.SERVICE) -> Command:
    """The command that serves the bare app on ``port``."""
    options = "--http httptools --loop uvloop --lifespan off --no-access-log --log-level warning"
    app = "bench.references.bare_asgi:app"
    return Command((sys.executable, "-m", "uvicorn", app, *options.split(), "--port", str(port)), port, role)


def _launch(site: Site) -> tuple[Command, ...]:
    return (serve(site.port),)


BARE_ASGI = Contender(name=BARE, engine="none", requests={**HELD_TOKEN, FORM: FORM_POST}, launch=_launch)
