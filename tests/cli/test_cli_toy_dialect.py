"""A dialect of another package, from its entry point to the command line, the service, its pages and its tokens."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.plugins import PluginError
from lingpai.devdata.issuer import FIRST, add_issuer_samples, sample_realms
from lingpai.devdata.records import FIRST_PASSWORD, load_samples
from lingpai.edge.listening import bind, url_of
from lingpai.issuer.dialects import registry
from lingpai.issuer.dialects.registry import DIALECTS, dialects
from lingpai.issuer.realms import Realm, mount, open_issuer
from lingpai.sample_app.app import sample_app
from lingpai.sample_app.identities import allow_callbacks
from lingpai.sample_app.setup import identities_of
from lingpai.service import issuer_store_of, open_keeper
from lingpai.settings import load_settings
from tests.cli.conftest import Cli
from tests.cli.served import serving
from tests.helpers import lingpai_toy_dialect
from tests.helpers.lingpai_toy_dialect import TOY
from tests.helpers.packages import install, with_site
from tests.issuer.dialects.serving import serving as serving_routes
from tests.issuer.dialects.serving import serving_app
from tests.issuer.dialects.visitors import PASSWORD, visiting

ORIGIN = "http://127.0.0.1:1"
REDIRECT = "https://toy.example/back"


@pytest.fixture
def toy_cli(tmp_path: Path, cli: Cli) -> Cli:
    """The command line in an environment where the toy's package is installed."""
    site = tmp_path / "site"
    install(lingpai_toy_dialect, site, "lingpai.dialects", "toy = lingpai_toy_dialect:TOY")
    cli.env["PYTHONPATH"] = with_site(site)
    return cli


@pytest.fixture
def toy_app(toy_cli: Cli) -> dict[str, str]:
    """The id and the secret of an app in the toy's realm, which also has a user."""
    added = toy_cli.process("app", "add", "A toy", "--realm", "toy", "--redirect-uri", REDIRECT).json
    toy_cli.process("user", "add", "hong", "--realm", "toy", "--password-stdin", given=PASSWORD)
    return {"toy": added["app_id"], "spring": added["secret"]}


@pytest.fixture
def served(toy_app: dict[str, str], toy_cli: Cli) -> Iterator[str]:
    """The address of a service with the toy's realm."""
    del toy_app
    toy_cli.env["LINGPAI_REALMS__TOY__TOY_GREETING"] = "welcome"
    with serving(toy_cli) as url:
        yield url


