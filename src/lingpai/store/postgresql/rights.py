"""The rights that the serving role needs: checked, and reported as the GRANTs that are missing.

The role that migrates owns the schema; the one that serves may be another, without the right to create anything.
"""

import re
from collections.abc import Iterable
from typing import Final

import asyncpg

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.postgresql.connect import Connection

_CREATED: Final = re.compile(r"^CREATE (?:TABLE|VIEW)(?: IF NOT EXISTS)? (\w+)", re.MULTILINE)
MISSING: Final = """
WITH here AS (
    SELECT n.oid, n.nspname AS name, c.relowner AS owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('schema_migrations')
), ours AS (
    SELECT c.oid, c.relkind FROM pg_class c JOIN here ON here.oid = c.relnamespace
    WHERE c.relname = ANY($1::text[]) AND c.relkind IN ('r', 'p', 'v')
), missing AS (
    SELECT 1 AS place, format('GRANT USAGE ON SCHEMA %I TO %I', name, current_user) AS said FROM here
    WHERE NOT has_schema_privilege(oid, 'USAGE')
    UNION
    SELECT 2, format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', name, current_user)
    FROM here, ours, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (privilege)
    WHERE (ours.relkind <> 'v' OR p.privilege = 'SELECT')
        AND NOT has_table_privilege(ours.oid, p.privilege)
    UNION
    SELECT 3, format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', name, current_user)
    FROM here, ours JOIN pg_depend d ON d.refobjid = ours.oid AND d.deptype IN ('a', 'i')
        AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = d.objid
    WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') END
    UNION
    SELECT 4, format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO %I', name, current_user)
    FROM here JOIN pg_proc f ON f.pronamespace = here.oid
    WHERE starts_with(f.proname, 'issuer_') AND f.prorettype <> 'trigger'::regtype
        AND NOT has_function_privilege(f.oid, 'EXECUTE')
)
SELECT said FROM missing ORDER BY place
"""
"""Statements that a serving role's rights lack; the argument: the names of all tables and views."""


def names_of(scripts: Iterable[str]) -> list[str]:
    """The tables and views that migrations make."""
    return [name for script in scripts for name in _CREATED.findall(script)]


def rights_error(missing: Iterable[str]) -> LingpaiError:
    """The error that says which rights are missing."""
    return LingpaiError(
        Kind.STORE_UNAVAILABLE,
        "The database role lacks privileges that serving needs; the owner of the tables has to grant them.",
        detail="".join(f"{statement}; " for statement in missing).strip(),
        retry_after=30.0,
    )


async def demand_rights(connection: Connection, names: list[str]) -> None:
    """Make sure that the role may do what serving needs.

    Args:
        connection: of the role.
        names: of all tables and views.

    Raises:
        LingpaiError: STORE_UNAVAILABLE, with the statements that are missing as its detail.
    """
    missing = [said for (said,) in await connection.fetch(MISSING, names)]
    if missing:
        raise rights_error(missing)


def may_not_migrate(error: asyncpg.PostgresError) -> LingpaiError:
    """The error of a role that may not bring the schema up to date."""
    return LingpaiError(
        Kind.STORE_UNAVAILABLE,
        "The database role may not migrate; run `lingpai migrate` with the address of the role "
        "that owns the tables, then grant this role what `lingpai doctor` lists.",
        detail=str(error),
        retry_after=30.0,
    )
