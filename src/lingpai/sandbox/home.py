"""The sandbox's own pages for browsers: what it imitates, its accounts and controls; and where there is nothing."""

from collections.abc import Mapping
from typing import Any

from lingpai.core.wire import Reply
from lingpai.design.pages import self_contained_page
from lingpai.design.words import OTHER
from lingpai.edge.missing import page_of
from lingpai.edge.reference import language
from lingpai.sandbox.faults import KINDS
from lingpai.sandbox.words import SWITCHES, WORDS
from lingpai.sandbox.world import Call, World


def home(world: World, call: Call, service_url: str) -> Reply:
    """Return the page at `/`.

    Args:
        world: whose accounts and rules it shows.
        call: of the browser.
        service_url: of the service that uses this sandbox; "" when none is known.
    """
    lang = _language(call)
    words, host = WORDS[lang], call.headers.get("host", "")
    url = f"http://{host}"
    return self_contained_page(
        "lingpai.sandbox",
        "home",
        lang,
        scripts=True,
        stored="no-store",
        words=words,
        other=OTHER[lang],
        url=url,
        service=service_url,
        accounts=_accounts(world, words),
        rules=[(name, text, f"{getattr(world.rules, name):.0f}") for name, text in words["numbers"].items()],
        switches=_switches(world, lang, url),
        kinds=KINDS,
    )


def missing(call: Call) -> Reply:
    """Return the page for a browser where there is nothing."""
    return page_of(WORDS[_language(call)]["title"], ("/",), call.headers.get("accept-language"))


def forbidden(call: Call) -> Reply:
    """Return the page for a browser that addresses the sandbox by a name that anybody may own."""
    lang = _language(call)
    words = WORDS[lang]
    return self_contained_page(
        "lingpai.edge",
        "missing",
        lang,
        status=403,
        brand=words["title"],
        words={**words, "title": words["forbidden"], "lead": words["forbidden_lead"]},
        links=(),
    )


def _language(call: Call) -> str:
    return language(call.query.get("lang", ""), call.headers.get("accept-language"))


def _accounts(world: World, words: Mapping[str, str]) -> list[dict[str, Any]]:
    apps = [
        {
            "name": app.name or app.appid,
            "kind": words["mini"] if app.mini else words["app"],
            "pairs": (("appid", app.appid), ("secret", app.secret)),
        }
        for app in world.accounts.apps.values()
    ]
    agents = [
        {
            "name": agent.name or corp.name or corp.corpid,
            "kind": words["agent"],
            "pairs": (
                ("corpid", corp.corpid), ("corpsecret", agent.secret), ("agentid", str(agent.agentid)),
            ),
        }
        for corp in world.accounts.corps.values()
        for agent in corp.agents
    ]  # fmt: skip
    return apps + agents


def _switches(world: World, lang: str, url: str) -> list[tuple[str, str, str]]:
    app = next(iter(world.accounts.apps), "APPID")
    rows = []
    for path, added, english, chinese in SWITCHES:
        query, option = (added, "") if added.startswith("?") else ("", added)
        command = f"curl '{url}{path}{query}'{option}".replace("APPID", app)
        rows.append((path, chinese if lang == "zh" else english, command))
    return rows
