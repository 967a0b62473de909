"""Between the issuer's rows and records, for every engine."""

from collections.abc import Sequence
from typing import Any

import msgspec

from lingpai.core.issuer_records import (
    App,
    AppMode,
    Client,
    Grant,
    GrantKind,
    GrantState,
    GrantView,
    Member,
    Registration,
    Resource,
    Secret,
    SigningKey,
    Terminal,
)
from lingpai.store.queries import Row
from lingpai.store.rows import write_names
from lingpai.store.vault import Vault

SECRET_COLUMN = "issuer_secrets.sealed"  # noqa: S105  a column's name
SIGNING_KEY_COLUMN = "issuer_signing_keys.sealed"

_names = msgspec.json.Decoder(tuple[str, ...])
_client = msgspec.json.Decoder(Client)
_registration = msgspec.json.Decoder(Registration)
_encode = msgspec.json.Encoder().encode
_KINDS = {int(kind): kind for kind in GrantKind}
GRANT_COLUMNS = 21
_STATES = {int(state): state for state in GrantState}


def read_apps(rows: Sequence[Row], vault: Vault) -> tuple[App, ...]:
    """Apps from rows of `find_app` or `list_apps`.

    One row per secret, those of one app together, newest first.
    """
    apps: dict[int, App] = {}
    for *columns, digest, sealed, ends_at in rows:
        app = apps.get(columns[0]) or _read_app(columns)
        if digest is not None:
            clear = "" if sealed is None else vault.open(sealed, SECRET_COLUMN, app.realm, app.app_id)
            app = msgspec.structs.replace(app, secrets=(*app.secrets, Secret(digest, clear, ends_at)))
        apps[app.id] = app
    return tuple(apps.values())


def _read_app(row: Sequence[Any]) -> App:
    (row_id, realm, app_id, name, mode, redirect_uris, domains, networks, grants, scopes,
     permissions, audience, owner, listed, disabled, public, created_at, client, registration) = row  # fmt: skip
    return App(
        id=row_id,
        realm=realm,
        app_id=app_id,
        name=name,
        mode=AppMode(mode),
        redirect_uris=_names.decode(redirect_uris),
        domains=_names.decode(domains),
        networks=_names.decode(networks),
        grants=_names.decode(grants),
        scopes=_names.decode(scopes),
        permissions=_names.decode(permissions),
        audience=audience,
        owner=owner,
        listed=bool(listed),
        disabled=bool(disabled),
        public=bool(public),
        created_at=created_at,
        client=_client.decode(client),
        registration=read_registration(registration),
    )


def read_registration(text: str) -> Registration | None:
    """Read the registration of an app from its column; None for "", which apps of operators have."""
    return _registration.decode(text) if text else None


def app_columns(app: App) -> dict[str, Any]:
    """An app as bindings of `add_app` and of the query that changes one."""
    return {
        "realm": app.realm,
        "app_id": app.app_id,
        "name": app.name,
        "mode": app.mode.value,
        "redirect_uris": write_names(app.redirect_uris),
        "domains": write_names(app.domains),
        "networks": write_names(app.networks),
        "grants": write_names(app.grants),
        "scopes": write_names(app.scopes),
        "permissions": write_names(app.permissions),
        "audience": app.audience,
        "owner": app.owner,
        "listed": app.listed,
        "disabled": app.disabled,
        "public": app.public,
        "client": _encode(app.client).decode(),
        "registration": "" if app.registration is None else _encode(app.registration).decode(),
        "created_at": app.created_at,
    }


def read_resource(row: Row) -> Resource:
    """A resource server from a row of `list_resources`."""
    realm, uri, name, scopes, token_format, alg, access, introspector, created_at = row
    return Resource(
        realm=realm,
        uri=uri,
        name=name,
        scopes=_names.decode(scopes),
        token_format=token_format,
        alg=alg,
        access=access,
        introspector=introspector,
        created_at=created_at,
    )


def resource_columns(resource: Resource) -> tuple[Any, ...]:
    """A resource server as bindings of `save_resource`."""
    columns = msgspec.structs.asdict(resource)
    return tuple((columns | {"scopes": write_names(resource.scopes)}).values())


