"""Records of logins at a site of the operator's own: the keys that it shares with a realm, and users as it knows them.

Times are unix seconds in whole numbers, by the issuer's own time (`IssuerStore.anchor`).
"""

import msgspec


class LoginKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a realm shares with the site that logs its users in.

    Attributes:
        number: from 1, growing in each realm.
        key: 32 bytes as hex digits.
        used_at: when the site first answered with it, 0 before.
    """

    realm: str
    number: int
    key: str
    created_at: int
    used_at: int = 0

    def __repr__(self) -> str:
        """Never shows the key."""
        return f"LoginKey({self.realm}/{self.number})"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A user as the site knows them that logs them in.

    Attributes:
        provider: which of the ways to log in elsewhere.
        digest: keyed digest of the subject, by which it is found.
        subject: the site's own stable id of the user.
        linked_at: when it was first used, and so linked to the user.
    """

    realm: str
    provider: str
    digest: bytes
    subject: str
    linked_at: int


class AnsweredLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one challenge, kept until `ends_at`. Both are keyed digests."""

    digest: bytes
    subject: bytes
    ends_at: int
