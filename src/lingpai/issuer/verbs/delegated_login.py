"""Log in a user whom a site of the operator's own has logged in: known by its own id, made at the first login."""

import unicodedata

import msgspec

from lingpai.core.authorization_records import Session
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.identity_records import AnsweredLogin, Identity
from lingpai.core.names import hides
from lingpai.core.user_records import Profile, User
from lingpai.issuer.admin import change_user
from lingpai.issuer.checks import MAX_ADDRESS, MAX_TEXT, check_login
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.sessions import OpenSession, login_failed, start_session

PROVIDER = "login"
"""The provider of identities that the realm's own site names."""
_SPARE_BYTES = 8


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A login at the operator's site.

    Attributes:
        challenge: of the request that the site answered.
        ends_at: when the challenge ends, by the issuer's time.
        subject: the site's own id of the user.
        nickname, picture: as the site gave them; "" leaves what there is.
    """

    challenge: str
    ends_at: int
    subject: str
    nickname: str = ""
    picture: str = ""

    def __repr__(self) -> str:
        """Never shows who it is."""
        return f"Arrival({self.challenge[:8]})"


async def find_subject(issuer: Issuer, subject: str) -> User | None:
    """Return the user whom the site knows by this id, None before their first login."""
    return await issuer.store.find_identity(_identity(issuer, subject))


async def log_in_arrival(issuer: Issuer, arrival: Arrival, replaces: Session | None) -> OpenSession:
    """Return a new session of the user who arrived, in place of the one that they came with.

    A challenge is answered by one subject. The same subject may answer it again, as browsers repeat requests.

    Raises:
        LingpaiError: REPLAYED_REQUEST: another subject answered it. LOGIN_FAILED: the user is disabled.
    """
    identity = _identity(issuer, arrival.subject)
    answer = AnsweredLogin(
        digest=issuer.digest_of("login challenge", arrival.challenge),
        subject=identity.digest,
        ends_at=arrival.ends_at,
    )
    if not await issuer.store.answer_login(answer):
        raise LingpaiError(Kind.REPLAYED_REQUEST, "Another user has answered this login.")
    profile = _profile(arrival, Profile())
    user = User(realm=issuer.realm, login=_login(arrival.subject), profile=profile, created_at=issuer.now())
    spare = "user-" + issuer.random_bytes(_SPARE_BYTES).hex()
    known = await issuer.store.open_identity(identity, user, spare, issuer.now())
    profile = _profile(arrival, known.profile)
    if profile != known.profile:
        known = await change_user(issuer, known, profile=profile)
    if known.disabled:
        raise login_failed()
    return await start_session(issuer, known, replaces)


def _identity(issuer: Issuer, subject: str) -> Identity:
    return Identity(
        realm=issuer.realm,
        provider=PROVIDER,
        digest=issuer.digest_of("login subject", PROVIDER, subject),
        subject=subject,
        linked_at=issuer.now(),
    )


def _login(subject: str) -> str:
    """The subject as a login name, "" when it is none."""
    try:
        return subject if check_login(subject) == subject else ""
    except LingpaiError:
        return ""


def _profile(arrival: Arrival, known: Profile) -> Profile:
    """A profile with what the site gave, without characters that mislead; an address that is none is left out."""
    nick = "".join(each for each in unicodedata.normalize("NFC", arrival.nickname) if not hides(each)).strip()
    picture = arrival.picture
    is_address = (
        picture.startswith(("https://", "http://")) and len(picture) <= MAX_ADDRESS and not hides(picture)
    )
    return msgspec.structs.replace(
        known, nick=nick[:MAX_TEXT] or known.nick, avatar=picture if is_address else known.avatar
    )
