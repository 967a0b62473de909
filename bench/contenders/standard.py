"""Lingpai's standard protocol as it is shipped, durable, beside oidc-provider in memory."""

import functools
from dataclasses import replace

from bench.cases import (
    BOUND,
    BY_SECRET,
    CODE,
    CODE_RSA,
    INTROSPECT,
    INTROSPECT_SIGNED,
    LINGPAI_STANDARD,
    PUSHED,
    ROTATED,
    SIGNED,
    STANDARD,
    USERINFO,
)
from bench.contender import Command, Contender, Request, Site
from bench.contenders.engines import SETUPS, Setup
from bench.contenders.issuer import launching, mint
from bench.contenders.spending import spending
from bench.material import material_file, position_file
from bench.minting_standard import ORIGIN, SETTINGS
from bench.places import CACHE
from bench.proofs import write_proven

# Case: path, what a right answer contains, the member whose values are counted.
_CALLS = {
    BOUND: ("/oidc/token", '"DPoP"', "access_token"),
    CODE: ("/oidc/token", '"id_token"', ""),
    BY_SECRET: ("/oidc/token", '"id_token"', ""),
    USERINFO: ("/oidc/userinfo", '"sub"', ""),
    INTROSPECT: ("/oidc/introspect", '"active":true', ""),
    STANDARD: ("/oidc/token", '"access_token"', "access_token"),
    SIGNED: ("/oidc/token", '"access_token"', "access_token"),
    CODE_RSA: ("/oidc/token", '"id_token"', ""),
    ROTATED: ("/oidc/token", '"refresh_token"', "refresh_token"),
    INTROSPECT_SIGNED: ("/oidc/introspect", '"active":true', ""),
    PUSHED: ("/oidc/par", '"request_uri"', "request_uri"),
}


def _contender(setup: Setup) -> Contender:
    home = CACHE / f"lingpai-oidc-{setup.engine}"
    served = launching(home, setup, tuple(_CALLS))
    proven = home / "proven.bodies"

    @functools.cache
    def prepare() -> None:
        """Mint once in each bench: codes do not live for ever."""
        mint(home, setup, settings=SETTINGS, program="bench.minting_standard")

    def launch(site: Site) -> tuple[Command, ...]:
        bodies = material_file(home, BOUND).read_text("utf-8").splitlines()
        write_proven(proven, bodies, f"{ORIGIN}/oidc/token")
        position_file(proven).unlink(missing_ok=True)
        *stores, service = served(site)
        return (*stores, replace(service, env={**service.env, "LINGPAI_PUBLIC_URL": ORIGIN}))

    def request(case: str) -> Request:
        path, right, counted = _CALLS[case]
        return spending(path, proven if case == BOUND else material_file(home, case), right, counted)

    return Contender(
        name=setup.name(LINGPAI_STANDARD),
        engine=setup.engine,
        requests={case: request(case) for case in _CALLS},
        launch=launch,
        tools=setup.tools,
        prepare=prepare,
    )


STANDARDS = tuple(_contender(setup) for setup in SETUPS if setup.workers == 1)
"""With each engine. Proofs live for a minute, so they are made at each start, and their case comes first."""
