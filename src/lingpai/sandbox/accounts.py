"""The accounts, and how they are switched; changes made at run time outlive a restart."""

import ipaddress
import itertools
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from lingpai.sandbox.options import (
    SandboxOptions,
    ThirdParty,
    WechatApp,
    WechatComponent,
    WecomAgent,
    WecomCorp,
    WecomSuite,
)
from lingpai.sandbox.state import FOREVER, Row, Table

_WECOM_PREFIXES: Final = ("ww", "dk", "tj")
_BAD_NAME: Final = set("|/ \t\r\n")


class Change(Row):
    """An account as it was last set through the controls."""

    body: bytes


Account = WechatApp | WecomCorp | ThirdParty
_IDS: Final[dict[type[Account], str]] = {
    WechatApp: "appid",
    WecomCorp: "corpid",
    WechatComponent: "appid",
    WecomSuite: "suite_id",
}
"""The field with the id of each kind of account."""


class Accounts:
    """WeChat apps by appid, WeCom corps by corpid, and third-party platforms of both by their ids."""

    def __init__(self, options: SandboxOptions, changes: Table[Change]) -> None:
        self._options = options
        self._changes = changes
        self.apps: dict[str, WechatApp] = {}
        self.corps: dict[str, WecomCorp] = {}
        self.components: dict[str, WechatComponent] = {}
        self.suites: dict[str, WecomSuite] = {}
        self._load()

    def _load(self) -> None:
        # Copies: a switch thrown here must not reach the caller's options, or another sandbox.
        self.apps = {app.appid: msgspec.structs.replace(app) for app in self._options.apps}
        self.corps = {corp.corpid: msgspec.structs.replace(corp) for corp in self._options.corps}
        self.components = {each.appid: msgspec.structs.replace(each) for each in self._options.components}
        self.suites = {each.suite_id: msgspec.structs.replace(each) for each in self._options.suites}
        for change in self._changes.values():
            fields = msgspec.json.decode(change.body, type=dict[str, Any])
            self._place(_built(_kind_of(fields), fields))

    def _place(self, account: Account) -> None:
        if isinstance(account, WecomCorp):
            self.corps[account.corpid] = account
        elif isinstance(account, WechatComponent):
            self.components[account.appid] = account
        elif isinstance(account, WecomSuite):
            self.suites[account.suite_id] = account
        else:
            self.apps[account.appid] = account

    def agent(self, corpid: str, agentid: int) -> WecomAgent | None:
        """The agent of a corp by its number."""
        corp = self.corps.get(corpid)
        return next((agent for agent in corp.agents if agent.agentid == agentid), None) if corp else None

    def find(self, account: str) -> WechatApp | WecomCorp | None:
        """The app or corp of this name."""
        return self.apps.get(account) or self.corps.get(account)

    @property
    def third_parties(self) -> dict[str, ThirdParty]:
        """Third-party platforms of both, by id."""
        return {**self.components, **self.suites}

    def change(self, account: str, fields: dict[str, Any]) -> Account:
        """Add an account, or set some of its fields.

        Args:
            account: appid, corpid or suite_id. A new one is WeCom's when it begins with ``ww``, ``dk`` or ``tj``, and a
                third-party platform when it gets an ``encoding_key``.
            fields: what to set; with ``agentid``, fields of that agent of the corp (added when new).

        Returns:
            The account as it is now.

        Raises:
            msgspec.ValidationError: a field is unknown, missing or of the wrong type.
            ValueError: the account's name, or an address, cannot be one.
        """
        if not account or _BAD_NAME & set(account):
            raise ValueError("name the account: an appid such as wx… or a corpid such as ww…")
        known = self.third_parties.get(account) or self.find(account)
        kind = type(known) if known else _new_kind(account, fields)
        merged: dict[str, Any] = msgspec.to_builtins(known) if known else {}
        if kind is WecomCorp and "agentid" in fields:
            agents = {agent["agentid"]: agent for agent in merged.get("agents", ())}
            agents[fields["agentid"]] = agents.get(fields["agentid"], {}) | fields
            merged["agents"] = list(agents.values())
        else:
            merged |= fields
        merged[_IDS[kind]] = account
        built = _built(kind, merged)
        self._place(built)
        self._changes.put(account, Change(ends=FOREVER, body=msgspec.json.encode(built)))
        return built

    def reset(self) -> None:
        """Back to the accounts given at the start."""
        for key, _change in list(self._changes.items()):
            self._changes.drop(key)
        self._load()


def _new_kind(account: str, fields: dict[str, Any]) -> type[Account]:
    if account.startswith(_WECOM_PREFIXES):
        return WecomSuite if "encoding_key" in fields else WecomCorp
    return WechatComponent if "encoding_key" in fields else WechatApp


def _kind_of(fields: dict[str, Any]) -> type[Account]:
    """Return the kind of a whole account."""
    if "encoding_key" in fields:
        return WecomSuite if "suite_id" in fields else WechatComponent
    return WecomCorp if "corpid" in fields else WechatApp


def _built(kind: type[Account], fields: dict[str, Any]) -> Account:
    account: Account = msgspec.convert(fields, kind)
    if isinstance(account, ThirdParty):
        return account
    lists = (
        [agent.trusted_ips for agent in account.agents]
        if isinstance(account, WecomCorp)
        else [account.ip_allow]
    )
    for network in itertools.chain(*lists):
        ipaddress.ip_network(network, strict=False)
    return account


def admits(networks: Iterable[str], address: str) -> bool:
    """True when ``address`` is in one of ``networks``; an empty list admits all."""
    networks = tuple(networks)
    if not networks:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
