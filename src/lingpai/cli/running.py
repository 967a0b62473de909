"""Open the keeper for commands, with the same settings, store, leases and budgets as the service's workers."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lingpai.cli.messages import speaks_chinese, tr
from lingpai.cli.problems import Problem

if TYPE_CHECKING:
    from lingpai.core.audit import Actor
    from lingpai.core.records import Account
    from lingpai.keeper.keeper import Keeper
    from lingpai.operating.port import Operating
    from lingpai.settings import Settings

T = TypeVar("T")

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the store and the key ring.", show_default=False)
]
Json = Annotated[
    bool, typer.Option("--json", help="Write JSON, as in a pipe, even on a terminal.", show_default=False)
]
Name = Annotated[str, typer.Argument(help="platform/account or platform/account/label.", show_default=False)]


def with_keeper(
    data: Path | None,
    work: "Callable[[Keeper], Awaitable[T]]",
    *,
    create: bool = False,
    rehearse: bool = False,
) -> T:
    """Run `work` with a keeper on the store that the settings name, and return its result.

    Args:
        data: the folder from the command line, or None.
        work: runs in a new event loop.
        create: create store and key ring when there are none.
        rehearse: when there are none, use empty ones in memory.

    Raises:
        Problem: there is no store, and `create` is false.
        SettingsError: the settings are not valid.
        LingpaiError: of `work`, or STORE_UNAVAILABLE.
    """
    from lingpai.settings import load_settings

    if _chosen.server:
        raise Problem(tr("This command works on the host alone; leave out --server."))
    settings = load_settings(data=data)
    if rehearse and settings.store_address.dsn is None and not settings.database.exists():
        with tempfile.TemporaryDirectory() as folder:
            empty = {"data": Path(folder), "store": type(settings.store)(""), "key_ring": None}
            return asyncio.run(_run(settings.model_copy(update=empty), work))
    demand_store(settings, create=create)
    return asyncio.run(_run(settings, work))


def demand_store(settings: "Settings", *, create: bool) -> None:
    """Refuse a folder without a store, and a store without its key ring.

    A mistyped path must not give an empty list, nor a lost key ring a new one that decrypts nothing.

    Args:
        settings: have the paths of both.
        create: whether both may be created.

    Raises:
        Problem: one is missing.
    """
    if settings.store_address.dsn is not None:  # a mistyped path does not create a database
        return
    if settings.database.exists():
        if not settings.key_ring_file.exists():
            text = (
                "The key ring {path} is missing, and the store cannot be decrypted without it. "
                "Restore it from a backup."
            )
            raise Problem(tr(text, path=settings.key_ring_file))
    elif not create:
        text = (
            "There is no store in {folder}. Name its folder with --data or LINGPAI_DATA, or "
            "create one with `lingpai account add`."
        )
        raise Problem(tr(text, folder=settings.data))


async def _run(settings: "Settings", work: "Callable[[Keeper], Awaitable[T]]") -> T:
    from lingpai.service import open_keeper

    with quiet():
        async with open_keeper(settings) as keeper:
            return await work(keeper.by(operator()))


def operator() -> "Actor":
    """Return who runs this command, for the audit trail: the user of the process, and the host."""
    import os
    import pwd
    import socket

    from lingpai.core.audit import Actor

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not be in the table
        user = str(os.getuid())
    return Actor("cli", f"{user}@{socket.gethostname()}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress log lines in a command's output; the command itself reports what is relevant."""
    from lingpai.core.logs import structlog

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


async def find_account(keeper: "Keeper", name: str) -> "Account":
    """Return the configured account of this name; its id is enough when it is the only account with it.

    Raises:
        Problem: there is none, or several.
    """
    accounts = await keeper.store.list_accounts()
    exact = [each for each in accounts if each.name == name]
    found = exact or [each for each in accounts if f"/{name}/" in f"/{each.name}/"]
    if not found:
        raise Problem(tr("There is no account {name}; `lingpai account list` shows all.", name=name))
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise Problem(tr("{name} is ambiguous: {names}. Name one of them.", name=name, names=names))
    return found[0]


class _Chosen:
    """Options of the root command."""

    server = ""


_chosen = _Chosen()


def choose_server(url: str) -> None:
    """Have the commands that can do so work by the admin API at `url`; "" for the store."""
    _chosen.server = url


def with_operating(
    data: Path | None, work: "Callable[[Operating], Awaitable[T]]", *, create: bool = False
) -> T:
    """Run `work` with the operating port: on the store, or on the admin API that `--server` names.

    Raises:
        Problem: there is no store, or no admin key for the server.
        LingpaiError: of `work`; UPSTREAM_UNAVAILABLE when the server cannot be reached.
    """
    if _chosen.server:
        return asyncio.run(_remotely(work))

    async def on_store(keeper: "Keeper") -> T:
        from lingpai.admin_site import site_of
        from lingpai.operating.local import Local
        from lingpai.service import issuers_of
        from lingpai.settings import load_settings

        settings = load_settings(data=data)
        issuers = await issuers_of(settings, keeper, disabled=True)
        site = site_of(settings, keeper, issuers)
        return await work(Local(site.by(operator(), chinese=speaks_chinese())))

    return with_keeper(data, on_store, create=create)


async def _remotely(work: "Callable[[Operating], Awaitable[T]]") -> T:
    import os

    from lingpai.core.text import read_text, trimmed
    from lingpai.operating.remote import Remote

    file = os.environ.get("LINGPAI_ADMIN_KEY_FILE", "")
    if not file:
        raise Problem(tr("Name the file with the admin key in LINGPAI_ADMIN_KEY_FILE."))
    key = trimmed(read_text(await asyncio.to_thread(Path(file).read_bytes), file))
    async with Remote(_chosen.server, key, "zh" if speaks_chinese() else "en") as remote:
        return await work(remote)
