"""How commands name accounts, and the account that a name means."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.listing import read_all
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from lingpai.core.records import Account
    from lingpai.keeper.keeper import Keeper
    from lingpai.operating.port import Key, Operating

KIND = "accounts"
NO_LABEL = "-"
"""The label of an account without one, in keys."""

Name = Annotated[str, typer.Argument(help="platform/account or platform/account/label.", show_default=False)]


async def find_account(port: "Operating", name: str) -> dict[str, Any]:
    """Return the configured account of this name; its id is enough when it is the only account with it.

    Raises:
        Problem: there is none, or several.
    """
    accounts = await read_all(port, KIND)
    chosen = _choose([each["account"] for each in accounts], name)
    return next(each for each in accounts if each["account"] == chosen)


async def stored_account(keeper: "Keeper", name: str) -> "Account":
    """Return the account of this name in the store, as `find_account` does by the port.

    Raises:
        Problem: there is none, or several.
    """
    accounts = await keeper.store.list_accounts()
    chosen = _choose([each.name for each in accounts], name)
    return next(each for each in accounts if each.name == chosen)


def _choose(names: list[str], name: str) -> str:
    exact = [each for each in names if each == name]
    found = exact or [each for each in names if f"/{name}/" in f"/{each}/"]
    if not found:
        raise Problem(tr("There is no account {name}; `lingpai account list` shows all.", name=name))
    if len(found) > 1:
        text = "{name} is ambiguous: {names}. Name one of them."
        raise Problem(tr(text, name=name, names=", ".join(found)))
    return found[0]


def account_key(account: dict[str, Any]) -> "Key":
    """Return the key of an account, by its document."""
    return (account["platform"], account["id"], account["label"] or NO_LABEL)
