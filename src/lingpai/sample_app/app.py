"""The sample as a web app: its routes."""

from collections.abc import Sequence
from typing import Any

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply, Route, Source
from lingpai.design.icons import icon_routes
from lingpai.design.sheets import style
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.missing import page_of
from lingpai.edge.reference import language
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.identities import Identities
from lingpai.sample_app.mcp.routes import mcp_routes
from lingpai.sample_app.member_site import PATH, AnswerForm, AskParams, MemberSite
from lingpai.sample_app.merchants import MerchantParams, Merchants, Provider
from lingpai.sample_app.params import (
    ActionParams,
    CallbackParams,
    CodeParams,
    DialectParams,
    NoParams,
    PageParams,
    ViewParams,
)
from lingpai.sample_app.rendering import PLAIN, Pages
from lingpai.sample_app.sample import Sample
from lingpai.sample_app.scripted import SCRIPT, ScriptedPages
from lingpai.sample_app.words import WORDS

_IN_PATH = Source.PATH | Source.QUERY


def sample_app(
    issuer_url: str,
    url: str,
    identities: Identities,
    users: Sequence[tuple[str, str]],
    site: MemberSite | None = None,
    providers: Sequence[Provider] = (),
) -> EdgeApp:
    """Return the sample as a web app.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL under which browsers reach the sample.
        identities: whom it plays; `allow_callbacks` lets the answers come here.
        users: login names and passwords to try with.
        site: where the users of one realm log in, if there is such a realm.
        providers: the third-party platforms that merchants authorise.
    """
    browsers, pages = Browsers(issuer_url, url, identities), Pages(issuer_url)
    servers = {
        url + each.sign_in.server.path: (each.sign_in.server, issuer_url + each.prefix)
        for each in identities.values()
        if each.sign_in.server is not None
    }
    members = site.realm_url if site else ""
    sample = Sample(
        browsers,
        pages,
        identities,
        users,
        members,
        tuple(servers),
        merchants={each.platform: each.page for each in providers},
    )
    scripted = ScriptedPages(browsers, pages)

    def missing(_error: LingpaiError, call: Call) -> Reply:
        accept = call.header("accept-language")
        return page_of(WORDS[language("", accept)]["title"], ("/",), accept)

    form, folder = Source.PATH | Source.URLENCODED, "/{dialect}/{view}"
    table = (
        ("GET", "/", PageParams, Source.QUERY, sample.home, "What there is to try"),
        ("GET", "/{dialect}", DialectParams, _IN_PATH, scripted.page, "A page that signs in by a script"),
        ("GET", f"/{{dialect}}/{SCRIPT}", DialectParams, Source.PATH, scripted.script, "Its script"),
        ("POST", "/{dialect}/code", CodeParams, form, scripted.code, "A code that it got"),
        ("GET", "/{dialect}/start", DialectParams, Source.PATH, sample.begin, "Sign in"),
        ("GET", "/{dialect}/callback", CallbackParams, _IN_PATH, sample.callback, "The answer"),
        ("POST", "/{dialect}/refresh", DialectParams, Source.PATH, sample.refresh, "Renew tokens"),
        ("GET", "/{dialect}/logout", DialectParams, Source.PATH, sample.logout, "Log out at the issuer"),
        ("GET", folder, ViewParams, _IN_PATH, scripted.view, "A further page of a protocol"),
        ("GET", f"{folder}/{SCRIPT}", ViewParams, Source.PATH, scripted.view_script, "Its script"),
        ("POST", folder, ActionParams, form, scripted.act, "What its form does"),
        ("GET", "/trail/{dialect}", DialectParams, _IN_PATH, sample.trail, "What happened"),
        ("GET", "/sample.css", NoParams, Source.QUERY, _file(style("pages", "sample"), "text/css"), "Style"),
    )
    own: tuple[Any, ...] = (
        ("GET", PATH, AskParams, Source.QUERY, site.ask, "Log in at the operator's own site"),
        ("POST", PATH, AnswerForm, Source.URLENCODED, site.answer, "Say who logs in"),
    ) if site else ()  # fmt: skip
    for provider in providers:
        merchants = Merchants(provider, browsers, pages)
        own = (*own, ("GET", provider.page, MerchantParams, Source.QUERY, merchants.page, "Merchants"))
    routes = [
        Route((method,), path, params, sources, verb, PLAIN, summary, Reply, "sample", pages.error_page)
        for method, path, params, sources, verb, summary in (*table, *own)
    ]
    served = (
        route
        for address, (server, issuer) in servers.items()
        for route in mcp_routes(server, address, issuer, browsers)
    )
    return create_app(
        (*routes, *served, *icon_routes(PLAIN, "sample")),
        (("", PLAIN),),
        on_start=(browsers.start,),
        on_stop=(browsers.stop,),
        page=missing,
    )


def _file(text: str, kind: str) -> Any:
    content = text.encode()

    async def show(_params: NoParams, _call: Call) -> Reply:
        return Reply(content, 200, f"{kind}; charset=utf-8", (("cache-control", "no-cache"),))

    return show