class Caller:
    """Calls to the realm."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def ask(self, method: str, path: str, **form: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        async with self._http.request(method, self._url + path, data=form or None) as answer:
            return answer.status, await answer.json()


@contextlib.asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as http:
        yield Caller(http, url)


async def test_a_toy_key_from_the_login_page_to_the_player(served: str, toy_app: dict[str, str]) -> None:
    asked = {"toy": toy_app["toy"], "back": REDIRECT, "state": "s"}
    async with visiting("hong") as visitor, calling(served) as caller:
        seen = await visitor.walk(f"{served}/toys/play?{urlencode(asked)}")
        answer = parse_qs(urlsplit(seen.headers["Location"]).query)
        assert answer["state"] == ["s"]

        status, taken = await caller.ask("POST", "/toys/key", **toy_app, play=answer["code"][0])
        assert (status, taken["toy"]["seconds"]) == (200, 600)
        status, player = await caller.ask("GET", f"/toys/player?key={taken['toy']['key']}")
        assert status == 200
        assert player["toy"].startswith("welcome ")
        status, wound = await caller.ask("POST", "/toys/key", **toy_app, wind=taken["toy"]["wind"])
        assert status == 200
        assert wound["toy"]["key"] != taken["toy"]["key"]


async def test_errors_look_as_the_toy_declares(served: str, toy_app: dict[str, str]) -> None:
    async with calling(served) as caller:
        status, wrong = await caller.ask("POST", "/toys/key", **toy_app, play="nothing")
        assert (status, wrong["broken"]) == (418, "invalid_code")
        status, gone = await caller.ask("GET", "/toys/nothing")
        assert (status, gone["broken"]) == (404, "not_found")
        status, other = await caller.ask("GET", "/toys/key")
        assert (status, other["broken"]) == (405, "method_not_allowed")
        status, unread = await caller.ask(
            "POST", "/toys/key", toy="\ud800".encode("utf-8", "surrogatepass").decode("latin-1")
        )
        assert (status, "broken" in unread) == (418, True)


async def test_the_reference_shows_the_toy_in_both_languages(served: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{served}/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        assert {"/toys/play", "/toys/key", "/toys/player", "/toys/user/toy/login"} <= set(paths)
        async with http.get(f"{served}/docs?lang=zh") as answer:
            page = await answer.text()
    assert "获取玩家" in page
    assert "玩具协议：toy" in page


def test_the_command_line_knows_the_toy(toy_cli: Cli) -> None:
    config = toy_cli.process("config", "show", "--json").stdout
    assert "toy_greeting" in config
    wrong = toy_cli.process("app", "add", "A toy", "--realm", "toy", "--grant", "odd")
    assert "device_code, play, wind" in " ".join(wrong.stderr.replace("│", " ").split())
    refused = toy_cli.process("app", "add", "A toy", "--realm", "toy", "--public")
    said = " ".join(refused.stderr.replace("│", " ").split())
    assert "only the protocols mall and oidc support PKCE" in said
    toy_cli.env["LINGPAI_REALMS__TOY__TOY_GREETNIG"] = "hi"
    assert "toy_greeting meant?" in toy_cli.process("app", "list").stderr
    del toy_cli.env["LINGPAI_REALMS__TOY__TOY_GREETNIG"]
    toy_cli.env["LINGPAI_REALMS__OTHER__DIALECT"] = "toys"
    assert "'oidc' or 'toy'" in toy_cli.process("app", "list").stderr


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("lingpai_toy_dialect:NOTHING", "The protocol toy (lingpai_toy_dialect:NOTHING) cannot be loaded"),
        ("lingpai_toy_dialect:SHAPE", "is no Dialect"),
    ],
)
def test_a_package_that_is_broken_is_named_in_one_line(toy_cli: Cli, target: str, reason: str) -> None:
    (entry,) = toy_cli.home.glob("site/*.dist-info/entry_points.txt")
    entry.write_text(f"[lingpai.dialects]\ntoy = {target}\n")
    refused = toy_cli.process("app", "list")
    assert refused.code == 1
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture
def registered() -> Iterator[None]:
    DIALECTS.register(TOY)
    yield
    DIALECTS.unregister("toy")


@pytest.mark.usefixtures("registered")
def test_a_dialect_is_registered_by_a_call_and_its_name_is_its_own() -> None:
    assert dialects()["toy"] is TOY
    with pytest.raises(PluginError, match="two protocols of the name toy"):
        DIALECTS.register(TOY)


@pytest.mark.usefixtures("registered")
async def test_the_sample_app_signs_in_by_the_toy(tmp_path: Path) -> None:
    values = load_samples(tmp_path / "samples.json").issuer | {FIRST_PASSWORD: PASSWORD}
    realm = Realm(name="toy", dialect="toy", prefix="/toys")
    assert sample_realms([realm]) == {"toy": realm}
    async with open_keeper(load_settings(data=tmp_path), VirtualClock(1_717_555_200)) as keeper:
        issuer = await open_issuer(realm, issuer_store_of(keeper), keeper.ring, keeper.clock)
        await add_issuer_samples({"toy": issuer}, [realm], values, ORIGIN)
        mounted = mount(realm, issuer, ORIGIN)
        fallback = (*mounted.fallback, ("", lingpai_toy_dialect.SHAPE))
        with bind("127.0.0.1", 0) as bound:
            sample = url_of(bound)
            identities = identities_of(values, {"toy": realm})
            await allow_callbacks({"toy": issuer}, identities, sample)
            async with (
                serving_routes(mounted.routes, fallback) as url,
                serving_app(sample_app(url, sample, identities, []), bound),
                visiting(FIRST) as visitor,
            ):
                page = await visitor.walk(sample + "/")
                assert 'href="/toy/start"' in page.body.decode()
                begun = await visitor.walk(sample + "/toy/start")
                ended = await visitor.walk(begun.headers["Location"])
                trail = await visitor.walk(ended.headers["Location"])
    assert trail.status == 200
    assert "Get a key" in trail.body.decode()


def test_nothing_but_its_folder_and_the_registry_names_a_dialect() -> None:
    """What else has these words is about the keeper's platforms of the same names, or about this very registry."""
    source = Path(registry.__file__).parents[2]
    may = re.compile(r"keeper/|issuer/dialects/")
    names = re.compile(r"""["'](yzb|mall|yilianyun|oidc)["']""")
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if names.search(path.read_text("utf-8")) and not may.match(path.relative_to(source).as_posix())
    }
    # `lingpai dev` has one realm more, whose users log in at another site.
    assert found <= {"development.py"}
