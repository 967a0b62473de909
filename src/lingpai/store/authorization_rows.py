"""Between rows of sessions and waiting authorization requests, and records, for every engine."""

from typing import Any

from lingpai.core.authorization_records import Device, Logout, Pushed, Session
from lingpai.store.queries import Row


def read_session(row: Row) -> Session:
    """A session from (id, realm, user_row, salt, created_at, ends_at, sid)."""
    session_id, realm, user, salt, created_at, ends_at, sid = row
    return Session(
        id=session_id, realm=realm, user=user, salt=salt, created_at=created_at, ends_at=ends_at, sid=sid
    )


def read_logout(row: Row) -> Logout:
    """Return a client to notify, from (id, realm, app_row, salt, open_id, sid, tries_left, created_at)."""
    row_id, realm, app, salt, open_id, sid, left, created_at = row
    return Logout(
        id=row_id,
        realm=realm,
        app=app,
        salt=salt,
        open_id=open_id,
        sid=sid,
        left=left,
        created_at=created_at,
    )


def read_device(row: Row) -> Device:
    """A device that waits from a row of `read_device`."""
    row_id, user_code, app, salt, params, created_at, ends_at = row
    return Device(
        id=row_id,
        user_code=bytes(user_code),
        app=app,
        salt=salt,
        params=params,
        created_at=created_at,
        ends_at=ends_at,
    )


def device_columns(device: Device) -> tuple[Any, ...]:
    """A device that waits as bindings of `add_device`."""
    own = (device.user_code, device.app, device.salt, device.params)
    return (*own, device.created_at, device.ends_at)


def read_pushed(row: Row) -> Pushed:
    """A pushed request from a row of `read_pushed`."""
    row_id, app, salt, params, created_at, ends_at = row
    return Pushed(id=row_id, app=app, salt=salt, params=params, created_at=created_at, ends_at=ends_at)


def pushed_columns(pushed: Pushed) -> tuple[Any, ...]:
    """A pushed request as bindings of `add_pushed`."""
    return (pushed.app, pushed.salt, pushed.params, pushed.created_at, pushed.ends_at)
