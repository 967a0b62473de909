"""A user logs in: the login code that the platform would hand to the app."""

from typing import Any, Literal

import msgspec

from lingpai.sandbox.options import WechatApp, WecomCorp
from lingpai.sandbox.people import CodeKind, LoginCode
from lingpai.sandbox.world import World


class MintCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The login code to make.

    Attributes:
        account: appid or corpid; ``appid`` and ``corpid`` are other names for it.
        appid: see ``account``.
        corpid: see ``account``.
        kind: ``oauth`` (web), ``mini`` (mini program) or ``wecom``; by default what the account is.
        user: who logs in.
        scope: of an OAuth code ``snsapi_userinfo`` or ``snsapi_base``; of a WeCom code also ``snsapi_privateinfo``.
        snapshot: the user only looks at a snapshot page (virtual user).
        outsider: the user is no member of the corp.
        agentid: only this agent of the corp may redeem it; 0 for any.
    """

    account: str = ""
    appid: str = ""
    corpid: str = ""
    kind: Literal["", "oauth", "mini", "wecom"] = ""
    user: str = "alice"
    scope: str = ""
    snapshot: bool = False
    outsider: bool = False
    agentid: int = 0


def _kind(account: WechatApp | WecomCorp, wanted: str) -> CodeKind:
    if isinstance(account, WecomCorp):
        if wanted == "oauth":
            raise ValueError('a corp\'s code is of kind "wecom" or "mini"')
        return "mini" if wanted == "mini" else "wecom"
    if wanted == "wecom":
        raise ValueError('kind "wecom" needs a corpid')
    if not wanted:
        return "mini" if account.mini else "oauth"
    return "mini" if wanted == "mini" else "oauth"


def mint(world: World, wanted: MintCode) -> dict[str, Any]:
    """Mint a code; it lives for the rules' ``code_lifetime`` seconds and can be redeemed once.

    Returns:
        ``code``, ``account``, ``kind``, ``user``, ``expires_in``, and who the app will learn it is: ``openid``
        (``unionid``) or ``userid``.

    Raises:
        ValueError: the account is unknown or cannot have such codes.
    """
    name = wanted.account or wanted.appid or wanted.corpid
    account = world.accounts.find(name)
    if account is None:
        known = [*world.accounts.apps, *world.accounts.corps]
        raise ValueError(f"give as account one of {', '.join(known)}")
    kind = _kind(account, wanted.kind)
    open_platform = account.open_platform if isinstance(account, WechatApp) else ""
    user = world.people.user(name, wanted.user, open_platform)
    code = LoginCode(
        ends=world.until(world.rules.code_lifetime),
        account=name,
        kind=kind,
        user=wanted.user,
        scope=wanted.scope or ("snsapi_userinfo" if kind == "oauth" else ""),
        snapshot=wanted.snapshot,
        outsider=wanted.outsider,
        agentid=wanted.agentid,
    )
    member = isinstance(account, WecomCorp) and not wanted.outsider
    who = {"userid": user.user} if member else {"openid": user.openid}
    unionid = {"unionid": user.unionid} if user.unionid else {}
    return {
        "code": world.people.mint(code),
        "account": name,
        "kind": kind,
        "user": wanted.user,
        "expires_in": int(world.rules.code_lifetime),
        **who,
        **unionid,
    }
