"""Puts the parts together; nothing else knows all of them."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from lingpai import __version__
from lingpai.core.clock import Clock, SystemClock
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.records import ENV, Account
from lingpai.core.wire import Call, Route, Shape
from lingpai.design.icons import icon_routes
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.logs import allow
from lingpai.edge.metrics import AsyncGauge, Exposition
from lingpai.edge.missing import missing_page
from lingpai.edge.reference import reference_routes
from lingpai.edge.start import Development, StartPage, start_page
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialect import Leads
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.pages.failures import NAME_FIELD
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.realms import mount, open_issuer
from lingpai.issuer.verbs.upkeep import purge_for_ever
from lingpai.keeper import renewal
from lingpai.keeper.deliveries import Deliveries
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.platforms.platform_type import PlatformType
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.relay.copying import Copies
from lingpai.keeper.routes import (
    compatible,
    drop_in,
    events,
    forwarding,
    generic,
    health,
    relay,
    reports,
    shapes,
    signatures,
    third_parties,
)
from lingpai.keeper.status import gauges
from lingpai.keeper.upstream import Upstream
from lingpai.operating.environment_posts import reaching
from lingpai.operating.hook_posts import posting
from lingpai.operating.keys import write_first_key
from lingpai.settings import Settings, SettingsError, legacy_accounts
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.opening import is_begun, issuer_beside, open_store
from lingpai.store.port import Store

allow(
    *("account", "action", "app", "budget", "caller", "count", "errcode", "error", "expires_in", "failures"),
    *(
        "address",
        "grant",
        "key_fingerprint",
        "kind",
        "realm",
        "limit",
        "outcome",
        "platform",
        "retry_in",
        "subject",
        "used",
        "version",
    ),
)

PURGE_ROLE = "purge"
PURGE_ROLE_TTL = 30.0
"""Seconds after which another worker purges when the one that did is gone."""


def fallback_shapes() -> tuple[tuple[str, Shape], ...]:
    """Return in which shape a path is answered that no route has, by its prefix."""
    return (
        ("", shapes.COMPATIBLE),
        ("/v1/", shapes.GENERIC),
        ("/health/", shapes.GENERIC),
        ("/relay/", shapes.GENERIC),
        *(
            (prefix, each.shape)
            for each in platform_types().values()
            if each.shape is not None
            for prefix in each.prefixes
        ),
    )


@contextlib.asynccontextmanager
async def open_keeper(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Keeper]:
    """A keeper over the store that the settings name; closed afterwards.

    Raises:
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    machine = clock or SystemClock()
    address = settings.store_address
    ring_file = settings.key_ring_file
    # A fresh ring would open nothing. Looked for twice, as another process may just have begun with both.
    if not ring_file.exists() and await is_begun(address) and not ring_file.exists():
        raise KeyRingError(
            f"The key ring {ring_file} is missing, and the store cannot be decrypted without it. "
            "Restore it from a backup, or copy it from another node."
        )
    ring = KeyRing.open_or_create(ring_file, machine.now())
    async with open_store(address, ring, machine) as (store, shared):
        keeper = Keeper(
            store=store,
            clock=shared,
            upstream=Upstream(settings.upstream_timeout),
            platforms={name: _described(settings, each) for name, each in platform_types().items()},
            ring=ring,
            options=settings.keeper_options(),
            reach=reaching(settings.keeper.hook_networks),
        )
        async with _published(settings, keeper):
            try:
                yield keeper
            finally:
                await keeper.close()


def _described(settings: Settings, platform: PlatformType) -> Platform:
    group = settings.platform(platform.name)
    return dataclasses.replace(platform.describe(group), way_out=group.way_out(platform.name))


def _published(settings: Settings, keeper: Keeper) -> contextlib.AbstractAsyncContextManager[None]:
    if settings.redis.url is None:
        return contextlib.nullcontext()
    try:
        from lingpai.keeper.publishing import publishing  # noqa: PLC0415  an extra: it may not be installed
    except ImportError as error:
        problem = "redis.url is set, but Redis's client is not there: `pip install lingpai[redis]`."
        raise SettingsError([problem]) from error
    return publishing(keeper, settings.redis.url.get_secret_value())


async def demand_addresses(keeper: Keeper) -> None:
    """Refuse to serve accounts of a platform that has no address.

    Raises:
        SettingsError: names each setting that is missing.
    """
    used = {account.platform for account in await keeper.store.list_accounts()}
    missing = [name for name, each in keeper.platforms.items() if name in used and not each.base_url]
    if missing:
        raise SettingsError(
            [
                f"{name}.base_url (environment: LINGPAI_{name.upper()}__BASE_URL): missing, and accounts of "
                f"{name} are configured."
                for name in missing
            ]
        )


def dialect_texts() -> dict[str, str]:
    """Return the texts of the dialects' routes in Chinese, by English text."""
    return {text: chinese for each in dialects().values() for text, chinese in each.chinese().items()}


def issuer_store_of(keeper: Keeper) -> IssuerStore:
    """The issuer's verbs on the engine of the keeper's store, which closes both."""
    return issuer_beside(keeper.store)


async def issuers_of(settings: Settings, keeper: Keeper, *, disabled: bool = False) -> dict[str, Issuer]:
    """The issuers of all enabled realms, by name, on the keeper's store; with `disabled`, of the others too.

    Raises:
        SettingsError: a realm's policy does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    store, passwords = issuer_store_of(keeper), Passwords()
    try:
        return {
            realm.name: await open_issuer(realm, store, keeper.ring, keeper.clock, passwords)
            for realm in (settings.all_realms() if disabled else settings.enabled_realms())
        }
    except ValueError as error:
        raise SettingsError([str(error)]) from error


@contextlib.asynccontextmanager
async def open_issuers(settings: Settings, clock: Clock | None = None) -> AsyncIterator[dict[str, Issuer]]:
    """The issuers of all enabled realms over the store, for operators; closed afterwards.

    Raises:
        SettingsError: a realm's policy does not do.
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    async with open_keeper(settings, clock) as keeper:
        yield await issuers_of(settings, keeper)


