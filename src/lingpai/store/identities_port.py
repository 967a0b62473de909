"""Logins at a site of the operator's own, in a store.

It is a part of `issuer_port.IssuerStore`, and the rules of that module apply.
"""

from typing import Protocol

from lingpai.core.identity_records import AnsweredLogin, Identity, LoginKey
from lingpai.core.user_records import User


class Identities(Protocol):
    """Verbs on keys that are shared with sites, on answered logins, and on users as sites know them."""

    async def list_login_keys(self, realm: str) -> tuple[LoginKey, ...]:
        """Every key that a realm shares with its site, by number."""
        ...

    async def add_login_key(self, key: LoginKey, keep: int | None) -> bool:
        """Insert a key, and remove all of its realm but the one with the number `keep`.

        False, and nothing happens, when there is one of its number or a higher one already: of all who make it, one
        does.
        """
        ...

    async def use_login_key(self, realm: str, number: int, now: int) -> None:
        """Note that the site answered with a key, if it did not before."""
        ...

    async def answer_login(self, answer: AnsweredLogin) -> bool:
        """Keep the answer to a challenge. False, and nothing happens, when another subject answered it before."""
        ...

    async def find_identity(self, identity: Identity) -> User | None:
        """The user of an identity, None when it was not used yet."""
        ...

    async def open_identity(self, identity: Identity, user: User, spare: str, now: int) -> User:
        """The user of an identity, and note that it was used.

        At the first use it is linked: to the user who has exactly the login name of `user` and no identity of this
        provider, else to a new one, who is added as `user` if that login name is free in all spellings and not "", else
        with the login name `spare`. However many do this at the same time, one user is made.

        Raises:
            LingpaiError: INVALID_PARAMETER: `spare` is taken as well.
        """
        ...
