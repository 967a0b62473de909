"""A platform of another package, from its entry point to the command line, the service, its routes and doctor."""

import http.server
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.plugins import PluginError
from lingpai.keeper.platforms import registry
from lingpai.keeper.platforms.registry import PLATFORMS, platform_types
from tests.cli.conftest import Cli
from tests.cli.served import serving
from tests.helpers import lingpai_toy
from tests.helpers.lingpai_toy import TOY
from tests.helpers.packages import install, with_site

LIFE = 6000
TOYS = {"toy-1": "tin-key"}


class ToyServer(http.server.BaseHTTPRequestHandler):
    """The toy platform itself."""

    issued: list[str] = []  # noqa: RUF012  one server per test, see `upstream`

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._answer(urllib.parse.urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length", 0))).decode())

    def _answer(self, text: str) -> None:
        fields = dict(urllib.parse.parse_qsl(text))
        known = fields.get("access_token") in self.issued or TOYS.get(fields.get("toy", "")) == fields.get(
            "key"
        )
        body = json.dumps(self._of(urllib.parse.urlsplit(self.path).path, fields) if known else
                          {"result": "7", "why": "not wound up at 203.0.113.9"}).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _of(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        match path:
            case "/toybox/token":
                self.issued.append(f"wind-{len(self.issued)}-of-{fields['toy']}")
                return {"result": 1, "wind": self.issued[-1], "seconds": LIFE}
            case "/toybox/ticket":
                return {"result": 1, "key": f"key-of-{fields['access_token']}", "seconds": "300"}
            case "/toybox/play":
                return {"result": 1, "child": f"child-{fields['code']}"}
        return {"result": 1}


@pytest.fixture
def upstream() -> Iterator[str]:
    handler = type("Handler", (ToyServer,), {"issued": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def toy_cli(tmp_path: Path, cli: Cli, upstream: str) -> Cli:
    """The command line in an environment where the toy's package is installed."""
    site = tmp_path / "site"
    install(lingpai_toy, site, "lingpai.platforms", "toy = lingpai_toy:TOY")
    cli.env["PYTHONPATH"] = with_site(site)
    cli.env["LINGPAI_TOY__BASE_URL"] = upstream
    return cli


def ask(address: str, /, **fields: str) -> tuple[int, Any]:
    """Status and JSON of a GET, or of a POST of fields."""
    data = urllib.parse.urlencode(fields).encode() if fields else None
    try:
        with urllib.request.urlopen(address, data, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def served(toy_cli: Cli) -> Iterator[str]:
    """The address of a service with the toy's account."""
    added = toy_cli.process("account", "add", "toy", "toy-1", "--secret-stdin", given=TOYS["toy-1"])
    assert added.json["outcome"] == "added"
    with serving(toy_cli) as url:
        yield url


def test_a_toy_token_from_the_command_line_to_the_drop_in_route(served: str, toy_cli: Cli) -> None:
    held = toy_cli.process("token", "get", "toy/toy-1").json
    assert held["value"].startswith("wind-")
    assert 0 < held["expires_in"] <= LIFE

    status, generic = ask(f"{served}/v1/tokens/toy/toy-1")
    assert (status, generic["value"]) == (200, held["value"])
    credential = {"toy": "toy-1", "key": TOYS["toy-1"]}
    for _ in range(2):  # the second is answered from memory
        status, token = ask(f"{served}/toybox/token", **credential)
        assert (status, token["result"], token["wind"]) == (200, 1, held["value"])
        assert 0 < token["seconds"] <= LIFE
    status, ticket = ask(f"{served}/toybox/ticket", access_token=held["value"])
    assert (status, ticket["key"]) == (200, f"key-of-{held['value']}")
    assert ask(f"{served}/toybox/play", **credential, code="c1") == (200, {"child": "child-c1"})
    status, signed = ask(f"{served}/v1/signatures/toy/toy-1", url="https://toys.example/")
    assert (status, signed["app_id"]) == (200, "toy-1")

    assert ask(f"{served}/toybox/token", toy="toy-1", key="wrong") == (
        418,
        {"result": 0, "why": "wrong_secret"},
    )
    assert ask(f"{served}/toybox/nothing") == (418, {"result": 0, "why": "not_found"})
    _, described = ask(f"{served}/openapi.json")
    assert {"/toybox/token", "/toybox/ticket", "/toybox/play"} <= set(described["paths"])
    known = described["paths"]["/v1/tokens/{platform}/{account}"]["get"]["parameters"]
    assert "yilianyun, toy, feishu" in json.dumps(known)
    assert "key_ticket of toy" in json.dumps(known)


def test_the_command_line_knows_the_toy(toy_cli: Cli) -> None:
    shown = toy_cli.process("account", "add", "--help").stdout
    text = " ".join(re.sub(r"[^\w:;,(){}.=-]", " ", shown).split())
    assert "yilianyun, toy, feishu" in text
    assert "toy number" in text
    assert "quick (the default) or slow" in text

    unknown = toy_cli.process("account", "add", "toy", "toy-1", "--mode", "odd", "--secret-stdin", given="x")
    assert "known modes: quick, slow" in unknown.stderr
    toy_cli.env["LINGPAI_TOY__BASE_ULR"] = "http://127.0.0.1:1"
    assert "is toy.base_url meant?" in toy_cli.process("account", "list").stderr
    del toy_cli.env["LINGPAI_TOY__BASE_ULR"]
    toy_cli.env["LINGPAI_TOY__BASE_URL"] = "http://127.0.0.1:1/toybox"
    assert "must be what comes before /toybox" in toy_cli.process("account", "list").stderr


def test_doctor_and_remedies_know_the_toy(toy_cli: Cli) -> None:
    toy_cli.process("account", "add", "toy", "toy-1", "--secret-stdin", given=TOYS["toy-1"])
    found = json.loads(toy_cli.process("doctor").stdout)["findings"]
    verdicts = {(each["subject"], each["check"]): each["verdict"] for each in found}
    assert verdicts["toy", "upstream"] == "ok"
    assert verdicts["toy/toy-1", "account"] == "ok"

    toy_cli.process("account", "add", "toy", "toy-2", "--secret-stdin", given="nobody's")
    assert (
        "Wind the toy up at the address 203.0.113.9." in toy_cli.process("token", "get", "toy/toy-2").stderr
    )
    toy_cli.env["LC_ALL"] = "zh_CN.UTF-8"
    assert "请在 203.0.113.9 给玩具上发条。" in toy_cli.process("token", "get", "toy/toy-2").stderr


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("lingpai_toy:NOTHING", "cannot be loaded"),
        ("lingpai_nowhere:TOY", "cannot be loaded"),
        ("lingpai_toy:toy", "is no PlatformType"),
    ],
)
def test_a_package_that_is_broken_is_named_in_one_line(toy_cli: Cli, target: str, reason: str) -> None:
    (entry,) = toy_cli.home.glob("site/*.dist-info/entry_points.txt")
    entry.write_text(f"[lingpai.platforms]\ntoy = {target}\n")
    refused = toy_cli.process("account", "list")
    assert refused.code == 1
    assert target in refused.stderr
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_platform_is_registered_by_a_call_and_its_name_is_its_own() -> None:
    PLATFORMS.register(TOY)
    try:
        assert platform_types()["toy"] is TOY
        with pytest.raises(PluginError, match="two platforms of the name toy"):
            PLATFORMS.register(TOY)
    finally:
        PLATFORMS.unregister("toy")
    assert "toy" not in platform_types()


@pytest.mark.parametrize("name", list(platform_types()))
def test_a_platform_is_what_its_file_declares(name: str) -> None:
    declared = platform_types()[name]
    assert declared.sample().name == name
    assert declared.sample().base_url == (declared.settings().base_url or "")
    assert all(path.startswith("/") for path in declared.sample().paths)


def test_nothing_but_its_file_and_the_registry_names_a_platform() -> None:
    """What else names one is about its protocol: the compatible routes, the sandbox, samples and the issuer."""
    source = Path(registry.__file__).parents[2]
    may = re.compile(
        r"keeper/platforms/|keeper/routes/compatible|issuer/|sandbox/|devdata/|sample_app/|announcing|settings_sections"
    )
    names = re.compile(r"""["'](wechat|wecom)["']""")
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if names.search(path.read_text("utf-8")) and not may.match(path.relative_to(source).as_posix())
    }
    # The entries THIRD_APPID_… of the original service are WeChat's; a docstring has an example.
    assert found <= {"settings/loading.py", "core/records.py"}
