"""Open the keeper for commands, with the same settings, store, leases and budgets as the service's workers."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lingpai.messages.problems import Problem
from lingpai.messages.translating import speaks_chinese, tr

if TYPE_CHECKING:
    from lingpai.core.audit import Actor
    from lingpai.keeper.keeper import Keeper
    from lingpai.operating.port import Operating
    from lingpai.operating.site import Site
    from lingpai.settings import Settings

T = TypeVar("T")

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the store and the key ring.", show_default=False)
]
Json = Annotated[
    bool, typer.Option("--json", help="Write JSON, as in a pipe, even on a terminal.", show_default=False)
]


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

    demand_host()
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


class _Chosen:
    """Options of the root command.

    Attributes:
        server: the address, or "" for the store.
        context: the name of one that `lingpai context` knows, or "".
        typed: whether it was given on the command line, not by the environment.
    """

    server = ""
    context = ""
    typed = False


_chosen = _Chosen()


def choose_server(url: str, *, context: str = "", typed: bool = False) -> None:
    """Have the commands that can do so work by the admin API at `url`; "" for the store.

    Args:
        url: the address.
        context: the name of a server that `lingpai context` knows, in the place of an address.
        typed: whether it was given on the command line. Commands of the host alone refuse that, and take no notice of
            the environment, which a container passes to whatever runs in it.
    """
    _chosen.server, _chosen.context, _chosen.typed = url, context, typed


def server() -> str:
    """Return the address of the server that commands work on, or "" for the store.

    Raises:
        Problem: there is no context of the name that was given.
    """
    return _chosen.server or _context()[0]


def _context() -> tuple[str, str]:
    """Return address and key of the context that was named, or else is in use; empty for none."""
    from lingpai.cli.contexts import context_of, read_contexts

    name = _chosen.context or read_contexts()[1]
    return context_of(name) if name else ("", "")


def demand_host() -> None:
    """Refuse `--server`: a command that works on this host alone must not look as if it worked elsewhere.

    Raises:
        Problem: a server was given on the command line.
    """
    if _chosen.typed:
        raise Problem(
            tr(
                "This command works on its own host alone: run it there, or leave out --server to run it here."
            )
        )


def _forget(_done: "dict[str, Any]") -> None:
    """Show nothing."""


class Steps:
    """Counts the steps of a long operation, for who shows them; nobody at first.

    Attributes:
        shown: takes the number of steps that were just done.
        interrupted: takes what was done when the operation was interrupted.
    """

    def __init__(self) -> None:
        self.shown: Callable[[int], None] | None = None
        self.interrupted: Callable[[dict[str, Any]], None] = _forget

    def __call__(self, count: int) -> None:
        """Take the number of steps that were just done."""
        if self.shown is not None:
            self.shown(count)


def with_operating(
    data: Path | None,
    work: "Callable[[Operating], Awaitable[T]]",
    *,
    create: bool = False,
    rehearse: bool = False,
    steps: Steps | None = None,
) -> T:
    """Run `work` with the operating port: on the store, or on the admin API that `--server` names.

    Args:
        data: the folder from the command line, or None.
        work: runs in a new event loop.
        create: create store and key ring when there are none.
        rehearse: when there are none, use empty ones in memory.
        steps: counts the steps of long operations, on the store.

    Raises:
        typer.BadParameter: `--data` with `--server`.
        Problem: there is no store, or no admin key for the server.
        LingpaiError: of `work`; UPSTREAM_UNAVAILABLE when the server cannot be reached.
    """
    if _chosen.server or (_context()[0] and (_chosen.context or data is None)):
        if data is not None:
            raise typer.BadParameter(tr("Use either --server or --data."))
        return asyncio.run(_remotely(work))

    async def on_store(site: "Site") -> T:
        import dataclasses

        from lingpai.operating.local import Local

        counted = steps or Steps()
        return await work(Local(dataclasses.replace(site, advance=counted, interrupted=counted.interrupted)))

    return with_site(data, on_store, create=create, rehearse=rehearse)


def with_site(
    data: Path | None, work: "Callable[[Site], Awaitable[T]]", *, create: bool = False, rehearse: bool = False
) -> T:
    """Run `work` with the service as operators see it, on the store; parameters and errors as of `with_keeper`."""

    async def on_store(keeper: "Keeper") -> T:
        from lingpai.admin_site import site_of
        from lingpai.service import issuers_of
        from lingpai.settings import load_settings

        settings = load_settings(data=data)
        issuers = await issuers_of(settings, keeper, disabled=True)
        return await work(site_of(settings, keeper, issuers).by(operator(), chinese=speaks_chinese()))

    return with_keeper(data, on_store, create=create, rehearse=rehearse)


def warn_of_plain_http(url: str) -> None:
    """Say on standard error that an admin key is sent unencrypted, unless it stays on this machine."""
    from urllib.parse import urlsplit

    from lingpai.core.addresses import is_loopback
    from lingpai.core.escaping import shown_lines

    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:  # no address, as the call will say
        return
    if split.scheme == "http" and not is_loopback(host):
        text = tr("Warning: it is plain http: the admin key is sent unencrypted to {host}.", host=host)
        typer.echo(shown_lines(text), err=True)


async def _remotely(work: "Callable[[Operating], Awaitable[T]]") -> T:
    import os

    from lingpai.core.text import read_text, trimmed
    from lingpai.operating.remote import Remote

    url, key = (_chosen.server, "") if _chosen.server else _context()
    if not key:
        file = os.environ.get("LINGPAI_ADMIN_KEY_FILE", "")
        if not file:
            raise Problem(tr("Name the file with the admin key in LINGPAI_ADMIN_KEY_FILE."))
        key = trimmed(read_text(await asyncio.to_thread(Path(file).read_bytes), file))
    warn_of_plain_http(url)
    async with Remote(url, key, "zh" if speaks_chinese() else "en") as remote:
        return await work(remote)
