"""A worker of the service that stays up while the command line works on the same store."""

import contextlib
from collections.abc import AsyncIterator

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import load_settings
from tests.cli.conftest import Cli


@contextlib.asynccontextmanager
async def worker(cli: Cli) -> AsyncIterator[dict[str, Issuer]]:
    async with open_issuers(load_settings(data=cli.data)) as issuers:
        yield issuers


async def user_tokens(issuer: Issuer, app_id: str, login: str) -> Tokens:
    """A pair of tokens of a user, as a code gives them."""
    app = await issuer.store.find_app(issuer.realm, app_id)
    known = await issuer.store.find_login(issuer.realm, login)
    assert app is not None
    assert known is not None
    code = await issue_code(issuer, app, known[0], Asked(redirect_uri=app.redirect_uris[0]))
    return await redeem(issuer, app, code.code, redirect_uri=app.redirect_uris[0])


async def checks(issuer: Issuer, tokens: Tokens) -> Kind | None:
    """What the next check of an access token says: None that it is good, or why it is not."""
    try:
        await resolve_access_token(issuer, tokens.access_token)
    except LingpaiError as error:
        return error.kind
    return None