def routes_of(keeper: Keeper) -> tuple[Route, ...]:
    """Every route of the service but those that describe it (metrics, OpenAPI, documentation)."""
    return (
        *compatible.routes(keeper),
        *generic.routes(keeper),
        *reports.routes(keeper),
        *signatures.routes(keeper),
        *events.routes(keeper),
        *drop_in.routes(keeper),
        *forwarding.routes(keeper),
        *third_parties.routes(keeper),
        *relay.routes(keeper),
        *health.routes(keeper),
    )


def giving_way(routes: Iterable[Route], of_realms: Iterable[Route]) -> Iterator[Route]:
    """Yield the keeper's routes, but for those in a platform's form whose path a realm has too.

    Files that describe platforms may name any path, while realms and their prefixes were there before.
    """
    taken = {route.path for route in of_realms}
    return (route for route in routes if route.tag != "Drop-in" or route.path not in taken)


@contextlib.asynccontextmanager
async def open_service(
    settings: Settings,
    clock: Clock | None = None,
    *,
    development: Development | None = None,
    sandbox: str = "",
) -> AsyncIterator[EdgeApp]:
    """The whole service as an application of the edge, its background work running until the end of the block.

    Args:
        settings: of the service.
        clock: the machine's when None.
        development: what the start page shows besides; None in production.
        sandbox: address of the sandbox, whose faults the console can switch; "" in production.

    Raises:
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    if settings.log_login_names == "plain":
        allow(NAME_FIELD)
    async with open_keeper(settings, clock) as keeper:
        await adopt_legacy(keeper.store, legacy_accounts())
        await demand_addresses(keeper)
        exposition = Exposition()
        for gauge in gauges(keeper):
            exposition.add(AsyncGauge(*gauge))
        issuers = await issuers_of(settings, keeper)
        origin = settings.origin
        mounted = [
            mount(realm, issuers[realm.name], origin, settings.zone()) for realm in settings.enabled_realms()
        ]
        of_realms = tuple(route for each in mounted for route in each.routes)
        described = (
            *(
                _greeting(route, origin, development) if route.path == "/" else route
                for route in giving_way(routes_of(keeper), of_realms)
            ),
            *of_realms,
            exposition.route(shapes.GENERIC, networks=settings.edge.metrics_networks, hosts=settings.hosts()),
        )
        about = reference_routes(
            described, shapes.GENERIC, title="Lingpai 令牌", version=__version__, chinese=dialect_texts()
        )
        fallback = (*fallback_shapes(), *(pair for each in mounted for pair in each.fallback))
        routes = (*described, *about, *icon_routes(shapes.GENERIC))
        app = create_app(routes, fallback, settings.edge_options(), page=missing_page)
        app.on_ending = keeper.waits.end
        if settings.admin.listen:
            if settings.admin.bootstrap_key_file is not None:
                await write_first_key(keeper, settings.admin.bootstrap_key_file)
            everything = await issuers_of(settings, keeper, disabled=True)
            # Loaded only where it is served: it would cost every worker memory.
            from lingpai.admin_app import admin_app  # noqa: PLC0415

            app.beside = admin_app(settings, keeper, everything, sandbox=sandbox)
        leads = _leading(keeper)
        works = (work(leads) for each in mounted for work in each.background)
        deliveries = Deliveries(keeper, posting(keeper.options.hook_networks))
        async with _running(
            renewal.run(keeper), deliveries.run(), Copies(keeper).run(), *_purging(issuers, leads), *works
        ):
            yield app


def _greeting(route: Route, origin: str, development: Development | None) -> Route:
    """Return the route of `/` that shows browsers the start page and answers programs as before."""

    async def greet(params: StartPage, call: Call) -> Any:
        if call.accepts_html:
            return start_page(call, params.lang, origin, development)
        return await route.verb(params, call)

    return dataclasses.replace(route, params=StartPage, verb=greet)


def _leading(keeper: Keeper) -> Leads:
    """Return what says whether this process does what one worker of all nodes does for all."""

    async def leads() -> bool:
        return await keeper.store.lead(PURGE_ROLE, keeper.process, PURGE_ROLE_TTL)

    return leads


def _purging(issuers: Mapping[str, Issuer], leads: Leads) -> list[Coroutine[Any, Any, None]]:
    """The issuer's purge, once for all realms, as they share the store."""
    return [purge_for_ever(issuer, leads=leads) for issuer in list(issuers.values())[:1]]


@contextlib.asynccontextmanager
async def _running(*background: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines in the background while the block runs."""
    tasks = [asyncio.create_task(each) for each in background]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def adopt_legacy(store: Store, accounts: Sequence[Account]) -> None:
    """Add the accounts that .env has now, and follow their secrets.

    What operators added stays untouched. What .env lacks stays too: another node, or the same one started from another
    folder, need not have it. `lingpai account remove` removes it, and `lingpai doctor` reports it.
    """
    stored = {each.name: each for each in await store.list_accounts()}
    for account in accounts:
        known = stored.get(account.name)
        if known is None:
            await store.save_account(account)
        elif known.source == ENV and known.secret != account.secret:
            await store.save_account(msgspec.structs.replace(known, secret=account.secret))
