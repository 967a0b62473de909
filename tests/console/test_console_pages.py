import gzip
import html
import re
import shlex
from collections.abc import Sequence

import pytest
import typer.main

from lingpai.cli.tree import app as cli_app
from lingpai.console.desk import files_path, scripts, sheet
from lingpai.console.forms import call_of, command_of
from lingpai.console.operations import OPERATIONS, Operation
from lingpai.console.words import CATALOGUES, duration
from lingpai.core.audit import Actor, Change
from lingpai.core.console_records import ConsoleSession
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.core.records import Account, Caller
from lingpai.core.relays import Environment
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.operating.resources.registry import BY_KIND
from lingpai.service import issuers_of
from tests.console.surfing import ANN, Desk, forms_of, text_of
from tests.console.tokens import hold, trouble_of

PAGES = (
    *(
        "",
        "/accounts",
        "/callers",
        "/apps",
        "/users",
        "/grants",
        "/machines",
        "/environments",
        "/realms",
        "/audit",
    ),
    *("/keys", "/admins", "/sessions", "/search"),
)
HOSTILE = "<script>alert(1)</script>'\"&{{7*7}}"
SECRET = "0123456789abcdef0123456789abcdef"


async def add_caller(desk: Desk, name: str = "shop", rights: tuple[str, ...] = ("token", "sign")) -> None:
    caller = Caller(name=name, created_at=desk.clock.now(), environment="prod", apps=("*",), rights=rights)
    await desk.keeper.store.add_caller(caller, desk.keeper.digest_caller_key("lpk_" + name))


async def add_account(desk: Desk, account: str = "wx1") -> None:
    await desk.keeper.store.save_account(Account(platform="wechat", account=account, label="", secret=SECRET))


async def add_app(desk: Desk, realm: str = "mall", name: str = "Flowers") -> str:
    issuer = (await issuers_of(desk.settings, desk.keeper))[realm]
    added, _ = await admin.add_app(issuer, App(realm=realm, app_id="", name=name), SECRET)
    return added.app_id


async def add_user(desk: Desk, realm: str = "mall", login: str = "hong", nick: str = "") -> None:
    issuer = (await issuers_of(desk.settings, desk.keeper))[realm]
    await admin.add_user(issuer, login, "correct horse battery", Profile(nick=nick))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("full", [False, True])
async def test_every_page_in_every_language(desk: Desk, language: str, full: bool) -> None:
    if full:
        await add_caller(desk)
        await add_account(desk)
        await add_app(desk)
        await add_user(desk)
        await desk.key("viewer")
    surfer = await desk.signed_in(language=language)
    for path in PAGES:
        page = await surfer.page(path)
        assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in page.text
        assert page.text.count("<h1>") == 1, path
        if not full and path not in {"/audit", "/realms", "/search", "/keys", "/sessions", ""}:
            name = path.removeprefix("/")
            assert CATALOGUES[language][name]["empty"] in text_of(page), path
            assert CATALOGUES[language][name]["command"] in text_of(page), path


def test_both_languages_have_the_same_words() -> None:
    def names(words: object, at: str = "") -> set[str]:
        if not isinstance(words, dict):
            return {at}
        return {name for key, value in words.items() for name in names(value, f"{at}.{key}")}

    assert names(dict(CATALOGUES["en"])) == names(dict(CATALOGUES["zh"]))
    operations = {each.full_name for each in OPERATIONS}
    assert set(CATALOGUES["en"]["operations"]) == operations
    fields = {name for each in OPERATIONS for name in (*each.key, *(field.name for field in each.fields))}
    assert fields <= set(CATALOGUES["en"]["form"]["fields"])


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (None, "–", "–"),
        (0, "0 s", "0 秒"),
        (59.9, "59 s", "59 秒"),
        (90, "1 min 30 s", "1 分 30 秒"),
        (3600, "1 h", "1 小时"),
        (90_061, "1 d 1 h", "1 天 1 小时"),
        (86_400, "1 d", "1 天"),
    ],
)
def test_durations(seconds: float | None, english: str, chinese: str) -> None:
    assert duration(seconds, "en") == english
    assert duration(seconds, "zh") == chinese


