"""Third-party platforms as data: how merchants authorise one, and how it acts for them.

WeChat's component (开放平台第三方平台) and WeCom's suite (服务商) are such. The platform pushes a ticket,
without which there is no token. A merchant authorises on the platform's page, which brings a code, once; what that is
exchanged for makes the merchant's account one of ours.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lingpai.keeper.platforms.calls import Renewed, Request

MERCHANT = "merchant"
"""The mode of accounts that a third-party platform acts for; no operator chooses it."""


class Grant(NamedTuple):
    """What a merchant's code was exchanged for.

    Attributes:
        account: the merchant's id.
        token: a token, or "".
        lifetime: of the token, in seconds, as it was sent.
        refresh_token: renews the token, or "".
        secret: the secret of the account, or "" where it has none.
        rights: ids of what the merchant allowed.
        name: the merchant's, or "".
    """

    account: str
    token: str = ""
    lifetime: Any = None
    refresh_token: str = ""
    secret: str = ""
    rights: tuple[int, ...] = ()
    name: str = ""


class Listed(NamedTuple):
    """A merchant as the platform lists it.

    Attributes:
        account: the merchant's id.
        refresh_token: renews its token, or "".
        since: unix time in seconds of the authorization, 0 when the platform does not say.
    """

    account: str
    refresh_token: str
    since: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushedTicket:
    """The ticket that a platform pushes, without which there is no token.

    Attributes:
        kind: under which it is stored.
        event: of the push that brings it.
        field: of that push.
        life: seconds that one is good, from when it was made.
        late: seconds after which the next one is late.
        spent: error numbers that say that it is none any more.
    """

    kind: str
    event: str
    field: str
    life: float
    late: float
    spent: frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A call with the third-party platform's token in the query, a POST unless `method` says otherwise.

    `request` makes the body from the id of the third-party platform and one argument, which each call says.
    """

    path: str
    request: Callable[[str, Any], Request]
    method: str = "POST"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MerchantCall(Renewed):
    """The call that gets a merchant's token through the third-party platform.

    Attributes:
        path: where, with the third-party platform's token in the query.
        request: makes the body from the ids of both, the account's secret and the refresh token ("" where none).
        field: of the answer, that has the next refresh token; "" where there is none.
        life: seconds that a refresh token is kept at most.
        lost: error numbers that say that the refresh token is another by now: it can be read back.
        gone: error numbers that say that the merchant has withdrawn the authorization.
    """

    path: str
    request: Callable[[str, str, str, str], Request]
    field: str = ""
    life: float = 0.0
    lost: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()


class Visit(NamedTuple):
    """What a merchant's way to the platform's page needs.

    Attributes:
        account: id of the third-party platform.
        pre_auth_code: just made.
        back: our address to which the merchant comes back.
        state: comes back with the merchant.
        auth_type: which accounts may be chosen, or "".
        biz_appid: the one account that may be chosen, or "".
    """

    account: str
    pre_auth_code: str
    back: str
    state: str
    auth_type: str
    biz_appid: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """A third-party platform.

    Attributes:
        merchants: name of the platform whose accounts merchants have.
        label: makes the label of a merchant's account from the id of the third-party platform.
        parameter: of the query, that has the third-party platform's token.
        ticket: see `PushedTicket`.
        event: field of a push that names the event.
        time: field with its unix time in seconds.
        granted: events that bring a code, with the field of that.
        changed: events that say that a merchant's rights have changed, with the field of its id.
        ended: events that say that a merchant has withdrawn, with the field of its id.
        pre_auth: makes a code for one visit; its argument is None.
        exchange: exchanges a merchant's code, which is its argument.
        grant_of: reads the answer.
        info: reads about one merchant; its argument is id and secret of the account.
        info_of: reads the answer.
        listing: lists the merchants from the one of this number on; None where the platform does not.
        listed_of: reads the answer: how many there are in all, and those that it has.
        restart: has tickets pushed again, without a token; its argument is the secret. None where there is no such.
        pages: makes the addresses of the platform's pages, for computers and (or "") for phones, from its base address.
        session: says of which kind a visit is, where the page's address does not say it; its argument is the code for
            the visit and the kind. None where the address does.
        kinds: kinds of visits that there are; empty for any.
        one_account: whether a visit can be for one account alone.
        for_merchant: whether what is pushed about a merchant's account is encrypted for that account.
        refused: error numbers that say that a merchant's code is used up or none.
    """

    merchants: str
    label: Callable[[str], str]
    parameter: str
    ticket: PushedTicket
    event: str
    time: str
    granted: Mapping[str, str]
    changed: Mapping[str, str]
    ended: Mapping[str, str]
    pre_auth: AskedCall
    exchange: AskedCall
    grant_of: Callable[[Mapping[str, Any]], Grant]
    info: AskedCall
    info_of: Callable[[Mapping[str, Any]], Grant]
    listing: AskedCall | None
    listed_of: Callable[[Mapping[str, Any]], tuple[int, list[Listed]]]
    restart: AskedCall | None
    pages: Callable[[str, Visit], tuple[str, str]]
    session: AskedCall | None = None
    kinds: frozenset[str] = frozenset()
    one_account: bool = True
    for_merchant: bool = False
    refused: frozenset[int] = frozenset()
