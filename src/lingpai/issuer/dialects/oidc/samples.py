"""The dialect's sample apps for `lingpai dev`: one with a secret, and a page without one."""

from typing import Any, Final

from lingpai.core.issuer_records import App, Client
from lingpai.issuer.samples import Document, SampleRealm, Samples, Values, digits, secret


async def _add(realm: SampleRealm) -> None:
    shared: dict[str, Any] = {
        "realm": realm.issuer.realm,
        "redirect_uris": (realm.redirect_uri,),
        "owner": "sample",
    }
    # Any library is to work with the samples as it comes, and some know RS256 alone.
    app = App(
        app_id=realm.values["oidc_client_id"],
        name="Sample 示例",
        client=Client(id_token_signed_response_alg="RS256"),  # noqa: S106  an algorithm
        **shared,
    )
    await realm.add(app, realm.values["oidc_secret"])
    page = App(app_id=realm.values["oidc_public_id"], name="Sample 单页示例", public=True, **shared)
    await realm.add(page, "")


def _describe(values: Values, url: str, redirect_uri: str) -> Document:
    return {
        "oidc": {
            "issuer": url,
            "client_id": values["oidc_client_id"],
            "client_secret": values["oidc_secret"],
            "redirect_uri": redirect_uri,
            "public_client_id": values["oidc_public_id"],
            "spa_redirect_uri": redirect_uri,
        }
    }


def _call(apps: Document, url: str) -> str:
    app = apps["oidc"]
    client = f"-u {app['client_id']}:{app['client_secret']}"
    return f"curl '{url}/token' {client} -d grant_type=client_credentials"


SAMPLES: Final = Samples(
    values={"oidc_client_id": lambda: digits(6), "oidc_secret": secret, "oidc_public_id": lambda: digits(6)},
    add=_add,
    describe=_describe,
    variables={
        "ISSUER": ("oidc", "issuer"),
        "OIDC": ("oidc", "client_id"),
        "OIDC_SECRET": ("oidc", "client_secret"),
        "OIDC_PAGE": ("oidc", "public_client_id"),
    },
    call=_call,
)
"""Any library of the standard protocol is a web app for it, so the sample web app has none."""