async def test_a_caller_is_added_changed_and_revoked(desk: Desk) -> None:
    surfer = await desk.signed_in()
    added = await surfer.fill_in("/callers/add", {"name": "shop", "rights": ["token"], "apps": "*"})
    assert re.search(r"lpk_[\w-]{20,}", text_of(added))
    page = await surfer.page("/callers/change?name=shop&preset=1&rights=token&rights=sign")
    assert "Rights token token, sign" in text_of(page)
    assert "lingpai caller set shop --right token --right sign" in text_of(page)
    done = await surfer.send(page, "/callers/change")
    assert (done.status_code, done.headers["location"]) == (303, "/console/callers?done=callers.change")
    assert "The caller was changed." in text_of(await surfer.page("/callers?done=callers.change"))
    stored = await desk.keeper.store.find_caller_named("shop")
    assert stored is not None
    assert stored.rights == ("token", "sign")
    gone = await surfer.fill_in("/callers/revoke?name=shop", {"typed": "shop", "reason": "moved away"})
    assert gone.status_code == 303
    row = (await desk.keeper.store.read_audit(0, 100))[-1]
    assert (row.actor_kind, row.action, row.target, row.reason) == (
        *("console", "caller.revoke", "shop", "moved away"),
    )
    assert "moved away" in text_of(await surfer.page("/audit"))


async def test_a_dangerous_operation_wants_the_name_and_a_reason(desk: Desk) -> None:
    await add_caller(desk)
    surfer = await desk.signed_in()
    page = await surfer.page("/callers/revoke?name=shop")
    assert "Affects Valid keys: 1." in text_of(page)
    for typed, reason in (("", "why"), ("shpo", "why"), ("shop", ""), ("shop", "  ")):
        refused = await surfer.send(page, "/callers/revoke", {"typed": typed, "reason": reason})
        assert refused.status_code == 400, (typed, reason)
    stored = await desk.keeper.store.find_caller_named("shop")
    assert stored is not None
    assert stored.revoked_at is None


async def test_of_two_who_change_a_caller_the_later_sees_what_the_other_did(desk: Desk) -> None:
    await add_caller(desk)
    first, second = await desk.signed_in(), await desk.signed_in()
    pages = [await each.page("/callers/change?name=shop") for each in (first, second)]
    await first.send(pages[0], "/callers/change", {"environment": "staging"})
    late = await second.send(pages[1], "/callers/change", {"environment": "test", "rights": ["token"]})
    assert late.status_code == 412
    assert "Fields that differ from yours: Environment, such as production, Rights." in text_of(late)
    assert "staging test" in text_of(late)
    assert forms_of(late)["/console/callers/change"]["environment"] == "test"
    assert (await second.send(late, "/callers/change")).status_code == 303
    stored = await desk.keeper.store.find_caller_named("shop")
    assert stored is not None
    assert (stored.environment, stored.rights) == ("test", ("token",))


async def test_a_form_that_is_sent_twice_makes_one_key_and_shows_it_again(desk: Desk) -> None:
    await add_caller(desk)
    surfer = await desk.signed_in()
    page = await surfer.page("/callers/key?name=shop")
    first, again = [await surfer.send(page, "/callers/key", {"overlap": "60"}) for _ in range(2)]
    (key,) = set(re.findall(r"lpk_[\w-]{20,}", text_of(first)))
    assert key in text_of(again)
    assert [action for _, action, _ in await desk.trail()].count("caller.rotate") == 1
    found = await desk.keeper.store.find_caller(desk.keeper.digest_caller_key(key))
    assert found is not None
    desk.clock.advance(601)
    later = await surfer.send(page, "/callers/key", {"overlap": "60"})
    assert key not in text_of(later)
    assert "It was shown already" in text_of(later)


@pytest.mark.parametrize("overlap", ["-1", "x", "９", "1.5", "9" * 12, "99999999"])
async def test_numbers_are_checked(embedded: Desk, overlap: str) -> None:
    await add_caller(embedded)
    surfer = await embedded.signed_in()
    refused = await surfer.fill_in("/callers/key?name=shop", {"overlap": overlap})
    assert refused.status_code == 400
    assert [action for _, action, _ in await embedded.trail()].count("caller.rotate") == 0


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(embedded: Desk) -> None:
    surfer = await embedded.signed_in(language="zh")
    typed = {"name": "a b", "environment": "prod", "networks": "10.0.0.0/8\nnowhere", "rights": ["sign"]}
    refused = await surfer.fill_in("/callers/add", typed)
    assert refused.status_code == 400
    assert "网段" in text_of(refused)
    form = forms_of(refused)["/console/callers/add"]
    assert (form["environment"], form["rights"]) == ("prod", ["sign"])
    assert form["networks"].split() == ["10.0.0.0/8", "nowhere"]


