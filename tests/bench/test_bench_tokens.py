"""No table grows with tokens of the standard protocol; a million of each are asked for by ``bench.growth.tokens``."""

import asyncio
from pathlib import Path

from bench.growth.tokens import Grown, differences, grow
from tests.helpers.postgres import Place, database_at

TOKENS = 1000
WAYS = ["client_credentials", "refresh, by secret", "refresh, public", "client_credentials, JWT"]


def check(found: dict[str, Grown]) -> None:
    assert list(found) == WAYS
    for grown in found.values():
        assert grown.tokens == grown.distinct == TOKENS
        assert grown.before["issuer_grants"] > 0
        assert grown.before["issuer_apps"] == 2
    assert {way: differences(grown) for way, grown in found.items()} == {way: {} for way in WAYS}


async def test_no_table_grows_with_tokens(tmp_path: Path) -> None:
    check(await grow(tmp_path / "data", TOKENS))


def test_no_table_grows_with_tokens_on_postgresql(postgres_place: Place, tmp_path: Path) -> None:
    store = asyncio.run(database_at(postgres_place.folder))
    check(asyncio.run(grow(tmp_path / "data", TOKENS, store)))


def test_a_table_that_grew_is_named() -> None:
    grown = Grown(1, 1, {"issuer_grants": 1}, {"issuer_grants": 3, "issuer_places": 1}, 1.0)
    assert differences(grown) == {"issuer_grants": 2, "issuer_places": 1}
