"""What a grant takes in PostgreSQL: from the tables of what was minted for the bench, indexes included."""

import asyncio

import asyncpg

from bench.contenders.engines import POSTGRESQL, Setup
from bench.contenders.issuer import home_of, mint

_SIZES = """
SELECT pg_total_relation_size('issuer_grants')::float8 / (SELECT count(*) FROM issuer_grants)
    + pg_total_relation_size('issuer_members')::float8 / (SELECT count(*) FROM issuer_members)
    + pg_total_relation_size('issuer_users')::float8 / (SELECT count(*) FROM issuer_users) / $1
"""


async def _ask(dsn: str, grants_of_a_user: int) -> float:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "VACUUM FULL issuer_grants"
    )  # copies were made at once: as dense as after a fresh load
    found = float(await connection.fetchval(_SIZES, grants_of_a_user))
    await connection.close()
    return found


def bytes_per_grant(grants_of_a_user: int) -> float:
    """Bytes for one more grant with its member, and its part of a user who has so many.

    Raises:
        ContenderError: there is no PostgreSQL, or it could not be filled.
    """
    setup, home = Setup(POSTGRESQL), home_of(POSTGRESQL)
    if not (home / "cluster").exists():
        mint(home, setup)
    with setup.running(home) as env:
        return asyncio.run(_ask(env["LINGPAI_STORE"], grants_of_a_user))
