import asyncio
import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.verbs.apps import find_app
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from tests.issuer.engines import execute
from tests.store.issuer.issuer_arena import APP_ID, open_issuer

PATIENCE = 60.0
FAMILIES = 8
ENOUGH = 200
READ_ONLY = {
    "sqlite": "PRAGMA query_only = 1",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}
"""Makes the connection that writes refuse to, from its next transaction on."""


async def _use(engine: str, home: Path, families: list[str], pipe: Connection) -> None:
    async with open_issuer(engine, home) as issuer:
        app = await find_app(issuer, APP_ID)

        async def rotate(number: int, token: str) -> None:
            while True:
                token = (await refresh(issuer, app, token)).refresh_token
                pipe.send((number, token))

        await asyncio.gather(*(rotate(number, token) for number, token in enumerate(families)))


def use_for_ever(engine: str, home: Path, families: list[str], pipe: Connection) -> None:
    asyncio.run(_use(engine, home, families, pipe))


async def _redeem_and_say_nothing(engine: str, home: Path, code: str, pipe: Connection) -> None:
    async with open_issuer(engine, home) as issuer:
        tokens = await redeem(issuer, await find_app(issuer, APP_ID), code)
        successor = await refresh(issuer, await find_app(issuer, APP_ID), tokens.refresh_token)
        pipe.send((tokens.refresh_token, successor.access_token, successor.refresh_token))
        await asyncio.sleep(PATIENCE)  # until killed, with the commit made and no answer sent to any client


def redeem_and_say_nothing(engine: str, home: Path, code: str, pipe: Connection) -> None:
    asyncio.run(_redeem_and_say_nothing(engine, home, code, pipe))


@pytest.mark.timeout(180)
@pytest.mark.threat("E56")
async def test_killed_between_commit_and_answer_the_retry_gets_the_same_pair(
    engine_name: str, tmp_path: Path
) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        app, _ = await admin.add_app(issuer, App(realm="", app_id=APP_ID))
        code = await issue_code(issuer, app, await admin.add_user(issuer, "ann", ""), Asked())
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=redeem_and_say_nothing, args=(engine_name, tmp_path, code.code, theirs))
    process.start()
    theirs.close()
    assert ours.poll(PATIENCE)
    used, access_token, refresh_token = ours.recv()
    process.kill()
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL
    process.close()
    ours.close()
    async with open_issuer(engine_name, tmp_path) as issuer:
        again = await refresh(issuer, await find_app(issuer, APP_ID), used)
        assert (again.access_token, again.refresh_token, again.repeated) == (
            access_token,
            refresh_token,
            True,
        )
        await resolve_access_token(issuer, access_token)


@pytest.mark.timeout(180)
@pytest.mark.threat("G73", "E56")
async def test_killed_at_any_moment_no_family_is_lost(engine_name: str, tmp_path: Path) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        app, _ = await admin.add_app(issuer, App(realm="", app_id=APP_ID))
        user = await admin.add_user(issuer, "ann", "")
        codes = [(await issue_code(issuer, app, user, Asked())).code for _ in range(FAMILIES)]
        held = {number: (await redeem(issuer, app, code)).refresh_token for number, code in enumerate(codes)}
    context = multiprocessing.get_context("spawn")
    for _ in range(3):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=use_for_ever, args=(engine_name, tmp_path, list(held.values()), theirs)
        )
        process.start()
        theirs.close()
        for _ in range(ENOUGH):
            assert ours.poll(PATIENCE)
            number, token = ours.recv()
            held[number] = token
        process.kill()
        process.join(PATIENCE)
        process.close()
        while ours.poll():
            try:
                number, token = ours.recv()
            except EOFError:
                break
            held[number] = token
        ours.close()
        async with open_issuer(
            engine_name, tmp_path
        ) as issuer:  # each client holds the last answer it got, and goes on with it
            app = await find_app(issuer, APP_ID)
            for number, token in held.items():
                held[number] = (await refresh(issuer, app, token)).refresh_token


@pytest.mark.threat("G73")
async def test_read_only_store_refuses_and_spends_nothing(engine_name: str, tmp_path: Path) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        app, _ = await admin.add_app(issuer, App(realm="", app_id=APP_ID))
        code = await issue_code(issuer, app, await admin.add_user(issuer, "ann", ""), Asked())
        await execute(issuer.store, READ_ONLY[engine_name])
        with pytest.raises(LingpaiError) as refused:
            await redeem(issuer, app, code.code)
        assert refused.value.kind is Kind.STORE_UNAVAILABLE
        assert refused.value.detail.startswith("ReadOnly")
        assert (await redeem(issuer, app, code.code)).refresh_token  # the engine opened its connection anew
