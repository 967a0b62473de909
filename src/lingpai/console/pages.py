"""The pages that show what there is."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lingpai.console.counts import Counts
from lingpai.console.visits import Visit
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import EVERY_RIGHT
from lingpai.core.wire import Reply
from lingpai.keeper.access import covers
from lingpai.operating.port import Document, Page
from lingpai.operating.resources.accounts import NO_LABEL

MOST_BARS: Final = 500
MOST_LISTED: Final = 500
_SHOWN: Final = 50


class PageParams(msgspec.Struct, kw_only=True):
    """Parameters of every page.

    Attributes:
        lang: `en` or `zh`; another language than before.
        done: the operation that was carried out just now.
        after: `next` of the page before.
        realm: of pages that show one realm; the first when "".
        q: begins what is looked for: a login, an operator.
        app: only of this app.
        target: only of this thing.
    """

    lang: str = ""
    done: str = ""
    after: str = ""
    realm: str = ""
    q: str = ""
    app: str = ""
    target: str = ""


def key_of_account(name: str, label: Any = "") -> dict[str, str]:
    """Return the key of an account by its name, as operations take it."""
    platform, account, *rest = name.split("/")
    return {"platform": platform, "account": account, "label": (rest[0] if rest else label) or NO_LABEL}


class Pages:
    """The pages of one console.

    Args:
        counts: how many tokens were served, and how many fetched.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    async def overview(self, params: PageParams, visit: Visit) -> Reply:
        """Every stored token with what remains; what needs a human first."""
        port = visit.port()
        if not port.may("tokens"):
            return visit.page("overview", tokens=[], troubles=[], budgets=[], counts=None, done=params.done)
        page = await port.list("tokens", limit=MOST_BARS)
        tokens = sorted((_bar(each) for each in page.items), key=_urgency)
        budgets = await port.list("budgets", limit=_SHOWN)
        return visit.page(
            "overview",
            tokens=tokens,
            troubles=[each for each in tokens if each["trouble"]],
            budgets=budgets.items,
            counts=self._counts.read(),
            more=page.next,
            done=params.done,
        )

    async def accounts(self, params: PageParams, visit: Visit) -> Reply:
        """The accounts at the platforms."""
        page = await visit.port().list("accounts", after=params.after)
        callers = (await visit.port().list("callers", limit=MOST_BARS)).items
        items = [
            {**each, "key": key_of_account(each["account"]), "callers": _users_of(each["account"], callers)}
            for each in page.items
        ]
        return self._list(visit, params, "accounts", page, items=items)

    async def callers(self, params: PageParams, visit: Visit) -> Reply:
        """The matrix of callers and their rights."""
        page = await visit.port().list("callers", after=params.after)
        items = [each for each in page.items if each["revoked_at"] is None]
        revoked = [each for each in page.items if each["revoked_at"] is not None]
        return self._list(visit, params, "callers", page, items=items, revoked=revoked, rights=EVERY_RIGHT)

    async def apps(self, params: PageParams, visit: Visit) -> Reply:
        """The third-party apps of a realm."""
        realm = _realm(visit, params.realm)
        page = await visit.port().list("apps", (realm,), after=params.after)
        return self._list(visit, params, "apps", page, realm=realm)

    async def users(self, params: PageParams, visit: Visit) -> Reply:
        """The users of a realm."""
        realm = _realm(visit, params.realm)
        wanted = {"login": params.q} if params.q else {}
        page = await visit.port().list("users", (realm,), wanted, after=params.after)
        return self._list(visit, params, "users", page, realm=realm)

    async def grants(self, params: PageParams, visit: Visit) -> Reply:
        """The grants of a realm that have not ended."""
        realm = _realm(visit, params.realm)
        wanted = {name: text for name, text in (("user", params.q), ("app", params.app)) if text}
        page = await visit.port().list("grants", (realm,), wanted, after=params.after)
        return self._list(visit, params, "grants", page, realm=realm)

    async def machines(self, params: PageParams, visit: Visit) -> Reply:
        """The terminals of a realm."""
        realm = _realm(visit, params.realm)
        wanted = {"owner": params.q} if params.q else {}
        page = await visit.port().list("machines", (realm,), wanted, after=params.after)
        return self._list(visit, params, "machines", page, realm=realm)

    async def environments(self, params: PageParams, visit: Visit) -> Reply:
        """The environments that share a callback domain, and the accounts whose messages come here."""
        port = visit.port()
        page = await port.list("environments", after=params.after)
        relays = (await port.list("relays", limit=MOST_LISTED)).items
        return self._list(visit, params, "environments", page, relays=relays)

    async def keys(self, params: PageParams, visit: Visit) -> Reply:
        """The keys that encrypt the store; never a key itself."""
        page = await visit.port().list("keys", after=params.after)
        return self._list(visit, params, "keys", page)

    async def sessions(self, params: PageParams, visit: Visit) -> Reply:
        """The sessions of the console, and links that nobody used yet."""
        page = await visit.port().list("sessions", after=params.after)
        return self._list(visit, params, "sessions", page)

    async def realms(self, params: PageParams, visit: Visit) -> Reply:
        """The realms, with every number of their policies."""
        page = await visit.port().list("realms", after=params.after)
        return self._list(visit, params, "realms", page)

    async def audit(self, params: PageParams, visit: Visit) -> Reply:
        """The audit trail, newest first."""
        wanted = {name: text for name, text in (("actor", params.q), ("target", params.target)) if text}
        page = await visit.port().list("audit", (), wanted, after=params.after)
        items = [{**each, "changes": _changes(each)} for each in page.items]
        return self._list(visit, params, "audit", page, items=items)

    async def admins(self, params: PageParams, visit: Visit) -> Reply:
        """The admin keys."""
        page = await visit.port().list("admins", after=params.after)
        return self._list(visit, params, "admins", page)

    def _list(self, visit: Visit, params: PageParams, name: str, page: Page, **context: Any) -> Reply:
        return visit.page(
            name,
            **{"items": page.items, "realm": "", **context},
            realms=[*visit.desk.site.realms],
            params=params,
            next=page.next,
            partial=page.partial,
            done=params.done,
        )


