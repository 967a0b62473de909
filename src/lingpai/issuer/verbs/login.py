"""Log a user in: failures are counted, who has logged in before is never shut out, and nobody learns who exists."""

from typing import NamedTuple

from lingpai.core.authorization_records import Session
from lingpai.core.errors import LingpaiError
from lingpai.core.names import fold
from lingpai.core.networks import network_of
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY
from lingpai.issuer.throttle import MOST_MARKS, too_many
from lingpai.issuer.verbs.sessions import OpenSession, login_failed, start_session
from lingpai.store.issuer_port import Owner

KNOWN = 180 * DAY
"""Seconds for which a browser or a network is remembered that logged in."""

Limited = tuple[bytes, int]
"""The digest of what attempts are counted for, and how many are borne."""


async def login(
    issuer: Issuer,
    name: str,
    password: str,
    address: str,
    replaces: Session | None = None,
    *,
    browser: str = "",
    form: str = "",
) -> OpenSession:
    """A new session of the user who knows this password, in place of the session they came with.

    An unknown user, a wrong password and a disabled user look the same and take the same time. A browser that has
    logged in to the account before has attempts of its own, and so has a network: what others tried is not held
    against them.

    Args:
        issuer: the realm.
        name: the login name as given.
        password: as given.
        address: the caller's; an IPv6 one counts with its /64.
        replaces: the session that they came with.
        browser: what the browser is known by, or "".
        form: the token of the form that was filled in, or "".

    Raises:
        LingpaiError: LOGIN_FAILED; TOO_MANY_REQUESTS or BUSY, with `retry_after` in seconds.
    """
    proof = await prove(issuer, name, password, address, browser=browser, form=form)
    opened = await _start(issuer, proof, password, replaces)
    await issuer.store.keep_marks(Owner.USER, proof.user.id, proof.marks, issuer.now() + KNOWN, MOST_MARKS)
    if proof.renewed:
        await issuer.store.replace_password(proof.user.id, proof.password_hash, proof.renewed, ended_at=None)
    return opened


class Proof(NamedTuple):
    """A user who gave the right password.

    Attributes:
        user: who.
        password_hash: the hash that it matched.
        renewed: a hash of our own to replace that one, or "".
        marks: digests of the network and the browser.
    """

    user: User
    password_hash: str
    renewed: str
    marks: list[bytes]

    def __repr__(self) -> str:
        """Never shows a hash."""
        return f"Proof({self.user.id})"


async def prove(
    issuer: Issuer, name: str, password: str, address: str, *, browser: str = "", form: str = ""
) -> Proof:
    """The user who knows this password; see `login`, whose attempts these are.

    Raises:
        LingpaiError: LOGIN_FAILED; TOO_MANY_REQUESTS or BUSY, with `retry_after` in seconds.
    """
    network = network_of(address)
    found = await issuer.store.find_login(issuer.realm, name)
    user, password_hash = found if found is not None else (None, "")
    marks = [issuer.digest_of("login from", "network", network)]
    if browser:
        marks.append(issuer.digest_of("login from", "browser", browser))
    known = await issuer.store.find_marks(Owner.USER, user.id if user else 0, marks, issuer.now())
    own, shared = _limits(issuer, fold(name), network, browser if marks[-1] in known else "", bool(known))
    if form:
        shared.append((issuer.digest_of("login form", form), issuer.policy.login.form))
    async with issuer.passwords.turn(known=bool(known)):
        now = issuer.now()
        until = await issuer.store.take_attempts((own, *shared), now, now + issuer.policy.login.seconds)
        if until is not None:
            raise too_many(until - now)
        right = await issuer.passwords.verify(password_hash, password)
        if user is None or not right or user.disabled:
            raise login_failed()
        await issuer.store.forget_attempts((own[0],))
        if shared:
            await issuer.store.return_attempts([subject for subject, _ in shared])
        return Proof(user, password_hash, await issuer.passwords.renewed(password_hash, password), marks)


async def _start(issuer: Issuer, proof: Proof, password: str, replaces: Session | None) -> OpenSession:
    """A session of who proved it. Another login may have renewed the hash of the same password meanwhile."""
    try:
        return await start_session(issuer, proof.user, replaces, proof.password_hash)
    except LingpaiError:
        found = await issuer.store.find_login(issuer.realm, proof.user.login) if proof.renewed else None
        if found is None or found[0].id != proof.user.id:
            raise
        if not await issuer.passwords.verify(found[1], password):
            raise
        return await start_session(issuer, found[0], replaces, found[1])


def _limits(
    issuer: Issuer, name: str, network: str, browser: str, known: bool
) -> tuple[Limited, list[Limited]]:
    """List the limits that an attempt counts for: the account's and the caller's own, and those shared by others."""
    limits = issuer.policy.login
    if browser:
        return (issuer.digest_of("login", "browser", name, browser), limits.pair), []
    pair = (issuer.digest_of("login", "pair", name, network), limits.pair)
    if known:
        return pair, []
    return pair, [
        (issuer.digest_of("login", "account", name), limits.account),
        (issuer.digest_of("login", "network", network), limits.address),
    ]
