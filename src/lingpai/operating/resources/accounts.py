"""Accounts at the upstream platforms."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.audit import Change
from lingpai.core.flaws import Flaw, demand
from lingpai.core.records import Account
from lingpai.keeper import administration
from lingpai.keeper.accounts import FIELDS, account_document, account_flaws
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Nothing, Resource, sliced
from lingpai.operating.site import Site
from lingpai.operating.statuses import status_document

NO_LABEL = "-"
"""The label of an account without one, in paths."""


async def unblock(site: Site, key: Key, _body: Nothing) -> Document:
    """Close the circuit breakers of an account, also of one that is not configured."""
    keeper, (platform, account, label) = site.keeper, key
    names = {(platform, account, "" if label == NO_LABEL else label)}
    name = f"{platform}/{account}"
    troubled = {
        status.kind
        for status in await keeper.store.list_statuses()
        if (status.platform, status.account) == (platform, account) and status.trouble is not None
    }
    if troubled:  # before, as it cannot be undone
        await keeper.note(Change("token.unblock", name, after={"kinds": sorted(troubled)}))
    closed = list(await keeper.store.forget_troubles(platform, account))
    for each in await keeper.store.list_accounts():
        if (each.platform, each.account, each.label) in names and each.platform in keeper.platforms:
            app = keeper.app_of(each)
            statuses = await keeper.store.list_statuses()
            kinds = {
                status.kind
                for status in statuses
                if (status.platform, status.account) == (each.platform, each.account)
            }
            closed += [kind for kind in sorted(kinds) if await keeper.store.forget_trouble(app.key(kind))]
    if closed and not troubled:
        await keeper.note(Change("token.unblock", name, after={"kinds": closed}))
    return {"account": name, "unblocked": closed}


async def check(site: Site, key: Key, _body: Nothing) -> Document:
    """Get the token of an account as a caller would, and say how to fix what is wrong."""
    account = await Accounts().find(site, key)
    if account is None:
        raise Accounts().missing(key)
    found: Document = msgspec.to_builtins(await site.examiner.examine_account(site, account))
    return found


class Accounts(Resource[Account]):
    """See `records.Account`; the key is platform, id and label."""

    kind = "accounts"
    path = "/accounts/{platform}/{account}/{label}"
    area = "keeper"
    noun = "account"
    entry = FIELDS.entry("AccountEntry", {}, secret="")
    written = FIELDS.secrets
    filters = PREFIX
    actions: ClassVar[Mapping[str, Action]] = {
        "unblock": Action("/unblock", unblock, Nothing, "Close the circuit breakers of an account."),
        "check": Action("/check", check, Nothing, "Get an account's token, and say what is wrong."),
    }

    @override
    async def find(self, site: Site, key: Key) -> Account | None:
        platform, account, label = key
        found = await site.keeper.store.find_accounts(platform, account)
        return next((each for each in found if each.label == ("" if label == NO_LABEL else label)), None)

    @override
    def key_of(self, site: Site, record: Account) -> Key:
        del site
        return (record.platform, record.account, record.label or NO_LABEL)

    @override
    async def document(self, site: Site, record: Account) -> Document:
        return account_document(site.keeper, record)

    @override
    async def shown(self, site: Site, record: Account) -> Document:
        """With the state of its tokens and tickets."""
        name = (record.platform, record.account, record.label)
        held = [
            status_document(site.keeper, each, chinese=site.chinese)
            for each in await site.keeper.store.list_statuses()
            if (each.platform, each.account, each.label) == name
        ]
        return {**await self.document(site, record), "held": held}

    @override
    def settable(self, record: Account) -> Document:
        named = FIELDS.named(record)
        return {name: value for name, value in named.items() if name not in self.written}

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Account | None) -> Account:
        platform, account, label = key
        given = FIELDS.named(entry)
        if known is not None:  # what never comes out stays when it does not come in
            given |= {name: given[name] or getattr(known, name) for name in self.written}
        given["hand_out"] = "" if entry.hand_out == "token" else entry.hand_out
        wanted = Account(
            platform=platform,
            account=account,
            label="" if label == NO_LABEL else label,
            # With another secret it is an account of our own.
            via=known.via if known is not None and given["secret"] == known.secret else None,
            **given,
        )
        flaws = account_flaws(site.keeper.platforms, wanted)
        if not wanted.secret:
            flaws.append(Flaw("secret", "A secret is needed."))
        demand(flaws)
        if known is not None and not FIELDS.changed(known, wanted):
            return known
        return wanted

    @override
    def changed(self, known: Account, wanted: Account) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(self, site: Site, known: Account | None, wanted: Account) -> Mapping[str, str] | None:
        return {} if await administration.save_account(site.keeper, known, wanted) else None

    @override
    async def remove(self, site: Site, known: Account) -> bool:
        return await administration.remove_account(site.keeper, known)

    @override
    async def remove_known(self, site: Site, known: Account) -> bool:
        return await administration.remove_account(site.keeper, known, unchanged=True)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key
        accounts = await site.keeper.store.list_accounts()
        return sliced(
            [(each.name, await self.document(site, each)) for each in accounts],
            after,
            limit,
            wanted.get("q", ""),
        )
