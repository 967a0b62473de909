"""Lingpai's standard protocol as it is shipped, durable, beside oidc-provider in memory."""

import functools
import shutil

from bench.cases import (
    BY_SECRET,
    CODE,
    INTROSPECT,
    LINGPAI_STANDARD,
    SIGNED,
    STANDARD,
    USERINFO,
)
from bench.contender import Contender, Request
from bench.contenders.engines import SETUPS, SQLITE
from bench.contenders.issuer import launching, mint
from bench.contenders.spending import spending
from bench.material import material_file
from bench.minting_standard import SETTINGS
from bench.places import CACHE

# Case: path, what a right answer contains, the member whose values are counted.
_CALLS = {
    CODE: ("/oidc/token", '"id_token"', ""),
    BY_SECRET: ("/oidc/token", '"id_token"', ""),
    USERINFO: ("/oidc/userinfo", '"sub"', ""),
    INTROSPECT: ("/oidc/introspect", '"active":true', ""),
    STANDARD: ("/oidc/token", '"access_token"', "access_token"),
    SIGNED: ("/oidc/token", '"access_token"', "access_token"),
}
_HOME = CACHE / f"lingpai-oidc-{SQLITE}"


@functools.cache
def _prepare() -> None:
    """Mint once in each bench: codes do not live for ever."""
    shutil.rmtree(_HOME, ignore_errors=True)
    mint(_HOME, settings=SETTINGS, program="bench.minting_standard")


def _request(case: str) -> Request:
    path, right, counted = _CALLS[case]
    return spending(path, material_file(_HOME, case), right, counted)


LINGPAI_OIDC = Contender(
    name=LINGPAI_STANDARD,
    engine=SQLITE,
    requests={case: _request(case) for case in _CALLS},
    launch=launching(_HOME, SETUPS[0], tuple(_CALLS)),
    prepare=_prepare,
)
