import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from tests.helpers.effort import FULL
from tests.store.issuer.issuer_arena import APP_ID, open_issuer
from tests.store.issuer.issuer_contenders import CALLERS, CONTENDERS, contest

ROUNDS = 1000 if FULL else 100
DAYS = 1000 if FULL else 10


async def make_codes(issuer: Issuer, count: int, *, terminals: bool) -> list[str]:
    app, _ = await admin.add_app(issuer, App(realm="", app_id=APP_ID))
    user = await admin.add_user(issuer, "ann", "")
    codes = []
    for number in range(count):
        terminal = await admin.save_terminal(issuer, f"m{number}", owner=user) if terminals else None
        codes.append((await issue_code(issuer, app, user, Asked(), terminal)).code)
    return codes


@pytest.mark.timeout(3000 if FULL else 300)
@pytest.mark.threat("C25")
async def test_one_code_64_callers_4_processes_one_winner_each_round(
    engine_name: str, tmp_path: Path
) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        codes = await make_codes(issuer, ROUNDS, terminals=True)
        with contest(engine_name, tmp_path) as contenders:
            for code in codes:
                answers = contenders.run("redeem", [code] * CALLERS)
                assert len(answers) == CALLERS * CONTENDERS
                assert Counter(kind for _, _, kind in answers) == {"": 1, "invalid_code": 63}


@pytest.mark.timeout(3000 if FULL else 300)
@pytest.mark.threat("E50")
async def test_one_refresh_token_64_callers_4_processes_one_successor_each_round(
    engine_name: str, tmp_path: Path
) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        codes = await make_codes(issuer, ROUNDS, terminals=True)
        app = await issuer.store.find_app(issuer.realm, APP_ID)
        assert app is not None
        tokens = [(await redeem(issuer, app, code)).refresh_token for code in codes]
        with contest(engine_name, tmp_path) as contenders:
            for token in tokens:
                answers = contenders.run("refresh", [token] * CALLERS)
                assert len({answer[:2] for answer in answers}) == 1
                assert Counter(kind for _, _, kind in answers) == {"": 1, "repeated": 63}


@pytest.mark.timeout(3000 if FULL else 300)
async def test_never_a_twenty_first_of_a_day(engine_name: str, tmp_path: Path) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        await make_codes(issuer, 0, terminals=False)
        app = await issuer.store.find_app(issuer.realm, APP_ID)
        user = (await issuer.store.list_users(issuer.realm, 0, 1))[0]
        assert app is not None
        with contest(engine_name, tmp_path) as contenders:
            for number in range(DAYS):
                terminal = await admin.save_terminal(issuer, f"limited{number}", owner=user)
                codes = [
                    (await issue_code(issuer, app, user, Asked(), terminal)).code for _ in range(CALLERS)
                ]
                counts = Counter(kind for _, _, kind in contenders.run("redeem", codes))
                assert counts[""] == CALLERS  # each code once, fewer than 20
                codes = [
                    (await issue_code(issuer, app, user, Asked(), terminal)).code for _ in range(CALLERS)
                ]
                counts = Counter(kind for _, _, kind in contenders.run("redeem", codes))
                assert counts[""] == 20 - CALLERS
                assert counts["limit_reached"] >= CALLERS - 4


async def test_two_operators_at_once_undo_nothing_of_each_other(engine_name: str, tmp_path: Path) -> None:
    async with open_issuer(engine_name, tmp_path) as here, open_issuer(engine_name, tmp_path) as there:
        app, _ = await admin.add_app(here, App(realm="", app_id=APP_ID))
        user = await admin.add_user(here, "ann", "")
        for number in range(ROUNDS):
            disabled, name = bool(number % 2), f"round {number}"
            *_, one, other = await asyncio.gather(
                admin.change_app(here, app, disabled=disabled),
                admin.change_app(there, app, name=name),
                admin.disable_user(here, user, disabled=disabled),
                admin.change_user(there, user, profile=Profile(nick=name)),
                admin.rotate_secret(here, app),
                admin.rotate_secret(there, app),
            )
            found, known = await admin.find_app(here, APP_ID), await admin.find_user(there, "ann")
            assert (found.disabled, found.name) == (disabled, name)
            assert (known.disabled, known.profile.nick) == (disabled, name)
            newest = {each.digest for each in found.secrets[:2]}  # those before stay good for their overlap
            assert newest == {here.digest_secret(each) for each in (one, other)}


async def test_a_change_of_what_is_not_so_any_more_is_none(engine_name: str, tmp_path: Path) -> None:
    async with open_issuer(engine_name, tmp_path) as issuer:
        app, _ = await admin.add_app(issuer, App(realm="", app_id=APP_ID))
        user = await admin.add_user(issuer, "ann", "")
        await admin.change_app(issuer, app, disabled=True)
        await admin.disable_user(issuer, user)
        assert not await issuer.store.change_app(app, msgspec.structs.replace(app, name="new"))
        assert not await issuer.store.change_user(
            user, msgspec.structs.replace(user, login="bob"), issuer.now()
        )
        assert (await admin.find_app(issuer, APP_ID)).name == ""
        assert (await admin.find_user(issuer, "ann")).disabled