def _realm(visit: Visit, wished: str) -> str:
    """Return the realm that is shown: the first where none is named.

    Raises:
        LingpaiError: NOT_FOUND.
    """
    realms = [*visit.desk.site.realms]
    if wished and wished not in realms:
        raise LingpaiError(Kind.NOT_FOUND, f"There is no realm {wished}.", parameter="realm")
    permitted = [each for each in realms if visit.port().may("users", key=(each,))]
    return wished or next(iter(permitted or realms), "")


def _bar(token: Document) -> Document:
    """Return a token with its key and the parts of its bar, in percent."""
    whole = token["lifetime"] or 0

    def share(seconds: float | None) -> float:
        return round(min(100.0, max(0.0, 100 * seconds / whole)), 1) if seconds and whole else 0.0

    state = "trouble" if token["trouble"] else "live" if token["live"] else "ended"
    if state == "live" and token["suspect"]:
        state = "suspect"
    return {
        **token,
        "key": {**key_of_account(token["account"]), "kind": token["kind"]},
        "share": share(token["remaining"]),
        "previous_share": share(token["previous_remaining"]),
        "state": state,
    }


def _urgency(token: Document) -> tuple[bool, bool, str, str]:
    """Order: those in trouble first, then those that are not live, then by name."""
    return not token["trouble"], bool(token["live"]), token["account"], token["kind"]


def _users_of(account: str, callers: list[Document]) -> list[str]:
    """Return the names of the callers that may use an account."""
    return [
        each["caller"] for each in callers if each["revoked_at"] is None and covers(each["apps"], account)
    ]


def _changes(row: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the fields that a row of the audit trail changed, with before and after; None for none."""
    before, after = row["before"], row["after"]
    return [(name, before.get(name), after.get(name)) for name in {**before, **after}]
