"""The page of the sandbox: options, accounts, faults and controls."""

import inspect
from typing import Any, NamedTuple

import msgspec

from docs.generator.markdown import attributes, code, head, joined, prose, summary, table
from lingpai.sandbox import control_components, control_switches, controls
from lingpai.sandbox.faults import KINDS, Fault
from lingpai.sandbox.minting import MintCode
from lingpai.sandbox.options import Rules, WechatApp, WechatComponent, WecomAgent, WecomCorp, WecomSuite

_STRUCTS = (
    ("`/_sandbox/faults`", Fault), ("`/_sandbox/codes`", MintCode), ("`/_sandbox/users`", control_switches.UserChange),
    ("`/_sandbox/addresses`", control_switches.AddressAnswer),
    ("`/_sandbox/push`", control_components.WantedPush),
    ("`/_sandbox/authorizations`", control_components.WantedGrant),
)  # fmt: skip
_ACCOUNTS = (
    ("WeChat app", WechatApp), ("WeChat third-party platform", WechatComponent), ("WeCom corp", WecomCorp),
    ("WeCom agent", WecomAgent), ("WeCom third-party app", WecomSuite),
)  # fmt: skip
_ABOUT_OPTIONS = (
    "Lifetimes and quotas. `POST /_sandbox/options` changes them at run time; the most used ones are options of "
    "`lingpai sandbox`. `hosts` (option `--name`) lists further host names under which it may be called; IP addresses, "
    "`localhost` and names of one label always may."
)
_ABOUT_ACCOUNTS = (
    "`PATCH /_sandbox/accounts` with `account` and any of these fields adds an account or changes it. Those of the "
    "start are the options `apps`, `components`, `corps` and `suites`."
)


class Use(NamedTuple):
    """A use of a control: method and path, and what it does."""

    method: str
    path: str
    about: str


def uses() -> list[Use]:
    """Every control by every method that it takes."""
    return [
        Use(name.removeprefix("on_").upper(), path, prose(inspect.getdoc(responder)))
        for path, control in controls._RESOURCES.items()  # noqa: SLF001  the table, which nobody else needs
        for name, responder in inspect.getmembers(control, inspect.isfunction)
        if name.startswith("on_")
    ]


def page() -> str:
    """The page."""
    blocks = head(
        "Sandbox",
        "`lingpai sandbox` and `lingpai dev` serve an imitation of the WeChat and WeCom APIs. Everything under "
        "`/_sandbox/` exists here only, to control tests: JSON in, JSON out; a wrong call gets a 400 that says why. "
        "How to use it: [test against the sandbox](../how-to/sandbox.md).",
        "## Controls",
        table(
            ("method", "path", "what it does"),
            [(each.method, code(each.path), each.about) for each in uses()],
        ),
    )
    for path, struct in _STRUCTS:
        blocks += [f"### What {path} takes", summary(struct.__doc__), _fields(struct)]
    blocks += [
        "## Kinds of faults", ", ".join(map(code, KINDS)) + ".",
        "## Options", _ABOUT_OPTIONS, _fields(Rules),
        "## Accounts", _ABOUT_ACCOUNTS,
    ]  # fmt: skip
    for name, account in _ACCOUNTS:
        blocks += [f"### {name}", summary(account.__doc__), _fields(account)]
    return joined(blocks)


def _fields(struct: type[msgspec.Struct]) -> str:
    about = attributes(struct)
    rows = [
        (code(field.name), code(_default(field)), about.get(field.name, ""))
        for field in msgspec.structs.fields(struct)
    ]
    return table(("name", "default", "meaning"), rows)


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return msgspec.json.encode(field.default).decode()
    return "{}" if field.default_factory is dict else ""
