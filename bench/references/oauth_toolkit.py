"""django-oauth-toolkit on SQLite: client_credentials and introspection, nothing else in Django's way.

Run by gunicorn as ``oauth_toolkit:application``; as a program it makes the database and writes introspection
requests to the file that it is given.
"""

# The bench puts these packages into an environment of their own, which mypy does not see.
# mypy: disable-error-code="import-not-found"

import os
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path
from django.utils import timezone

CLIENT = {"client_id": "bench", "client_secret": "0123456789abcdef0123456789abcdef"}
TOKENS = 1000

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
                "transaction_mode": "IMMEDIATE",
            },
        }
    },
    OAUTH2_PROVIDER={"SCOPES": {"read": "read"}, "ACCESS_TOKEN_EXPIRE_SECONDS": 7200},
)
django.setup()

from oauth2_provider.models import AccessToken, Application  # noqa: E402  Django has to be set up first
from oauth2_provider.views import IntrospectTokenView, TokenView  # noqa: E402

urlpatterns = [path("token", TokenView.as_view()), path("introspect", IntrospectTokenView.as_view())]
application = get_wsgi_application()


def fill(bodies: Path) -> None:
    """Make the tables, a client and its tokens."""
    call_command("migrate", verbosity=0)
    client = Application.objects.create(
        **CLIENT,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        hash_client_secret=False,  # its default takes some hundred milliseconds for each request
    )
    tokens = [f"{number:030d}" for number in range(TOKENS)]
    ends = timezone.now() + timedelta(days=1)
    for token in tokens:
        AccessToken.objects.create(application=client, token=token, expires=ends, scope="read")
    bodies.write_text("".join(urlencode({**CLIENT, "token": token}) + "\n" for token in tokens), "utf-8")


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