def read_terminal(row: Row) -> Terminal:
    """A terminal from a row of `find_terminal`."""
    terminal_id, realm, code, name, owner, bound_app, secret_digest, key_digest, key_ends_at, created_at = row
    return Terminal(
        id=terminal_id,
        realm=realm,
        machine_code=code,
        name=name,
        owner=owner,
        bound_app=bound_app,
        secret_digest=secret_digest,
        key_digest=key_digest,
        key_ends_at=key_ends_at,
        created_at=created_at,
    )


def read_member(row: Row) -> Member:
    """A member from a row of `find_member`."""
    member_id, app, user, open_id, union_id, permissions, scope, added, created_at = row
    return Member(
        id=member_id,
        app=app,
        user=user,
        open_id=open_id,
        union_id=union_id or "",
        permissions=_names.decode(permissions),
        scope=scope,
        added=bool(added),
        created_at=created_at,
    )


def member_columns(member: Member) -> dict[str, Any]:
    """A member as bindings of `add_member`, `import_member` and `add_union`."""
    return {
        "app": member.app,
        "user": member.user,
        "open_id": member.open_id,
        "union_id": member.union_id,
        "permissions": write_names(member.permissions),
        "scope": member.scope,
        "added": member.added,
        "created_at": member.created_at,
    }


def read_grant(row: Row) -> Grant:
    """A grant from a row of `read_grant`, or from the first columns of a wider one (`GRANT_COLUMNS` of them)."""
    return read_view((*row[:GRANT_COLUMNS], None, None, None, None)).grant


def read_view(row: Row) -> GrantView:
    """A grant with what decides about it, from a row of `view_grant`."""
    (row_id, realm, kind, app, user, terminal, member, scope, redirect_uri, challenge, challenge_method, nonce,
     audience, state, generation, rotated_at, created_at, ends_at, limit_at, end_reason, salt,
     app_id, usable, open_id, machine_code) = row  # fmt: skip
    grant = Grant(
        id=row_id,
        realm=realm,
        kind=_KINDS[kind],
        app=app,
        user=user,
        terminal=terminal,
        member=member,
        scope=scope,
        redirect_uri=redirect_uri,
        challenge=challenge,
        challenge_method=challenge_method,
        nonce=nonce,
        audience=audience,
        state=_STATES[state],
        generation=generation,
        rotated_at=rotated_at,
        created_at=created_at,
        ends_at=ends_at,
        limit_at=limit_at,
        end_reason=end_reason,
        salt=salt,
    )
    return GrantView(grant, app_id or "", usable == 1, open_id or "", machine_code or "")


def row_after(grant: Grant, generation: int, now: int, ends_at: int) -> Grant:
    """The row of a grant after its code or refresh token is spent, whose tokens of `generation` are made now.

    It is what `redeem` and `rotate` write, if they write anything: nothing else of a grant changes while it lives.
    """
    return msgspec.structs.replace(
        grant,
        state=GrantState.LIVE,
        generation=generation,
        rotated_at=now,
        ends_at=min(ends_at, grant.limit_at),
    )


def read_signing_key(row: Row, vault: Vault) -> SigningKey:
    """A signing key from the columns of `list_signing_keys`.

    Raises:
        SealError, KeyRingError: its private half does not open.
    """
    realm, alg, number, kid, public, sealed, created_at, signs_from = row
    return SigningKey(
        realm=realm,
        alg=alg,
        number=number,
        kid=kid,
        public=public,
        private=vault.open(sealed, SIGNING_KEY_COLUMN, realm, kid),
        created_at=created_at,
        signs_from=signs_from,
    )


def signing_key_columns(key: SigningKey, vault: Vault) -> tuple[Any, ...]:
    """A signing key as bindings of `add_signing_key`, its private half sealed."""
    sealed = vault.seal(key.private, SIGNING_KEY_COLUMN, key.realm, key.kid)
    return (key.realm, key.alg, key.number, key.kid, key.public, sealed, key.created_at, key.signs_from)