async def test_an_account_gets_another_secret_and_shows_none(desk: Desk) -> None:
    await add_account(desk)
    surfer = await desk.signed_in()
    path = "/accounts/secret?platform=wechat&account=wx1&label=-"
    page = await surfer.page(path)
    assert "lingpai account add wechat wx1 --secret-stdin" in text_of(page)
    other = "f" * 32
    assert (await surfer.send(page, "/accounts/secret", {"secret": other})).status_code == 303
    (stored,) = await desk.keeper.store.list_accounts()
    assert stored.secret == other
    for each in ("/accounts", "/audit", path):
        text = (await surfer.page(each)).text
        assert other not in text
        assert SECRET not in text


async def test_apps_and_users_are_disabled_and_enabled(desk: Desk) -> None:
    app_id = await add_app(desk)
    await add_user(desk)
    surfer = await desk.signed_in()
    uid = re.search(r"uid=([\w-]+)", (await surfer.page("/users?realm=mall")).text)
    assert uid is not None
    for kind, key, name in (("apps", f"app_id={app_id}", app_id), ("users", f"uid={uid[1]}", "hong")):
        path = f"/{kind}/disable?realm=mall&{key}"
        done = await surfer.fill_in(path, {"typed": name, "reason": "looked odd"})
        assert done.headers["location"] == f"/console/{kind}?realm=mall&done={kind}.disable"
        assert "disabled" in text_of(await surfer.page(f"/{kind}?realm=mall"))
        assert (await surfer.fill_in(f"/{kind}/enable?realm=mall&{key}")).status_code == 303
        assert "disabled" not in text_of(await surfer.page(f"/{kind}?realm=mall"))


async def test_a_user_is_added_found_and_removed(desk: Desk) -> None:
    surfer = await desk.signed_in()
    typed = {"login": "hong", "nick": "小红", "password": "correct horse battery"}
    assert (await surfer.fill_in("/users/add?realm=mall", typed)).status_code == 303
    assert (await surfer.fill_in("/users/add?realm=mall", {"login": "ming"})).status_code == 303
    found = await surfer.page("/users?realm=mall&q=hong")
    assert "小红" in text_of(found)
    assert "ming" not in text_of(found)
    uid = re.search(r"uid=([\w-]+)", found.text)
    assert uid is not None
    path = f"/users/remove?realm=mall&uid={uid[1]}"
    assert (await surfer.fill_in(path, {"typed": "hong", "reason": "asked for it"})).status_code == 303
    assert "hong" not in text_of(await surfer.page("/users?realm=mall"))


async def test_rights_are_those_of_the_session(desk: Desk) -> None:
    await add_caller(desk)
    viewer, users = await desk.signed_in("viewer"), await desk.signed_in("users@mall")
    page = await viewer.page("/callers/revoke?name=shop")
    refused = await viewer.send(page, "/callers/revoke", {"typed": "shop", "reason": "x"})
    assert refused.status_code == 403
    assert ("console", "console.refused", "keeper:write") in await desk.trail()
    assert (await viewer.open("/audit")).status_code == 403
    assert "/console/audit" not in (await viewer.page()).text
    assert (await users.open("/callers")).status_code == 403
    assert (await users.open("/users?realm=yzb")).status_code == 403
    assert (await users.page("/users")).status_code == 200
    menu = re.findall(r'<li><a href="/console/(\w+)"', (await users.page()).text)
    assert menu == ["users"]


async def test_hostile_names_are_shown_as_they_are(embedded: Desk) -> None:
    await add_app(embedded, name=HOSTILE)
    await add_user(embedded, login="eve", nick=HOSTILE)
    surfer = await embedded.signed_in()
    for path in ("/apps?realm=mall", "/users?realm=mall"):
        page = await surfer.page(path)
        assert "<script>alert" not in page.text
        assert HOSTILE in text_of(page)
    for path in (f"/users?realm=mall&q={HOSTILE}", f"/audit?target={HOSTILE}", "/callers?done=<b>"):
        page = await surfer.page(path)
        assert "<script>alert" not in page.text
        assert "<b></b>" not in page.text
    found = await surfer.send(await surfer.page(), "/search", {"q": HOSTILE})
    assert "<script>alert" not in found.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/users?after=x",
            "/audit?after=-1",
            "/users?realm=nowhere",
            "/apps?realm=%00",
            "/callers/revoke?name=none",
        ),
        *(
            "/accounts/secret",
            "/users/disable?realm=mall&uid=1-00",
            "/grants/end?realm=mall&grant=9",
            "/no/such/page",
        ),
        *("/audit?after=" + "9" * 30, "/callers/change?name=%ff"),
    ],
)
async def test_odd_addresses_are_refused_with_a_page(embedded: Desk, path: str) -> None:
    surfer = await embedded.signed_in()
    answer = await surfer.open(path)
    assert 400 <= answer.status_code < 500, answer.text
    assert "<h1>That did not work</h1>" in answer.text


