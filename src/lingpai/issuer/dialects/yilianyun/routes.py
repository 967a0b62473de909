"""The routes of the dialect (docs/spec/yilianyun.md), for one realm at a time."""

from lingpai.core.wire import Reply, Route, Shape, Source
from lingpai.issuer.authorizations import Entry
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yilianyun import params as wire
from lingpai.issuer.dialects.yilianyun.authorization_endpoint import AuthorizationEndpoint
from lingpai.issuer.dialects.yilianyun.calls import Calls
from lingpai.issuer.dialects.yilianyun.shape import AUTHORIZE, SCAN, SHAPE

BODY = Source.FORM | Source.JSON | Source.NO_LISTS
FOLDERS = ("/oauth", "/print", "/pictureprint", "/expressprint")
"""The first parts of the platform's paths, including those that its clients use and that are not served here, such as
`/print/index` and `/printmenu/addprintmenu`."""


def routes(issuer: Issuer, entry: Entry, *, prefix: str = "") -> tuple[Route, ...]:
    """Return all routes of one realm. Each realm has its own prefix.

    Args:
        issuer: the realm.
        entry: its pages.
        prefix: the path before `/oauth/…` and `/printer/…`, such as "/yilianyun-test"; none when empty.
    """
    authorization, calls = AuthorizationEndpoint(issuer, entry), Calls(issuer)
    tag = f"Yilianyun: {issuer.realm}"
    return (
        Route(("GET",), prefix + "/oauth/authorize", wire.AuthorizeParams, Source.QUERY | Source.NO_LISTS,
              authorization.authorize, AUTHORIZE, "Log a merchant in and ask for consent for a terminal", Reply, tag,
              authorization.page),
        Route(("POST",), prefix + "/oauth/oauth", wire.TokenParams, BODY, calls.token, SHAPE,
              "Exchange a code or a refresh token, or get the tokens of a self-owned app", wire.IssuedTokens, tag,
              quick=True),
        Route(("POST",), prefix + "/oauth/scancodemodel", wire.ScanParams, BODY, calls.scan, SCAN,
              "Get a terminal's tokens with the key on its screen, or with its secret", wire.IssuedTokens, tag,
              quick=True),
        Route(("POST",), prefix + "/printer/addprinter", wire.AddPrinterParams, BODY, calls.add_printer, SHAPE,
              "Bind a terminal to a self-owned app", None, tag),
        Route(("POST",), prefix + "/printer/deleteprinter", wire.DeletePrinterParams, BODY, calls.delete_printer,
              SHAPE, "Unbind a terminal; an open app's tokens for it end", None, tag),
    )  # fmt: skip


def fallback(prefix: str = "") -> tuple[tuple[str, Shape], ...]:
    """Return prefixes of unrouted paths that are answered in this dialect's shape, for `create_app`."""
    folders = (prefix,) if prefix else FOLDERS
    return tuple((folder, SHAPE) for folder in folders)
