"""Initial access tokens, with which strangers register apps, as values.

Times are as in `issuer_records`.
"""

import msgspec


class InitialToken(msgspec.Struct, frozen=True, kw_only=True):
    """An initial access token, with which apps register themselves (RFC 7591 §1.2).

    Attributes:
        name: for operators.
        scopes: the words that its apps may have in tokens of their own.
        uses: how many more apps may register with it; None for any number.
        salt: random and part of its handle.
    """

    id: int = 0
    realm: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    uses: int | None = 1
    salt: int
    created_at: int
    ends_at: int

    def __repr__(self) -> str:
        """Shows nothing that its handle is made of."""
        return f"InitialToken({self.realm}/{self.id})"