@pytest.mark.parametrize("path", ["/users?realm=mall", "/audit"])
async def test_a_long_list_goes_on(desk: Desk, path: str) -> None:
    issuer = (await issuers_of(desk.settings, desk.keeper))["mall"]
    names = {f"user-{number}" for number in range(60)}
    for name in names:
        await admin.add_user(issuer, name, "")
        await desk.keeper.by(Actor("cli", "ann@host")).note(Change("user.add", name))
    surfer = await desk.signed_in()
    first = (await surfer.page(path)).text
    link = re.search(r'href="/console(/[^"]*after=[^"]+)"', first)
    assert link is not None
    following = (await surfer.page(html.unescape(link[1]))).text
    shown = [set(re.findall(r"\buser-\d+\b", text)) for text in (first, following)]
    assert shown[0] | shown[1] == names
    assert shown[0].isdisjoint(shown[1])


async def test_search_finds_names_and_says_whose_a_token_is(desk: Desk) -> None:
    await add_caller(desk)
    await add_account(desk)
    app_id = await add_app(desk)
    await add_user(desk)
    surfer = await desk.signed_in()

    async def search(text: str) -> str:
        return text_of(await surfer.send(await surfer.page("/search"), "/search", {"q": text}))

    assert "Callers: shop" in await search("SHO")
    assert "Accounts: wechat/wx1" in await search("wx1")
    assert f"Apps: mall/{app_id}" in await search("flow")
    assert "Users: mall/hong" in await search("hong")
    assert "Nothing was found." in await search("x" * 64)
    issuer = (await issuers_of(desk.settings, desk.keeper))["mall"]
    assert "Its grant was removed." in await search(
        issuer.seal(HandleKind.ACCESS, 77, 1, issuer.now(), 1 << 20)
    )
    _, key = await desk.key("viewer")
    for secret in (key, await desk.link()):
        page = await search(secret)
        assert "It was not searched for" in page
        assert secret not in page


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.full_name)
def test_every_form_shows_a_command_and_a_call_that_exist(operation: Operation) -> None:
    values = dict.fromkeys((*operation.key, "login"), "a b") | {"grant": "7"}
    document = {
        field.name: ["x"] if field.kind in {"lines", "choices"} else "y" for field in operation.fields
    }
    resource = BY_KIND[operation.kind]
    words = shlex.split(call_of(operation, values, document))
    method = words[words.index("-X") + 1]
    assert method in {*resource.methods, "POST"}
    assert f"{operation.kind}" in words[3]
    assert "a%20b" in words[3]
    assert " " not in words[3]
    secrets = {field.name for field in operation.fields if field.kind == "secret"}
    assert secrets == {name for name in secrets if f'"{name}":"…"' in words[-1]}
    if operation.command is None:
        assert command_of(operation, values, document) == ""
        return
    program, *typed = shlex.split(command_of(operation, values, document | dict(operation.fixed)))
    assert program == "lingpai"
    command = typer.main.get_command(cli_app)
    while hasattr(command, "commands") and typed[0] in command.commands:
        command = command.commands[typed.pop(0)]
    assert not hasattr(command, "commands"), "a whole command"
    command.make_context("lingpai", typed)  # which checks options and arguments


def test_files_are_within_their_budget() -> None:
    """JavaScript 14 KB and style 8 KB, compressed."""
    assert sum(len(gzip.compress(each)) for each in scripts().values()) <= 14_000
    assert len(gzip.compress(sheet())) <= 8_000


async def test_files_are_kept_by_browsers_and_change_their_name(embedded: Desk) -> None:
    surfer = embedded.surfer()
    page = await surfer.page()
    for name in ("console.css", *scripts()):
        path = f"{files_path()}/{name}".removeprefix("/console")
        answer = await surfer.open(path)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript"))
    assert f"{files_path()}/console.js" in page.text


