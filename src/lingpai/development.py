"""What `lingpai dev` runs: service and sandbox in one process, with sample accounts that outlive it."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lingpai.core.clock import SystemClock
from lingpai.core.records import Account, Caller
from lingpai.edge.logs import configure_logging
from lingpai.edge.server import Listener, bind, serve, url_of
from lingpai.keeper.access import KEY_PREFIX
from lingpai.keeper.keeper import Keeper
from lingpai.sandbox import SandboxOptions
from lingpai.sandbox.options import WechatApp, WecomAgent, WecomCorp
from lingpai.sandbox.serve import make_server
from lingpai.service import open_keeper, open_service
from lingpai.settings import Settings, load_settings

CALLER = "dev"
_JOIN_SECONDS = 10


class Samples(msgspec.Struct):
    """The sample accounts of one data folder, made at the first start: nobody else's secrets are the same."""

    appid: str
    app_secret: str
    mini_appid: str
    mini_secret: str
    corpid: str
    agent_secret: str
    second_agent_secret: str
    caller_key: str


async def develop(host: str, port: int, sandbox_port: int, data: Path, token_lifetime: float) -> None:
    """Run service and sandbox until a signal; write `dev.json` and print what runs where.

    Args:
        host: address for both.
        port: of the service; 0 for a free one.
        sandbox_port: of the sandbox; 0 for a free one.
        data: folder that keeps everything.
        token_lifetime: seconds that the sandbox's tokens live.

    Raises:
        OSError: an address cannot be bound.
    """
    samples = load_samples(data / "samples.json")
    with bind(host, port) as service_socket, bind(host, sandbox_port) as sandbox_socket:
        url, sandbox_url = url_of(service_socket), url_of(sandbox_socket)
        settings = load_settings(
            host=host,
            port=port,
            data=data,
            public_url=url,
            wechat={"base_url": sandbox_url},
            wecom={"base_url": sandbox_url},
        )
        configure_logging(settings.log_level, json_lines=settings.log_json)
        options = sandbox_options(samples, token_lifetime)
        with running_sandbox(options, sandbox_socket, data / "sandbox.json"):
            await add_samples(settings, samples)
            async with open_service(settings) as app:
                described = describe(url, sandbox_url, samples)
                write_private(data / "dev.json", json.dumps(described, indent=2) + "\n")
                await serve([Listener(app, [service_socket])], ready=lambda: announce(described, data))


def load_samples(path: Path) -> Samples:
    """The samples kept at `path`, made there when there are none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Samples)
    samples = Samples(
        appid="wx" + secrets.token_hex(8),
        app_secret=secrets.token_hex(16),
        mini_appid="wx" + secrets.token_hex(8),
        mini_secret=secrets.token_hex(16),
        corpid="ww" + secrets.token_hex(8),
        agent_secret=secrets.token_urlsafe(32),
        second_agent_secret=secrets.token_urlsafe(32),
        caller_key=KEY_PREFIX + secrets.token_urlsafe(32),
    )
    write_private(path, msgspec.json.encode(samples).decode())
    return samples


def sandbox_options(samples: Samples, token_lifetime: float) -> SandboxOptions:
    """A sandbox that knows the sample accounts."""
    return SandboxOptions(
        token_lifetime=token_lifetime,
        ticket_lifetime=token_lifetime,
        apps=(
            WechatApp(
                appid=samples.appid,
                secret=samples.app_secret,
                name="Sample official account",
                open_platform="sample",
            ),
            WechatApp(
                appid=samples.mini_appid,
                secret=samples.mini_secret,
                name="Sample mini program",
                mini=True,
                open_platform="sample",
            ),
        ),
        corps=(
            WecomCorp(
                corpid=samples.corpid,
                name="Sample corp",
                agents=(
                    WecomAgent(agentid=1_000_002, secret=samples.agent_secret, name="Sample app"),
                    WecomAgent(
                        agentid=1_000_003, secret=samples.second_agent_secret, name="Second sample app"
                    ),
                ),
            ),
        ),
    )


@contextmanager
def running_sandbox(options: SandboxOptions, bound: Any, state: Path) -> Iterator[None]:
    """Serve the sandbox in a thread with a loop of its own while the block runs."""
    server = make_server(options, SystemClock(), state)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_JOIN_SECONDS)


async def add_samples(settings: Settings, samples: Samples) -> None:
    """Configure the sample accounts and the caller key, as an operator would."""
    async with open_keeper(settings) as keeper:
        for account in (
            Account(platform="wechat", account=samples.appid, secret=samples.app_secret),
            Account(platform="wechat", account=samples.mini_appid, secret=samples.mini_secret),
            Account(platform="wecom", account=samples.corpid, label="first", secret=samples.agent_secret),
            Account(
                platform="wecom", account=samples.corpid, label="second", secret=samples.second_agent_secret
            ),
        ):
            await _add_account(keeper, account)
        caller = Caller(name=CALLER, environment="dev", created_at=keeper.clock.now())
        await keeper.store.add_caller(caller, keeper.digest_caller_key(samples.caller_key))


async def _add_account(keeper: Keeper, account: Account) -> None:
    known = await keeper.store.find_accounts(account.platform, account.account)
    if not any(each.label == account.label for each in known):
        await keeper.store.save_account(account)


def describe(url: str, sandbox_url: str, samples: Samples) -> dict[str, Any]:
    """What `dev.json` says, so that scripts find everything."""
    return {
        "url": url,
        "sandbox": sandbox_url,
        "caller": {"name": CALLER, "key": samples.caller_key},
        "keeper": {
            "wechat": {"appid": samples.appid, "secret": samples.app_secret},
            "wechat_mini": {"appid": samples.mini_appid, "secret": samples.mini_secret},
            "wecom": {"corpid": samples.corpid, "secret": samples.agent_secret},
            "wecom_second": {"corpid": samples.corpid, "secret": samples.second_agent_secret},
        },
        "admin": {},
        "issuer": {},
    }


def announce(described: dict[str, Any], data: Path) -> None:
    """Print what runs where, and calls that work when pasted."""
    url, app, corp = described["url"], described["keeper"]["wechat"], described["keeper"]["wecom"]
    table = Table(title="Lingpai 令牌 dev", show_header=False)
    for what, where in (
        ("service 服务", url),
        ("API pages 文档", f"{url}/docs"),
        ("sandbox 沙箱", described["sandbox"]),
        ("data 数据", str(data)),
        ("for scripts 脚本用", str(data / "dev.json")),
    ):
        table.add_row(what, where)
    console = Console(soft_wrap=True)
    page = json.dumps({"wx_app_id": app["appid"], "url": "http://www.baidu.com"})
    console.print(table)
    headers = "-H 'Content-Type: application/json'"
    bearer = f"-H 'Authorization: Bearer {described['caller']['key']}'"
    for arguments in (
        f"'{url}/AccessToken/getXcx?appid={app['appid']}'",
        f"'{url}/AccessToken/getQyapi?corpid={corp['corpid']}&secret={corp['secret']}'",
        f"{bearer} '{url}/v1/tokens/wechat/{app['appid']}'",
        f"'{url}/JsSDK/getJsApiSign' {headers} -d '{page}'",
        f"'{described['sandbox']}/_sandbox/calls'",
    ):
        console.print(f"curl {arguments}", highlight=False, markup=False)
    console.print("Ctrl-C ends it; the data stays. 按 Ctrl-C 结束，数据保留。", style="dim")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, "utf-8")
