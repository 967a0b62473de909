"""Documents of sectors, which list the redirect URIs of all clients in one."""

from lingpai.core.issuer_records import App
from lingpai.core.logs import structlog
from lingpai.issuer.dialects.oidc.registration.reading import invalid
from lingpai.issuer.fetcher import Fetcher, FetchError
from lingpai.issuer.sectors import check_listed

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def check_sector_document(fetcher: Fetcher, app: App) -> None:
    """See that the document of an app's sector lists its redirect URIs (OpenID Connect Registration §5).

    Raises:
        LingpaiError: INVALID_CLIENT_METADATA.
    """
    uri = app.client.sector_identifier_uri
    if not uri:
        return
    try:
        document = await fetcher.fetch(uri)
    except FetchError as error:
        log.warning("sector_not_fetched", error=str(error))
        raise invalid("sector_identifier_uri", "its document cannot be fetched") from error
    check_listed(document, app)
