"""Log a user in: throttled, and silent about who exists (attacks B20, B23)."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Session
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.sessions import OpenSession, login_failed, start_session


async def login(
    issuer: Issuer, name: str, password: str, address: str, replaces: Session | None = None
) -> OpenSession:
    """A new session of the user who knows this password, in place of the session they came with.

    An unknown user, a wrong password and a disabled user look the same and take the same time.

    Raises:
        LingpaiError: LOGIN_FAILED, or TOO_MANY_REQUESTS with `retry_after` in seconds.
    """
    limits, now = issuer.policy.login, issuer.now()
    pair, account, caller = (
        issuer.digest_other("login " + subject)
        for subject in (f"{address} {name}", f"* {name}", f"{address} *")
    )
    until = await issuer.store.take_attempts(
        ((pair, limits.pair), (account, limits.account), (caller, limits.address)), now, now + limits.seconds
    )
    if until is not None:
        raise LingpaiError(
            Kind.TOO_MANY_REQUESTS, "Too many attempts to log in; try again later.", retry_after=until - now
        )
    found = await issuer.store.find_login(issuer.realm, name)
    user, password_hash = found if found is not None else (None, "")
    right = await issuer.passwords.verify(password_hash, password)
    if user is None or not right or user.disabled:
        raise login_failed()
    await issuer.store.forget_attempts((pair,))
    return await start_session(issuer, user, replaces, password_hash)
