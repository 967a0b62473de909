"""The app that a verb acts for."""

import msgspec

from lingpai.core.records import CredentialKey
from lingpai.core.third_parties import Via
from lingpai.keeper.platforms.platform import Platform


def name_for_log(platform: Platform, account: str) -> str:
    """Return `platform/account` of an app that nobody configured; `platform/unknown` when that is no id by its form.

    Callers mix up the two fields, and then the account is the secret.
    """
    return f"{platform.name}/{account if platform.is_account(account) else 'unknown'}"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app for which a verb may act: its caller was found to be allowed, or it is our own background work.

    Attributes:
        platform: its platform's description.
        account: its id there.
        label: distinguishes several secrets of one id, or "".
        secret: its secret, in clear.
        digest: keyed digest of the whole secret.
        mode: name of the way its token is fetched, "" for the platform's default.
        domains: hosts whose pages it may sign for; empty means any.
        configured: False for one whose secret a caller sent; it is renewed only while asked for.
        asker: who asks, for the audit log and for telling callers apart.
        peer: the address of who asks, or "" when nobody does.
        trusted: of an app that is not configured, whether that lies in a trusted network.
        hand_out: what its account says that caller keys get, "token", "phantom" or "".
        phantom_key: digest of the caller key that gets a phantom token in the place of a token, or b"".
        via: who acts for it, when a merchant authorised a third-party platform; None for our own.
        fleeting: whether what the caller was let in by ends by itself, so that it is looked at for each answer.
    """

    platform: Platform
    account: str
    label: str = ""
    secret: str
    digest: bytes
    mode: str = ""
    domains: tuple[str, ...] = ()
    configured: bool = True
    asker: str = "lingpai"
    peer: str = ""
    trusted: bool = False
    hand_out: str = ""
    phantom_key: bytes = b""
    fleeting: bool = False
    via: Via | None = None

    def __repr__(self) -> str:
        """Never shows the secret."""
        return f"App({self.logged_name})"

    @property
    def name(self) -> str:
        """`platform/account`."""
        return f"{self.platform.name}/{self.account}"

    @property
    def logged_name(self) -> str:
        """Return `name` for the log: of one that a caller sent, the account may be a misplaced secret."""
        return self.name if self.configured else name_for_log(self.platform, self.account)

    @property
    def full_name(self) -> str:
        """`platform/account`, with `/label` when it has one: as caller keys name it."""
        return f"{self.name}/{self.label}" if self.label else self.name

    @property
    def subject(self) -> str:
        """Return the name that budgets are counted for.

        The account and its secret, since limits are per secret where there are several.
        """
        return self.name if self.platform.one_secret else f"{self.name}#{self.digest.hex()[:8]}"

    @property
    def tokenless(self) -> bool:
        """Return whether it has no token of its own, only its terminals'."""
        return self.mode in self.platform.tokenless

    def key(self, kind: str) -> CredentialKey:
        """Return the key of its credential of this kind."""
        return CredentialKey(self.platform.name, self.account, self.digest, kind)
