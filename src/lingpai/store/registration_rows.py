"""Between rows of initial access tokens and records, for every engine."""

from typing import Any

import msgspec

from lingpai.core.registration_records import InitialToken
from lingpai.store.queries import Row
from lingpai.store.rows import write_names

_names = msgspec.json.Decoder(tuple[str, ...])


def read_initial_token(row: Row) -> InitialToken:
    """An initial access token from a row of `read_initial_token`."""
    row_id, realm, name, scopes, uses, salt, created_at, ends_at = row
    return InitialToken(
        id=row_id,
        realm=realm,
        name=name,
        scopes=_names.decode(scopes),
        uses=uses,
        salt=salt,
        created_at=created_at,
        ends_at=ends_at,
    )


def initial_token_columns(token: InitialToken) -> tuple[Any, ...]:
    """An initial access token as bindings of `add_initial_token`."""
    own = (token.realm, token.name, write_names(token.scopes), token.uses, token.salt)
    return (*own, token.created_at, token.ends_at)
