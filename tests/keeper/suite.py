"""A third-party app of WeCom in the sandbox, configured in a keeper, and corps that authorise it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lingpai.core.records import Account
from lingpai.sandbox import SAMPLE_CORP, SAMPLE_SUITE
from tests.keeper.component import Provided, provided

SUITE = SAMPLE_SUITE.suite_id
CORP = SAMPLE_CORP.corpid
NEXT = "https://app.example/installed"
NAME = f"wecom/{CORP}/{SUITE}"
SUITE_TOKEN = "/cgi-bin/service/get_suite_token"
CORP_TOKEN = "/cgi-bin/service/get_corp_token"
PERMANENT_CODE = "/cgi-bin/service/get_permanent_code"


def suite_account(**fields: Any) -> Account:
    """The sample third-party app as an operator configures it."""
    configured = {
        "callback_token": SAMPLE_SUITE.token,
        "encoding_key": SAMPLE_SUITE.encoding_key,
        "corpid": SAMPLE_SUITE.corpid,
        "next_urls": (NEXT,),
    }
    return Account(
        platform="wecom_suite", account=SUITE, secret=SAMPLE_SUITE.secret, **{**configured, **fields}
    )


@asynccontextmanager
async def installed(tmp_path: Path, **changes: Any) -> AsyncIterator[Provided]:
    """A third-party app of WeCom whose ticket has been pushed."""
    async with provided(tmp_path, suite_account(), "wecom", **changes) as made:
        yield made


async def pass_a_life(made: Provided) -> None:
    """Let every token end; the ticket of then is there."""
    made.harness.clock.advance(7_300)
    await made.push()


async def token_of(made: Provided) -> str:
    """The corp's token, by the generic route."""
    answer = await made.harness.get(f"/v1/tokens/wecom/{CORP}", label=SUITE)
    assert answer.status_code == 200, answer.json
    return str(answer.json["value"])