async def test_what_needs_a_human_comes_first_with_a_remedy(desk: Desk) -> None:
    await hold(desk, "wx1")
    await hold(desk, "wx2", trouble=trouble_of(desk, message=HOSTILE))
    value = await hold(desk, "wx3", lifetime=60.0)
    surfer = await desk.signed_in()
    page = await surfer.page()
    text = text_of(page)
    assert "circuit breaker open" in text
    assert HOSTILE in text
    assert "<script>alert" not in page.text
    assert text.index("Needs attention") < text.index("wechat/wx2") < text.index("Tokens and tickets")
    bars = re.findall(r"<b>wechat/(\w+)</b>", page.text)
    assert bars == ["wx2", "wx1", "wx3"]
    assert "2 h left of 2 h" in text
    assert value not in page.text
    done = await surfer.fill_in("/accounts/unblock?platform=wechat&account=wx2&label=-")
    assert done.status_code == 303
    assert "No renewal fails." in text_of(await surfer.page())
    found = text_of(await surfer.send(await surfer.page("/search"), "/search", {"q": value}))
    assert "A value that a platform issued to us" in found
    assert "Account wechat/wx3" in found
    desk.clock.advance(61)
    assert "expired" in text_of(await surfer.page())


async def test_an_overview_of_two_hundred_tokens_is_within_its_budget(embedded: Desk) -> None:
    for number in range(200):
        await hold(embedded, f"wx{number:04}")
    surfer = await embedded.signed_in()
    page = await surfer.page()
    assert page.text.count('<svg class="bar"') == 200
    assert len(gzip.compress(page.content)) <= 30_000


async def test_the_break_panel_is_for_development_alone(embedded: Desk) -> None:
    surfer = await embedded.signed_in()
    assert (await surfer.open("/break")).status_code == 404
    assert "/console/break" not in (await surfer.page()).text


async def test_who_signs_in_is_not_in_the_name_of_a_link(embedded: Desk) -> None:
    assert ANN.name not in await embedded.link()


async def test_keys_and_sessions_of_others_are_ended_here(desk: Desk) -> None:
    surfer, other = await desk.signed_in(), await desk.signed_in("viewer")
    name, text = await desk.key("operator")
    listed = text_of(await surfer.page("/sessions"))
    assert "owner" in listed
    gone = await surfer.fill_in(f"/admins/remove?name={name}", {"typed": name, "reason": "left"})
    assert gone.status_code == 303
    assert (await desk.surfer().sign_in(text)).status_code == 401
    digests = await desk.keeper.store.list_console_sessions(10)
    (viewers,) = [digest for digest, session in digests if session.role == "viewer" and not session.link]
    path = f"/sessions/end?session={viewers[:8].hex()}"
    named = forms_of(await surfer.page(path))
    assert "/console/sessions/end" in named
    ended = await surfer.fill_in(path, {"typed": _name_of(digests, viewers), "reason": "left"})
    assert (ended.status_code, ended.headers["location"]) == (303, "/console/sessions?done=sessions.end")
    assert "Paste a one-time link" in text_of(await other.open("/sessions"))
    viewer = await desk.signed_in("viewer")
    assert (await viewer.open("/sessions")).status_code == 403


def _name_of(held: Sequence[tuple[bytes, ConsoleSession]], digest: bytes) -> str:
    return next(session.name for each, session in held if each == digest)


async def test_environments_and_terminals_have_pages(desk: Desk) -> None:
    app = "wechat/wx1"
    environment = Environment(name="dev", app=app, url="https://dev.example/m", created_at=desk.clock.now())
    await desk.keeper.store.replace_environment(None, environment)
    issuer = (await issuers_of(desk.settings, desk.keeper))["yilianyun"]
    await admin.save_terminal(issuer, "4001", name="Kitchen", owner=None, msign="")
    surfer = await desk.signed_in()
    shown = text_of(await surfer.page("/environments"))
    assert "https://dev.example/m" in shown
    assert "Messages waiting: 0" in shown
    assert "Kitchen" in text_of(await surfer.page("/machines?realm=yilianyun"))
    dangers = (
        ("/environments/remove?name=dev", "dev"),
        ("/machines/remove?realm=yilianyun&machine_code=4001", "4001"),
    )
    for path, typed in dangers:
        assert (await surfer.fill_in(path, {"typed": typed, "reason": "old"})).status_code == 303
    assert await desk.keeper.store.list_environments() == ()
    assert await issuer.store.find_terminal("yilianyun", "4001") is None
