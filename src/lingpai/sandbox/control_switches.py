"""Controls of what there is: accounts, addresses, users and the rules."""

from typing import Any, Final

import msgspec

from lingpai.core.wire import Reply
from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.options import Rules
from lingpai.sandbox.world import Call, Mark

_ADDRESS_WORDS: Final = {"confirm": ("confirmed", 10 * 365 * 86400.0), "refuse": ("refused", 3600.0)}
_REFUSED_TWICE: Final = ("refused twice", 86400.0)


class AddressAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """The administrator's answer about a new address; ``answer`` is ``confirm`` or ``refuse``."""

    account: str
    address: str
    answer: str


class UserChange(msgspec.Struct, forbid_unknown_fields=True):
    """Switches of one user; null leaves a switch unchanged."""

    account: str
    user: str = "alice"
    blocked: bool | None = None
    subscribed: bool | None = None
    password_changed: bool = False


class AccountsControl(Control):
    """``/_sandbox/accounts``: who exists, and their switches."""

    def on_get(self, _call: Call) -> Reply:
        """List all apps, corps and third-party platforms of this sandbox, with their secrets."""
        accounts = self.world.accounts
        return send(
            {
                "apps": list(accounts.apps.values()),
                "corps": list(accounts.corps.values()),
                "components": list(accounts.components.values()),
                "suites": list(accounts.suites.values()),
            }
        )

    def on_patch(self, call: Call) -> Reply:
        """Add an account or set its fields: ``{"account": …, …}``; see ``WechatApp`` and the like."""
        fields = body_of(call, dict[str, Any])
        names = ("account", "appid", "suite_id", "corpid")
        account = next(filter(None, (fields.pop(name, "") for name in names)), "")
        try:
            return send(self.world.accounts.change(str(account), fields))
        except (ValueError, TypeError) as error:
            raise wrong(str(error)) from None

    def on_delete(self, call: Call) -> Reply:
        """Reset the accounts to those of the start."""
        self.world.accounts.reset()
        return self.on_get(call)


class AddressesControl(Control):
    """``/_sandbox/addresses``: the administrator's answer to 89503."""

    def on_post(self, call: Call) -> Reply:
        """Confirm or refuse an address; a second refusal within a day lasts a day."""
        given = body_of(call, AddressAnswer)
        if given.answer not in _ADDRESS_WORDS or given.account not in self.world.accounts.apps:
            raise wrong('give a known "account", an "address", and as "answer" confirm or refuse')
        key = f"address|{given.account}|{given.address}"
        before = self.world.marks.get(key)
        count = (before.count if before else 0) + 1 if given.answer == "refuse" else 0
        word, seconds = _ADDRESS_WORDS[given.answer] if count < 2 else _REFUSED_TWICE  # noqa: PLR2004 - "twice"
        self.world.marks.put(key, Mark(ends=self.world.until(seconds), text=word, count=count))
        return send({"address": given.address, "state": word})


class UsersControl(Control):
    """``/_sandbox/users``: switches of a user."""

    def on_patch(self, call: Call) -> Reply:
        """Block a user (40226), let them unfollow, or change their password (42007)."""
        given = body_of(call, UserChange)
        account = self.world.accounts.find(given.account)
        if account is None:
            raise wrong('give a known "account"')
        user = self.world.people.user(given.account, given.user, getattr(account, "open_platform", ""))
        user.blocked = user.blocked if given.blocked is None else given.blocked
        user.subscribed = user.subscribed if given.subscribed is None else given.subscribed
        self.world.people.keep(user)
        broken = (
            self.world.people.password_changed(given.account, given.user) if given.password_changed else 0
        )
        return send(msgspec.to_builtins(user) | {"grants_broken": broken})


class OptionsControl(Control):
    """``/_sandbox/options``: the rules' numbers."""

    def on_get(self, _call: Call) -> Reply:
        """Show all options with their current values."""
        return send({name: getattr(self.world.rules, name) for name in Rules.__struct_fields__})

    def on_post(self, call: Call) -> Reply:
        """Change options until the restart; tokens issued before keep their expiry."""
        given = body_of(call, dict[str, Any])
        now = {name: getattr(self.world.rules, name) for name in Rules.__struct_fields__}
        try:
            self.world.rules = msgspec.convert(now | given, Rules)
        except msgspec.ValidationError as error:
            raise wrong(str(error)) from None
        return self.on_get(call)
