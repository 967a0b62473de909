"""What all pages of the console share: the site, its sessions, its files, and how it is reached."""

import dataclasses
import datetime as dt
import functools
import hashlib
from importlib.resources import files
from typing import Final

from lingpai.console.sessions import Sessions
from lingpai.core.content_security import OWN, content_policy
from lingpai.core.hosts import Hosts
from lingpai.core.seals import Digester
from lingpai.design.sheets import style
from lingpai.issuer.cookies import host_only
from lingpai.operating.site import Site

PREFIX: Final = "/console"
SCRIPTS: Final = ("console.js", "bars.js", "live.js")
POLICY: Final = content_policy(
    {
        "script-src": OWN,
        "style-src": OWN,
        "img-src": f"{OWN} data:",
        "connect-src": OWN,
        "form-action": OWN,
        "require-trusted-types-for": "'script'",
    }
)
_TAG_BYTES: Final = 4


@dataclasses.dataclass(frozen=True)
class Desk:
    """One console.

    Attributes:
        site: what is managed; acts for nobody yet.
        sessions: of operators.
        hosts: the names by which the listener may be addressed (DNS rebinding).
        secure: whether browsers use https.
        zone: of the times that are shown; the machine's own when None.
        sandbox: address of the sandbox of `lingpai dev`; "" in production.
    """

    site: Site
    sessions: Sessions
    hosts: Hosts
    secure: bool = False
    zone: dt.tzinfo | None = None
    sandbox: str = ""

    @functools.cached_property
    def digest(self) -> Digester:
        """Makes the tokens of forms."""
        return Digester(self.site.keeper.ring, "console form")

    @functools.cached_property
    def tag(self) -> str:
        """Distinguishes the cookies of consoles on one host, as cookies do not depend on the port (RFC 6265 §8.5)."""
        return self.digest("cookie")[:_TAG_BYTES].hex()

    @property
    def session_cookie(self) -> str:
        """The name of the cookie with a session."""
        return host_only(f"lingpai-console-{self.tag}", secure=self.secure)

    @property
    def visitor_cookie(self) -> str:
        """The name of the cookie to which the form of the sign-in is bound."""
        return host_only(f"lingpai-visitor-{self.tag}", secure=self.secure)

    def cookie(self, name: str, value: str) -> tuple[str, str]:
        """Return a header that sets a cookie until the browser is closed; an empty value removes it."""
        secure, ended = "; Secure" if self.secure else "", "" if value else "; Max-Age=0"
        return ("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{ended}{secure}")


@functools.cache
def sheet() -> bytes:
    """Return the style sheet of the console."""
    return style("pages", "console").encode()


@functools.cache
def scripts() -> dict[str, bytes]:
    """Return the modules of the console by name."""
    folder = files(__package__) / "scripts"
    return {name: (folder / name).read_bytes() for name in SCRIPTS}


@functools.cache
def files_path() -> str:
    """Return the folder of style sheet and scripts, with a digest of their content."""
    digest = hashlib.sha256(sheet() + b"".join(scripts().values()))
    return f"{PREFIX}/files/{digest.hexdigest()[:16]}"
