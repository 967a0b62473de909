"""Many grants at once on either engine, each as the verbs would write it: copies of grants that they did write."""

from typing import NamedTuple

import apsw
import asyncpg

from lingpai.store.address import Address

# Of a VALUES, both engines call the first column `column1`.
_COPY = """
INSERT INTO issuer_grants ({columns}) SELECT {columns} FROM (VALUES {numbers}) AS copies
CROSS JOIN issuer_grants WHERE id BETWEEN {first} AND {last} AND state = {state} ORDER BY column1, id
"""
_MADE = """
SELECT g.id, g.generation, g.rotated_at, g.created_at, g.salt, a.app_id, m.open_id FROM issuer_grants g
JOIN issuer_apps a ON a.id = g.app_row JOIN issuer_members m ON m.id = g.member_row
WHERE g.id > {last} AND g.state = {state} ORDER BY g.id
"""


class Made(NamedTuple):
    """A copied grant, as its tokens need it; times in unix seconds."""

    id: int
    generation: int
    rotated_at: int
    created_at: int
    salt: int
    app_id: str
    open_id: str


async def multiply(address: Address, first: int, last: int, state: int, times: int) -> list[Made]:
    """Copy the grants from ``first`` to ``last`` that are in ``state``, each ``times`` times; the copies in order.

    Neighbours are copies of neighbours, not of one grant.

    Nothing is copied that stands behind ``last``.
    """
    if address.dsn is None:
        return _in_sqlite(address, first, last, state, times)
    return await _in_postgresql(address.dsn, first, last, state, times)


def _copying(columns: list[str], first: int, last: int, state: int, times: int) -> str:
    return _COPY.format(
        columns=", ".join(name for name in columns if name != "id"),
        numbers=", ".join(f"({number})" for number in range(times)),
        first=first,
        last=last,
        state=state,
    )


def _in_sqlite(address: Address, first: int, last: int, state: int, times: int) -> list[Made]:
    connection = apsw.Connection(str(address.file))
    connection.set_busy_timeout(10_000)
    columns = [str(row[1]) for row in connection.execute("PRAGMA table_info(issuer_grants)")]
    (highest,) = next(connection.execute("SELECT max(id) FROM issuer_grants"))
    connection.execute(_copying(columns, first, last, state, times)).fetchall()
    made = [Made(*row) for row in connection.execute(_MADE.format(last=highest, state=state))]
    connection.close()
    return made


async def _in_postgresql(dsn: str, first: int, last: int, state: int, times: int) -> list[Made]:
    connection = await asyncpg.connect(dsn)
    listed = "SELECT column_name FROM information_schema.columns WHERE table_name = 'issuer_grants'"
    columns = [row[0] for row in await connection.fetch(listed)]
    highest = await connection.fetchval("SELECT max(id) FROM issuer_grants")
    await connection.execute(_copying(columns, first, last, state, times))
    made = [Made(*row) for row in await connection.fetch(_MADE.format(last=highest, state=state))]
    await connection.execute("VACUUM ANALYZE issuer_grants")
    await connection.close()
    return made
