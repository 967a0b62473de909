"""Between rows of users and records, for every engine."""

from collections.abc import Sequence
from typing import Any

import msgspec

from lingpai.core.names import fold
from lingpai.core.user_records import Profile, User, UserClaims
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

PASSWORD_COLUMN = "issuer_users.password_sealed"  # noqa: S105


LAST = "\U0010ffff"
"""Behind every name that begins as another one."""
_claims = msgspec.json.Decoder(UserClaims)


def read_user(row: Row) -> User:
    """A user from (id, realm, login, nick, avatar, sex, seller_name, disabled, created_at)."""
    user_id, realm, login, nick, avatar, sex, seller_name, disabled, created_at = row
    return User(
        id=user_id,
        realm=realm,
        login=login,
        profile=Profile(nick=nick, avatar=avatar, sex=sex, seller_name=seller_name),
        disabled=bool(disabled),
        created_at=created_at,
    )


def read_login(vault: Vault, rows: Sequence[Row]) -> tuple[User, str] | None:
    """A user and the hash of their password from a row of `find_login`, None when there is none.

    Raises:
        UnreadableError: this node's key ring does not decrypt the hash.
    """
    if not rows:
        return None
    *columns, password_hash, sealed = rows[0]
    user = read_user(tuple(columns))
    return user, open_password(vault, user.realm, user.id, password_hash, sealed)


def open_password(vault: Vault, realm: str, user: int, password_hash: str, sealed: bytes | None) -> str:
    """The hash of a user's password, "" when there is none.

    Raises:
        UnreadableError: this node's key ring does not decrypt it.
    """
    if password_hash or sealed is None:  # in clear as a release before wrote it
        return password_hash
    return vault.open(sealed, PASSWORD_COLUMN, realm, user)


def seal_password(vault: Vault, realm: str, user: int, password_hash: str) -> bytes | None:
    """The hash of a user's password as it is kept, None when there is none."""
    return vault.seal(password_hash, PASSWORD_COLUMN, realm, user) if password_hash else None


def user_columns(user: User) -> dict[str, Any]:
    """A user as bindings of `add_user` and `change_user`."""
    return {
        "id": user.id,
        "realm": user.realm,
        "login": user.login,
        "login_key": fold(user.login),
        "nick": user.profile.nick,
        "avatar": user.profile.avatar,
        "sex": user.profile.sex,
        "seller_name": user.profile.seller_name,
        "disabled": user.disabled,
        "created_at": user.created_at,
    }


def read_claims(text: str) -> UserClaims:
    """Return the claims about a user from the column `claims`."""
    return _claims.decode(text)


def write_claims(claims: UserClaims) -> str:
    """Return the claims about a user for the column `claims`."""
    return msgspec.json.encode(claims).decode()
