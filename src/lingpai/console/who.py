"""Whose token is this? A pasted token is looked up as the service would, and never logged, stored or shown again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from lingpai.console.permitted import Permitted
from lingpai.core.errors import LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.issuer.context import Issuer
from lingpai.issuer.user_documents import grant_document
from lingpai.issuer.verbs.check import resolve_access_token, resolve_app_token, resolve_ticket
from lingpai.keeper.status import name_of
from lingpai.operating.port import Document
from lingpai.operating.site import Site
from lingpai.operating.statuses import status_document

LONGEST: Final = 4096
_CHECKS: Final[Mapping[HandleKind, Callable[[Issuer, str], Awaitable[Any]]]] = {
    HandleKind.ACCESS: resolve_access_token,
    HandleKind.APP_TOKEN: resolve_app_token,
    HandleKind.TICKET: resolve_ticket,
}
_KINDS: Final = (HandleKind.CODE, HandleKind.REFRESH, *_CHECKS)


async def whose(site: Site, port: Permitted, value: str) -> Document | None:
    """Return what a pasted token, ticket or code is and whose; None when nobody here made or has it.

    Args:
        site: where it is looked for.
        port: says what the operator may see.
        value: what was pasted.
    """
    if not value or len(value) > LONGEST:
        return None
    return await _held(site, port, value) or await _issued(site, port, value)


async def _held(site: Site, port: Permitted, value: str) -> Document | None:
    """A token or ticket that a platform issued to us."""
    credential = await site.keeper.store.find_credential(value) if port.may("tokens") else None
    if credential is None:
        return None
    key = credential.key
    statuses = await site.keeper.store.list_statuses()
    found = (
        each
        for each in statuses
        if (each.platform, each.account, each.kind) == (key.platform, key.account, key.kind)
    )
    status = next(found, None)
    if status is None:
        return None
    current = credential.current is not None and credential.current.value == value
    return {
        "by": "platform",
        "current": current,
        **status_document(site.keeper, status, chinese=site.chinese),
        "account": name_of(status),
    }


async def _issued(site: Site, port: Permitted, value: str) -> Document | None:
    """A token, ticket or code that a realm issued."""
    for name, issuer in site.issuers.items():
        if not port.may("grants", key=(name,)):
            continue
        for kind in _KINDS:
            handle = issuer.unseal(value, kind)
            if handle is None:
                continue
            view = await issuer.store.read_grant(handle.id)
            if view is None or handle.generation_of(view.grant.salt, view.grant.generation) is None:
                return {"by": "realm", "realm": name, "token": kind.name.lower(), "gone": True}
            refused = ""
            if kind in _CHECKS:
                try:
                    await _CHECKS[kind](issuer, value)
                except LingpaiError as error:
                    refused = error.reason
            document = await grant_document(issuer, view)
            checked = {"checked": kind in _CHECKS, "refused": refused, "gone": False}
            return {"by": "realm", "token": kind.name.lower(), **checked, **document}
    return None
