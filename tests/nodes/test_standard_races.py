"""The standard protocol's races between server processes, on both engines: what counts once counts once for all.

Each contender sends its request at the same moment on a connection of its own.
"""

import asyncio
import dataclasses
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from lingpai.core.base64url import decode
from lingpai.issuer import jose
from lingpai.issuer.signing_keys import LOOK_SECONDS, SigningKeys
from tests.helpers.effort import FULL
from tests.helpers.postgres_server import start_server
from tests.issuer.dialects.calls import encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import PREFIX, SECRET, Answer, Realm, basic
from tests.issuer.dialects.oidc.test_oidc_devices import begin, poll
from tests.issuer.test_signing_keys import published
from tests.nodes.conftest import until
from tests.nodes.standard import (
    BY_KEY,
    CONTENDERS,
    ENGINES,
    FRESH,
    RESOURCE,
    Nodes,
    now,
    open_nodes,
    race,
    spread,
)

pytestmark = [pytest.mark.xdist_group("standard nodes"), pytest.mark.timeout(240)]

ROUNDS = 50 if FULL else 5


@pytest.fixture(scope="module", params=ENGINES)
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Services that all tests of an engine share."""
    folder = tmp_path_factory.mktemp("standard")
    if request.param == "sqlite":
        with open_nodes(folder, None) as opened:
            yield opened
        return
    with start_server() as server, open_nodes(folder, server) as opened:
        yield opened


@pytest.fixture
async def realms(nodes: Nodes) -> AsyncIterator[list[Realm]]:
    async with nodes.realms() as found:
        yield found


def outcomes(answers: list[Answer]) -> Counter[object]:
    """How often each outcome was answered: 200, or the refusal."""
    return Counter(200 if answer.status == 200 else answer.refusal for answer in answers)


def one_of(refusal: tuple[int, str]) -> Counter[object]:
    """The outcomes of a race that one wins."""
    return Counter({200: 1, refusal: CONTENDERS - 1})


async def test_of_all_who_redeem_a_code_one_does(realms: list[Realm]) -> None:
    for _ in range(ROUNDS):
        code = await realms[0].code()
        answers = await race(each.exchange(code) for each in spread(realms))
        assert outcomes(answers) == one_of((400, "invalid_grant"))


async def walk(realm: Realm, path: str) -> Answer:
    """Where the user comes who opens an address and allows what is asked."""
    return Answer(*await realm.visitor.walk(realm.url + realm.prefix + path))


@pytest.mark.threat("L110")
async def test_l110_a_pushed_request_gives_one_code(realms: list[Realm]) -> None:
    await realms[0].code()  # logged in, and consent is kept
    for _ in range(ROUNDS):
        pushed = (await realms[0].post("/par", realms[0].asked(client_secret=SECRET))).json
        query = encoded({"client_id": realms[0].app.app_id, "request_uri": pushed["request_uri"]})
        answers = await race(walk(each, f"/authorize?{query}") for each in spread(realms))
        codes = {answer.redirected.get("code") for answer in answers if "Location" in answer.headers} - {None}
        assert len(codes) == 1, [(each.status, each.body) for each in answers]


@pytest.mark.threat("L109")
async def test_l109_of_all_polls_of_a_device_one_gets_tokens(realms: list[Realm]) -> None:
    await realms[0].code()  # logged in
    for _ in range(ROUNDS):
        waiting = await begin(realms[0])
        assert b"connected" in (await walk(realms[1], f"/device?user_code={waiting['user_code']}")).body
        answers = await race(poll(each, waiting) for each in spread(realms))
        assert outcomes(answers)[200] == 1
        assert {answer.refusal[1] for answer in answers if answer.status != 200} <= {
            "invalid_grant",
            "slow_down",
        }


async def ask_for_own(realm: Realm, headers: dict[str, str], **over: str) -> Answer:
    own = {"grant_type": "client_credentials"} | over
    return await realm.post("/token", own, basic(realm.app.app_id) | headers)


@pytest.mark.threat("L101")
@pytest.mark.parametrize("machine", [False, True])
async def test_l101_a_proof_counts_once(realms: list[Realm], machine: bool) -> None:
    key = ClientKey()
    for _ in range(ROUNDS):
        proof = key.proof(iat=now())
        if machine:
            answers = await race(ask_for_own(each, proof) for each in spread(realms))
        else:
            codes = [await realms[0].code() for _ in range(CONTENDERS)]
            answers = await race(
                each.exchange(code, proof) for each, code in zip(spread(realms), codes, strict=True)
            )
        assert outcomes(answers) == one_of((400, "invalid_dpop_proof"))


@pytest.mark.threat("L102")
@pytest.mark.parametrize("path", ["/token", "/par", "/introspect"])
async def test_l102_an_assertion_counts_once(nodes: Nodes, realms: list[Realm], path: str) -> None:
    given = {
        "/token": {"grant_type": "client_credentials"},
        "/par": realms[0].asked(),
        "/introspect": {"token": "t"},
    }[path]
    for _ in range(ROUNDS):
        body = given | nodes.key.asserted(BY_KEY, iat=now(), exp=now() + 60)
        answers = await race(each.post(path, body) for each in spread(realms))
        good = [answer for answer in answers if answer.status in {200, 201}]
        assert len(good) == 1
        assert {answer.refusal for answer in answers if answer not in good} == {(401, "invalid_client")}


async def test_all_who_refresh_at_once_get_the_same_successor(realms: list[Realm]) -> None:
    current = (await realms[0].public_tokens())["refresh_token"]
    for _ in range(ROUNDS):
        answers = await race(each.refresh_public(current) for each in spread(realms))
        assert outcomes(answers) == Counter({200: CONTENDERS})
        [current] = {answer.json["refresh_token"] for answer in answers}


async def test_a_refresh_with_a_new_key_binds_to_one_of_those_that_race(realms: list[Realm]) -> None:
    """A client with a secret may renew its key; of several at once the tokens of one key are good afterwards."""
    own = {"client_id": realms[0].app.app_id, "client_secret": SECRET, "grant_type": "refresh_token"}
    for _ in range(ROUNDS):
        token = (await realms[0].tokens())["refresh_token"]
        keys = [ClientKey() for _ in range(CONTENDERS)]
        answers = await race(
            each.post("/token", own | {"refresh_token": token}, key.proof(iat=now()))
            for each, key in zip(spread(realms), keys, strict=True)
        )
        good = [(key, answer.json) for key, answer in zip(keys, answers, strict=True) if answer.status == 200]
        assert good, outcomes(answers)
        shown = [
            await realms[1].send("GET", "/userinfo", headers=key.shown(found["access_token"], iat=now()))
            for key, found in good
        ]
        assert sum(answer.status == 200 for answer in shown) == 1


async def kids(realms: list[Realm], prefix: str = PREFIX) -> set[frozenset[str]]:
    """The sets of keys that the services publish now, one when they agree; each worker of them is asked."""
    answers = await race(
        dataclasses.replace(each, prefix=prefix).send("GET", "/jwks") for each in spread(realms)
    )
    return {frozenset(published(answer.body)) for answer in answers}


@pytest.mark.threat("L117")
async def test_l117_all_who_need_the_first_keys_at_once_make_one_of_each(realms: list[Realm]) -> None:
    [found] = await kids(realms, FRESH)
    assert len(found) == len(jose.ALGORITHMS)


async def signers(realms: list[Realm]) -> set[str]:
    """The keys by which the services sign now."""
    answers = await race(ask_for_own(each, {}, resource=RESOURCE) for each in spread(realms))
    heads = [answer.json["access_token"].split(".")[0] for answer in answers]
    return {msgspec.json.decode(decode(head))["kid"] for head in heads}


@pytest.mark.threat("L117")
async def test_l117_all_services_turn_to_a_key_that_all_have_published(
    nodes: Nodes, realms: list[Realm]
) -> None:
    [before] = await signers(realms)
    keys = SigningKeys(realms[0].issuer)
    ahead = int(LOOK_SECONDS) + 3
    turned = {key.kid for key in (await keys.rotate(ahead)).keys if key.signs_from > now()}
    turns_at, signed = now() + ahead, set[str]()
    while not signed & turned:
        signed = await signers(realms)
        assert now() < turns_at + 5
        assert all(signed <= each for each in await kids(realms))
        await asyncio.sleep(0.2)
    assert before not in await signers(realms), "one service turned, and another did not"
    assert len(turned) == len(jose.ALGORITHMS)

    def rotate(_: int) -> int:
        program = str(Path(sys.executable).with_name("lingpai"))
        command = [program, "key", "rotate", "--signing", "--realm", "oidc"]
        return subprocess.run(command, env=nodes.environment, capture_output=True, check=False).returncode

    with ThreadPoolExecutor(3) as hands:  # three operators at the same moment
        assert await asyncio.to_thread(lambda: set(hands.map(rotate, range(3)))) == {0}
    stored = (await keys.stored()).signers.keys()
    assert len(stored) == 3 * len(jose.ALGORITHMS)

    async def everywhere() -> bool:
        return await kids(realms) == {frozenset(stored)}

    await until(everywhere)
