"""`lingpai authorizer`: merchants that authorised a third-party platform of ours."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.account_names import Name, stored_account
from lingpai.cli.running import Data, Json, with_keeper
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.records import Account
    from lingpai.keeper.app import App
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="authorizer",
    help="Merchants that authorised a third-party platform; their accounts are used like any other.",
    no_args_is_help=True,
)

Provider = Annotated[
    str, typer.Argument(help="The third-party platform: platform/account.", show_default=False)
]


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the merchants' accounts."""
    from lingpai.cli.output import emit, table

    async def read(keeper: "Keeper") -> list[dict[str, Any]]:
        return [_document(each) for each in await keeper.store.list_accounts() if each.via is not None]

    found = with_keeper(data, read)
    rows = [
        (each["account"], each["name"] or "–", each["via"], each["authorized_at"], str(len(each["rights"])))
        for each in found
    ]
    columns = ("Account", "Name", "Third-party platform", "Authorised", "Rights")
    emit(found, as_json, lambda console: console.print(table("Authorizers", columns, rows)))


@app.command("show")
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Show one merchant's account: what the merchant allows, and the state of its tokens."""
    from lingpai.cli.output import emit, fields
    from lingpai.cli.statuses import status_table
    from lingpai.messages.translating import speaks_chinese
    from lingpai.operating.statuses import status_document

    async def read(keeper: "Keeper") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        account = await _merchant(keeper, name)
        key = (account.platform, account.account, account.label)
        return _document(account), [
            status_document(keeper, each, chinese=speaks_chinese())
            for each in await keeper.store.list_statuses()
            if (each.platform, each.account, each.label) == key
        ]

    account, held = with_keeper(data, read)
    pairs = (
        ("Account", account["account"]),
        ("Name", account["name"] or "–"),
        ("Third-party platform", account["via"]),
        ("Authorised", account["authorized_at"]),
        ("Rights", ", ".join(map(str, account["rights"])) or "–"),
    )
    emit({**account, "held": held}, as_json, lambda console: console.print(fields(pairs), status_table(held)))


@app.command("forget")
def forget(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Remove a merchant's account with its tokens. The merchant's authorization at the platform stays."""
    from lingpai.cli.output import done, emit

    async def drop(keeper: "Keeper") -> str:
        from lingpai.keeper.third_parties.adopting import forget as drop_account

        account = await _merchant(keeper, name)
        await drop_account(keeper, account)
        return account.name

    gone = with_keeper(data, drop)
    emit({"account": gone, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=gone)))


@app.command("recover")
def recover(name: Provider, *, data: Data = None, as_json: Json = False) -> None:
    """Ask the platform which merchants have authorised, and add those whose accounts are not here."""
    from lingpai.cli.output import emit, say

    async def ask(keeper: "Keeper") -> list[str]:
        from lingpai.keeper.third_parties.adopting import recover as ask_platform
        from lingpai.keeper.upstream import Refusal, Unreachable

        provider = await _provider(keeper, name)
        if provider.platform.third_party is not None and provider.platform.third_party.listing is None:
            raise Problem(
                tr(
                    "{name} does not say who has authorised. Let the merchant authorise again.",
                    name=provider.platform.name,
                )
            )
        try:
            return await ask_platform(keeper, provider, again=True)
        except (Refusal, Unreachable) as error:
            raise Problem(tr("The platform did not list them: {problem}", problem=error)) from error

    added = with_keeper(data, ask)

    def render(console: "Console") -> None:
        for each in added:
            say(console, tr("Added {name}.", name=each))
        if not added:
            say(console, tr("Nothing was missing."))

    emit({"added": added}, as_json, render)


@app.command("link")
def link(
    name: Provider,
    *,
    next_url: Annotated[
        str,
        typer.Option(
            "--next", help="Where to lead the merchant afterwards; one of the account's.", show_default=False
        ),
    ] = "",
    expires: Annotated[str, typer.Option(help="How long the link works, such as 7d.")] = "7d",
    once: Annotated[bool, typer.Option("--once", help="It works once.", show_default=False)] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print the link by which a merchant authorises, signed by this service."""
    from lingpai.cli.durations import seconds
    from lingpai.cli.output import emit, say

    lasting = seconds(expires)

    async def make(keeper: "Keeper") -> str:
        from lingpai.keeper.third_parties.links import link_of

        provider = await _provider(keeper, name)
        account = await stored_account(keeper, name)
        if next_url and next_url not in account.next_urls:
            raise Problem(tr("{url} is not one of the addresses of the account (--next).", url=next_url))
        return link_of(keeper, provider, next_url, lasting, once=once)

    made = with_keeper(data, make)
    emit({"link": made}, as_json, lambda console: say(console, made))


async def _merchant(keeper: "Keeper", name: str) -> "Account":
    account = await stored_account(keeper, name)
    if account.via is None:
        raise Problem(tr("{name} was not authorised by a merchant.", name=account.name))
    return account


async def _provider(keeper: "Keeper", name: str) -> "App":
    account = await stored_account(keeper, name)
    provider = keeper.app_of(account)
    if provider.platform.third_party is None:
        raise Problem(tr("{name} is not a third-party platform.", name=account.name))
    return provider


def _document(account: "Account") -> dict[str, Any]:
    from lingpai.core.moments import moment

    via = account.via
    if via is None:
        raise AssertionError("only merchants' accounts are shown")
    return {
        "account": account.name,
        "name": via.name,
        "via": f"{via.platform}/{via.account}",
        "authorized_at": moment(via.since),
        "rights": list(via.rights),
    }
