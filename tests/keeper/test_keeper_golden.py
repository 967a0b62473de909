"""Every route and every row of the error table, byte for byte (docs/spec/keeper.md)."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.edge.listening import bind
from lingpai.edge.server import Listener, Serving
from lingpai.keeper.third_parties.authorizing import new_result
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CONTACTS, SAMPLE_CORP, SAMPLE_MINI
from tests.keeper.component import PROVIDER, provider_account
from tests.keeper.goldens import FOLDER, ask, fill, pattern_of, read_exchanges, request_of, text_of
from tests.keeper.harness import Harness, staged

KNOWN = {
    "appid": SAMPLE_APP.appid,
    "secret": SAMPLE_APP.secret,
    "mini_appid": SAMPLE_MINI.appid,
    "mini_secret": SAMPLE_MINI.secret,
    "provider": PROVIDER,
    "corpid": SAMPLE_CORP.corpid,
    "agent_secret": SAMPLE_AGENT.secret,
    "contacts_secret": SAMPLE_CONTACTS.secret,
}


@contextlib.asynccontextmanager
async def served(harness: Harness) -> AsyncIterator[int]:
    """The harness's service on a port."""
    bound = bind("127.0.0.1", 0)
    serving = Serving([Listener(harness.app, [bound])])
    ready = asyncio.Event()
    running = asyncio.create_task(serving.run(ready.set))
    await ready.wait()
    try:
        yield bound.getsockname()[1]
    finally:
        serving.stop()
        await running


async def _direct(harness: Harness, directive: str, known: dict[str, str]) -> None:
    match fill(directive, known).split():
        case ["advance", seconds]:
            harness.clock.advance(float(seconds))
        case ["mint", account, *wanted]:
            fields = {name: json.loads(value) for name, value in (pair.split("=") for pair in wanted)}
            known["code"] = (await harness.upstream.code(account, **fields))["code"]
        case ["fault", path, fault]:
            await harness.upstream.fault(path, fault)
        case ["domains", *domains]:
            await harness.add_app(domains=tuple(domains))
        case ["key", name, *fields]:
            given = {key: tuple(value.split(",")) for key, value in (pair.split("=") for pair in fields)}
            known["key"] = await harness.add_caller(name, **given)
        case ["authorised"]:
            provider = harness.keeper.app_of(provider_account())
            await harness.keeper.store.save_account(provider_account())
            known["result"] = new_result(harness.keeper, provider, f"wechat/{known['appid']}")
        case ["kill"]:
            await harness.upstream.kill(known["access_token"])
        case ["keep", *names]:
            known["keep"] = " ".join(names)
        case ["forget", name]:
            known.pop(name)
        case _:
            raise AssertionError(f"no such directive: {directive}")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.http")), ids=lambda path: path.stem)
async def test_answers_are_the_golden_bytes(path: Path, tmp_path: Path) -> None:
    known = dict(KNOWN)
    async with staged(tmp_path, keeper={"unproven_a_minute": 3}) as harness, served(harness) as port:
        await harness.add_app()
        await harness.add_corp()
        for exchange in read_exchanges(path):
            for directive in exchange.directives:
                await _direct(harness, directive, known)
            answer = text_of(await ask(port, request_of(exchange.sent, known)))
            found = re.fullmatch(pattern_of(exchange.expected, known), answer)
            assert found, f"{path.name}: {exchange.name}\n{answer}\nis not\n" + "\n".join(exchange.expected)
            if length := found.groupdict().get("length"):
                assert int(length) == len(answer.partition("\n\n")[2].encode())
            kept = ("access_token", "ticket", "row", *known.pop("keep", "").split())
            known.update({name: value for name, value in found.groupdict().items() if name in kept})


def test_the_golden_files_are_there() -> None:
    assert len(list(FOLDER.glob("*.http"))) == 10
