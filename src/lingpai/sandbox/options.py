"""The options of a sandbox: its accounts, and every number that its platforms' rules use."""

from typing import Final

import msgspec

_OVERLAP_SHARE: Final = 24  # the platforms' own 300 s of 7200 s
_LONGEST_OVERLAP: Final = 300.0


class WechatApp(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A WeChat official account or mini program.

    Attributes:
        appid: ``wx`` and 16 hex digits.
        secret: 32 hex digits.
        name: what a human calls it.
        mini: a mini program, which may not fetch JS-SDK tickets (48001).
        open_platform: apps with the same name here are bound together and give a user the same unionid.
        ip_allow: addresses or networks that may fetch tokens; empty allows all (40164).
        ip_confirmation: a token call from a new address waits for the administrator (89503).
        frozen: the secret is frozen (40243).
        refusal: an errcode that every token call gets, such as 50002 or 50007; 0 for none.
        quotas: calls per day by path, in place of the sandbox's own.
    """

    appid: str
    secret: str
    name: str = ""
    mini: bool = False
    open_platform: str = ""
    ip_allow: tuple[str, ...] = ()
    ip_confirmation: bool = False
    frozen: bool = False
    refusal: int = 0
    quotas: dict[str, int] = {}


class WecomAgent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An app of a WeCom corp, or another holder of a secret such as the address book.

    Attributes:
        agentid: its number.
        secret: 43 base64url characters.
        name: what a human calls it.
        trusted_ips: addresses or networks that may call the API; empty allows all (60020).
        refusal: an errcode that every token call gets, such as 45033; 0 for none.
    """

    agentid: int
    secret: str
    name: str = ""
    trusted_ips: tuple[str, ...] = ()
    refusal: int = 0


class WecomCorp(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A WeCom corp: ``ww`` and 16 hex digits, with its apps, each with a secret of its own."""

    corpid: str
    agents: tuple[WecomAgent, ...]
    name: str = ""


class WechatComponent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A third-party platform of WeChat's open platform.

    Attributes:
        appid: ``wx`` and 16 hex digits, the component_appid.
        secret: 32 hex digits, the component_appsecret.
        token: signs what is pushed.
        encoding_key: the EncodingAESKey, 43 characters.
        name: what a human calls it.
        callback: where tickets and authorizations are pushed to; "" pushes nothing.
        refusal: an errcode that every token call gets, such as 61004; 0 for none.
    """

    appid: str
    secret: str
    token: str
    encoding_key: str
    name: str = ""
    callback: str = ""
    refusal: int = 0

    @property
    def id(self) -> str:
        """Return its id."""
        return self.appid


class WecomSuite(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A third-party app of WeCom (a suite).

    Attributes:
        suite_id: ``ww`` and 16 hex digits.
        secret: the suite_secret, 43 base64url characters.
        token: signs what is pushed.
        encoding_key: the EncodingAESKey, 43 characters.
        corpid: of the provider; the question whether the callback is right is encrypted for it.
        provider_secret: of the provider; "" gives it no token.
        name: what a human calls it.
        callback: where tickets and authorizations are pushed to; "" pushes nothing.
        refusal: an errcode that every token call gets, such as 60020; 0 for none.
    """

    suite_id: str
    secret: str
    token: str
    encoding_key: str
    corpid: str = ""
    provider_secret: str = ""
    name: str = ""
    callback: str = ""
    refusal: int = 0

    @property
    def id(self) -> str:
        """Return its id."""
        return self.suite_id


ThirdParty = WechatComponent | WecomSuite
"""What merchants authorise."""

# Shape-correct and plainly samples; a running service is given secrets of its own.
SAMPLE_APP: Final = WechatApp(
    appid="wx5a3b1e0000000001",
    secret="5a3b1e00000000000000000000000001",  # noqa: S106 - a sample
    name="Sandbox official account",
    open_platform="sandbox",
)
SAMPLE_MINI: Final = WechatApp(
    appid="wx5a3b1e0000000002",
    secret="5a3b1e00000000000000000000000002",  # noqa: S106 - a sample
    name="Sandbox mini program",
    mini=True,
    open_platform="sandbox",
)
SAMPLE_AGENT: Final = WecomAgent(
    agentid=1000002,
    secret="sample-agent-1000002-aaaaaaaaaaaaaaaaaaaaaa",  # noqa: S106 - a sample
    name="Sandbox agent",
)
SAMPLE_CONTACTS: Final = WecomAgent(
    agentid=1000003,
    secret="sample-agent-1000003-bbbbbbbbbbbbbbbbbbbbbb",  # noqa: S106 - a sample
    name="Sandbox contacts",
)
SAMPLE_COMPONENT: Final = WechatComponent(
    appid="wx5a3b1e0000000004",
    secret="5a3b1e00000000000000000000000004",  # noqa: S106 - a sample
    token="sampleToken",  # noqa: S106 - a sample
    encoding_key="c2FtcGxlLWtleS1zYW1wbGUta2V5LXNhbXBsZS1rZXk",
    name="Sandbox third-party platform",
)
SAMPLE_SUITE: Final = WecomSuite(
    suite_id="ww5a3b1e0000000005",
    secret="sample-suite-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",  # noqa: S106 - a sample
    token="sampleSuiteToken",  # noqa: S106 - a sample
    encoding_key="c2FtcGxlLXN1aXRlLXNhbXBsZS1zdWl0ZS1zYW1wbGU",
    corpid="ww5a3b1e0000000006",
    name="Sandbox third-party app",
)
SAMPLE_CORP: Final = WecomCorp(
    corpid="ww5a3b1e0000000003", agents=(SAMPLE_AGENT, SAMPLE_CONTACTS), name="Sandbox corp"
)


class Rules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The numbers of the platforms' rules; ``POST /_sandbox/options`` changes them while it runs.

    Attributes:
        token_lifetime: seconds an access token lives.
        token_overlap: seconds that the previous token stays valid; None for the real share, at most 300.
        ticket_lifetime: seconds a JS-SDK or card ticket lives.
        code_lifetime: seconds a login code lives.
        user_token_lifetime: seconds a user's access token lives.
        refresh_token_lifetime: seconds a user's refresh token lives.
        classic_quota: calls of ``/cgi-bin/token`` per app and day.
        stable_quota: calls of ``/cgi-bin/stable_token`` per app and day.
        stable_per_minute: the same per minute.
        forced_quota: forced refreshes per app and day; beyond it the call does not refresh.
        forced_gap: seconds between two forced refreshes; sooner does not refresh.
        resets_per_month: calls of clear_quota per app and month.
        api_quota: calls per app, day and path of every other API.
        quotas: calls per app and day by path, where they differ from ``api_quota``.
        sns_per_minute: OAuth code and refresh calls per app and minute.
        session_per_minute: jscode2session calls per user and minute.
        wrong_calls_per_hour: wrong gettoken calls of a corp before it is blocked for an hour.
        tickets_per_corp: WeCom ticket calls per corp and hour.
        tickets_per_agent: WeCom ticket calls per agent and hour.
        component_quota: calls of ``api_component_token`` or ``get_suite_token`` per third-party platform and day.
        ticket_every: seconds between two pushes of a third-party platform's ticket.
        refresh_tokens_rotate: each renewal of a merchant's token gives another refresh token, and ends the one before.
        hang_limit: seconds after which a ``timeout`` fault gives up waiting for the client to leave.
        only_from: networks (CIDR) from which calls are taken, such as the address of the one service that may call; all
            others are refused with 40164 or 60020. Empty takes all.
        huge_bytes: size of the answer of a ``huge`` fault.
    """

    token_lifetime: float = 7200
    token_overlap: float | None = None
    ticket_lifetime: float = 7200
    code_lifetime: float = 300
    user_token_lifetime: float = 7200
    refresh_token_lifetime: float = 30 * 86400
    classic_quota: int = 2000
    stable_quota: int = 500_000
    stable_per_minute: int = 10_000
    forced_quota: int = 20
    forced_gap: float = 30
    resets_per_month: int = 10
    api_quota: int = 1_000_000
    quotas: dict[str, int] = {}
    sns_per_minute: int = 50_000
    session_per_minute: int = 100
    wrong_calls_per_hour: int = 2000
    tickets_per_corp: int = 400
    tickets_per_agent: int = 100
    component_quota: int = 2000
    ticket_every: float = 600
    refresh_tokens_rotate: bool = True
    hang_limit: float = 60
    only_from: tuple[str, ...] = ()
    huge_bytes: int = 32 * 2**20

    def __post_init__(self) -> None:
        """Refuse numbers under which no token could ever be repeated.

        Raises:
            ValueError: a lifetime is not positive, or the overlap is as long as the life.
        """
        lifetimes = (
            self.token_lifetime,
            self.ticket_lifetime,
            self.code_lifetime,
            self.user_token_lifetime,
            self.refresh_token_lifetime,
        )
        if min(lifetimes) <= 0:
            raise ValueError("every lifetime must be more than 0 seconds")
        if not 0 <= self.overlap < self.token_lifetime:
            raise ValueError("token_overlap must be at least 0 and shorter than token_lifetime")

    @property
    def overlap(self) -> float:
        """Seconds that the previous token stays valid."""
        if self.token_overlap is not None:
            return self.token_overlap
        return min(_LONGEST_OVERLAP, self.token_lifetime / _OVERLAP_SHARE)


class SandboxOptions(Rules, kw_only=True, forbid_unknown_fields=True):
    """The rules, and the accounts known at the start.

    Attributes:
        apps: WeChat official accounts and mini programs.
        corps: WeCom corps.
        components: third-party platforms of WeChat.
        suites: third-party apps of WeCom.
        hosts: names by which the sandbox may be addressed, besides those that nobody can own (see ``core.hosts``).
    """

    apps: tuple[WechatApp, ...] = (SAMPLE_APP, SAMPLE_MINI)
    corps: tuple[WecomCorp, ...] = (SAMPLE_CORP,)
    components: tuple[WechatComponent, ...] = (SAMPLE_COMPONENT,)
    suites: tuple[WecomSuite, ...] = (SAMPLE_SUITE,)
    hosts: tuple[str, ...] = ()
