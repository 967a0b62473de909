"""A user changes their password, or sets a new one by a link that an operator gave them."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.user_records import User
from lingpai.issuer.checks import check_password
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import MINUTE
from lingpai.issuer.verbs.login import Proof
from lingpai.issuer.verbs.sessions import OpenSession, login_failed, start_session

LINK_SECONDS = 15 * MINUTE
"""Seconds for which a link to a new password is valid."""


class ResetLink(msgspec.Struct, frozen=True, array_like=True):
    """The content of a link, encrypted. It is bound to the password that it replaces, so it works once.

    Attributes:
        user: row of the user.
        password: digest of the hash of the password at that time.
        ends_at: by the issuer's time.
    """

    user: int
    password: bytes
    ends_at: int


async def change_password(issuer: Issuer, proof: Proof, password: str) -> OpenSession:
    """Replace the password of a user who proved the old one; all their sessions end, and a new one begins.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is too short or too long; LOGIN_FAILED when it was replaced meanwhile.
    """
    fresh = await _hashed(issuer, password)
    if not await issuer.store.replace_password(
        proof.user.id, proof.password_hash, fresh, ended_at=issuer.now()
    ):
        raise login_failed()
    return await start_session(issuer, proof.user, None, fresh)


async def make_reset_link(issuer: Issuer, user: User) -> str:
    """Return what the address of a new password carries, for a user with whatever password, or none.

    Raises:
        LingpaiError: NOT_FOUND when the user was removed.
    """
    found = await issuer.store.find_login(issuer.realm, user.login)
    if found is None or found[0].id != user.id:
        raise LingpaiError(Kind.NOT_FOUND, "There is no such user.")
    link = ResetLink(user.id, _digest(issuer, found[1]), issuer.now() + LINK_SECONDS)
    return issuer.sealed_texts("password links").seal(msgspec.msgpack.encode(link))


async def open_reset_link(issuer: Issuer, text: str) -> tuple[User, str]:
    """Return the user of a link, and the hash of the password that it replaces.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION: it is none, was used or has expired.
    """
    link = _read(issuer, text)
    user = await issuer.store.find_user(link.user) if link is not None else None
    found = await issuer.store.find_login(issuer.realm, user.login) if user is not None else None
    if link is None or user is None or found is None or user.realm != issuer.realm:
        raise _over()
    known, password_hash = found
    if known.id != user.id or known.disabled or link.ends_at <= issuer.now():
        raise _over()
    if link.password != _digest(issuer, password_hash):
        raise _over()
    return known, password_hash


async def reset_password(issuer: Issuer, text: str, password: str) -> User:
    """Set the password that a link is for; all sessions of the user end.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is too short or too long; as `open_reset_link`, also when another one
            uses the link at the same time.
    """
    user, known_hash = await open_reset_link(issuer, text)
    fresh = await _hashed(issuer, password)
    if not await issuer.store.replace_password(user.id, known_hash, fresh, ended_at=issuer.now()):
        raise _over()
    return user


async def _hashed(issuer: Issuer, password: str) -> str:
    check_password(password, issuer.policy.least_password)
    async with issuer.passwords.turn(known=True):
        return await issuer.passwords.hash_now(password)


def _read(issuer: Issuer, text: str) -> ResetLink | None:
    plain = issuer.sealed_texts("password links").open(text)
    try:
        return None if plain is None else msgspec.msgpack.decode(plain, type=ResetLink)
    except msgspec.MsgspecError:  # of another release
        return None


def _digest(issuer: Issuer, password_hash: str) -> bytes:
    return issuer.digest_of("password of a link", password_hash)


def _over() -> LingpaiError:
    return LingpaiError(Kind.INVALID_AUTHORIZATION, "The link was used, or has expired.")
