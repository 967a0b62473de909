"""A role that serves and owns nothing: what it lacks is said as the GRANTs that mend it, and no more is needed."""

from collections.abc import AsyncIterator

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.keeper.status import readiness
from lingpai.messages.problems import explain
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.schema import apply_migrations, pending_migrations
from tests.helpers.postgres_server import Server
from tests.store.postgresql.hardship import refused, run
from tests.store.postgresql.test_postgres_schema import _issue, _use

MENDS = {
    "REVOKE USAGE ON SCHEMA public FROM PUBLIC, serving": "may not migrate",
    "REVOKE SELECT ON issuer_grants FROM serving": "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES",
    "REVOKE UPDATE ON issuer_users FROM serving": "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES",
    "REVOKE DELETE ON roles FROM serving": "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES",
    "REVOKE SELECT ON issuer_grant_views_v2 FROM serving": "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES",
    "REVOKE USAGE ON SEQUENCE issuer_grants_id_seq FROM serving": "GRANT USAGE ON ALL SEQUENCES",
    "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, serving": "GRANT EXECUTE ON ALL FUNCTIONS",
}


@pytest.fixture
async def serving(fragile: Server) -> AsyncIterator[str]:
    """The address of a role that owns nothing and was granted nothing."""
    await run(
        fragile.dsn("lingpai"), "CREATE ROLE serving LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    yield fragile.dsn("lingpai").replace("lingpai@", "serving@")
    await run(fragile.dsn("lingpai"), "DROP OWNED BY serving", "DROP ROLE serving")


async def grant_what_is_said(fragile: Server, serving: str) -> list[str]:
    """Run the statements of the error as the owner, as an operator does; returns them."""
    fault = await refused(pending_migrations(serving))
    assert "lacks privileges" in fault.reason
    statements = [each.strip() for each in (fault.detail or "").split(";") if each.strip()]
    await run(fragile.dsn("lingpai"), *statements)
    return statements


async def test_the_grants_that_are_said_are_all_that_is_needed(
    fragile: Server, serving: str, ring: KeyRing, clock: VirtualClock
) -> None:
    said = await grant_what_is_said(fragile, serving)
    assert [each.partition(" ON ")[0] for each in said] == [
        "GRANT SELECT, INSERT, UPDATE, DELETE",
        "GRANT USAGE",
    ]
    assert await pending_migrations(serving) == ()
    store = await PostgresStore.open(serving, ring, clock)
    try:
        await _use(store, ring, clock)
        await _issue("yzb", store, ring, clock)
    finally:
        await store.close()


@pytest.mark.parametrize("revoked", list(MENDS))
async def test_each_right_that_is_missing_is_said(
    fragile: Server, serving: str, revoked: str, ring: KeyRing, clock: VirtualClock
) -> None:
    await grant_what_is_said(fragile, serving)
    store = await PostgresStore.open(serving, ring, clock)
    try:
        await store.ping()
        await run(fragile.dsn("lingpai"), revoked)
        if "SCHEMA public FROM PUBLIC" not in revoked or "EXECUTE" in revoked:
            fault = await refused(store.ping())  # and so the node is not ready
            assert MENDS[revoked] in (fault.detail or "")
        fault = await refused(apply_migrations(serving))
        assert MENDS[revoked] in f"{fault.reason} {fault.detail}"
        assert "\n" not in (explain(fault) or "")
    finally:
        await store.close()


async def test_a_role_that_may_not_create_learns_who_migrates(fragile: Server, serving: str) -> None:
    await grant_what_is_said(fragile, serving)
    for script in ("CREATE TABLE more (id bigint);", "ALTER TABLE issuer_grants ADD COLUMN more text;"):
        with pytest.raises(
            LingpaiError, match="run `lingpai migrate` with the address of the role that owns"
        ) as raised:
            await apply_migrations(serving, {9999: ("9999_more.sql", script)})
        assert raised.value.kind is Kind.STORE_UNAVAILABLE


async def test_ready_says_which_rights_are_missing(
    fragile: Server, serving: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    await grant_what_is_said(fragile, serving)
    async with open_keeper(load_settings(data=f"{tmp_path}/data", store=serving)) as keeper:
        assert (await readiness(keeper)).ready
        await run(fragile.dsn("lingpai"), "REVOKE USAGE ON ALL SEQUENCES IN SCHEMA public FROM serving")
        found = await readiness(keeper)
        assert not found.ready
        assert "GRANT USAGE ON ALL SEQUENCES" in found.reasons[0].problem
        shown = await readiness(keeper, detailed=False)
        assert "GRANT" not in shown.reasons[0].problem, (
            "names of tables and roles are nobody's business from outside"
        )
