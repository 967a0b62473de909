"""The routes of the admin API, made of the table of resources: one listener of its own serves them."""

import dataclasses
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from lingpai import __version__
from lingpai.core.audit import Actor, AdminKey
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.etags import is_named
from lingpai.core.hosts import Hosts
from lingpai.core.languages import CHINESE, preferred
from lingpai.core.wire import Call, Reply, Route, Source, Streams
from lingpai.edge.openapi import document
from lingpai.operating.conditions import condition_of, demanded
from lingpai.operating.keys import Doorkeeper
from lingpai.operating.local import Local
from lingpai.operating.own_hosts import demand_own_host
from lingpai.operating.port import Document
from lingpai.operating.problems import PROBLEMS
from lingpai.operating.repeats import Repeats
from lingpai.operating.replies import ROOT, filled, in_their_language, item_reply, page_reply, saved_reply
from lingpai.operating.resources.registry import RESOURCES
from lingpai.operating.resources.resource import Action, Resource, Streamed
from lingpai.operating.rights import Need
from lingpai.operating.route_params import (
    BODY,
    PAGING,
    DryRun,
    Fields,
    Flag,
    filters,
    key_of,
    params_of,
    strings,
)
from lingpai.operating.site import Site
from lingpai.operating.streaming import MOST_ROWS, STALL, finished, lines_reply, rows, whole

TAG: Final = "admin"
NO_ROWS: Final = Streams(body_limit=0, stall=STALL)
_FIELD: Final = re.compile(r"\{(\w+)(?::path)?\}")
_NO_WORD: Final = re.compile(r"\W+")


class Granted(NamedTuple):
    """A request that was let in.

    Attributes:
        key: the admin key.
        site: acts for it.
        port: what it may use.
    """

    key: AdminKey
    site: Site
    port: Local


class AdminApi:
    """Lets requests in, carries them out and writes the answers.

    Args:
        site: what is managed.
        hosts: the names by which the listener may be addressed (DNS rebinding).
        networks: CIDR blocks that requests may come from; empty for any.

    Attributes:
        door: recognises admin keys, and refuses a network with too many failures.
    """

    def __init__(self, site: Site, hosts: Hosts, networks: tuple[str, ...] = ()) -> None:
        self._site = site
        self._hosts = hosts
        self._networks = networks
        self.door = Doorkeeper(site.keeper, networks)
        self._repeats = Repeats(site)
        self._declared: list[Route] = []

    def routes(self) -> list[Route]:
        """Return every route."""
        self._declared = self.declare()
        return self._declared

    def declare(self) -> list[Route]:
        """Return every route; what they declare depends on no site."""
        found = [route for resource in RESOURCES for route in self._routes_of(resource)]
        summary = "Show the admin key that is used, and its rights."
        found.append(self._route(("GET",), "/whoami", {}, self._whoami, summary))
        described = self._route(
            ("GET",), "/openapi.json", {}, self._describe, "Describe this API as OpenAPI 3.1."
        )
        return [*found, described]

    async def admit(self, call: Call, *needs: Need) -> Granted:
        """Return who asks, when they may.

        Args:
            call: the request.
            needs: the rights that it needs; none for any key.

        Raises:
            LingpaiError: MISSING_KEY, WRONG_KEY, NOT_ALLOWED, TOO_MANY_REQUESTS.
        """
        demand_own_host(call, self._hosts)
        if call.header("origin") is not None or call.header("sec-fetch-site") is not None:
            raise LingpaiError(Kind.NOT_ALLOWED, "The admin API is not for web pages.")
        key = await self.door.recognise(call.bearer, call.peer)
        call.caller = key.name
        actor = Actor("admin", key.name, call.peer, call.trace_id)
        chinese = preferred(call.header("accept-language")) == CHINESE
        site = self._site.by(actor, chinese=chinese)
        granted = Granted(key, site, Local(site))
        await self._demand(granted, needs)
        return granted

    async def _demand(self, granted: Granted, needs: Iterable[Need]) -> None:
        site = granted.site
        await site.refusals.demand(site.keeper, granted.key.rights, needs, "api.refused")

    def _routes_of(self, resource: Resource[Any]) -> Iterator[Route]:
        keys = tuple(_FIELD.findall(resource.path))
        around = tuple(_FIELD.findall(resource.list_path))
        if resource.listed:
            yield self._route(
                ("GET",),
                resource.list_path,
                strings(around) | filters(resource) | PAGING,
                self._lister(resource, around),
                f"List: {resource.kind}.",
                sources=Source.PATH | Source.QUERY,
            )
        verbs: Mapping[str, Callable[[Resource[Any], tuple[str, ...]], Any]] = {
            "GET": self._reader,
            "PUT": self._putter,
            "PATCH": self._patcher,
            "DELETE": self._remover,
        }
        for method in resource.methods:
            takes = method in ("PUT", "PATCH")
            yield self._route(
                (method,),
                resource.path,
                strings(keys) | (BODY | {"dry_run": (DryRun, "")} if takes else {}),
                verbs[method](resource, keys),
                f"{_WORDS[method]}: {resource.noun}.",
                sources=Source.PATH | Source.QUERY if takes else Source.PATH,
                body=resource.entry if takes else None,
            )
        for action in resource.actions.values():
            fields = around if action.whole else keys
            path = (resource.list_path if action.whole else resource.path) + action.path
            yield self._route(
                ("POST",),
                path,
                strings(fields)
                | ({} if action.most_bytes else BODY)
                | dict.fromkeys(action.flags, (Flag, "")),
                self._actor(resource, action, fields),
                action.summary,
                sources=Source.PATH | Source.QUERY if action.flags else Source.PATH,
                body=action.body,
                streams=Streams(action.most_bytes, STALL) if action.most_bytes else None,
            )
        for streamed in resource.streams.values():
            yield self._route(
                ("GET",) if streamed.row is None else ("POST",),
                resource.list_path + streamed.path,
                strings(around),
                self._streamer(resource, streamed, around),
                streamed.summary,
                body=streamed.row,
                streams=_limits_of(streamed),
            )

    def _route(
        self,
        methods: tuple[str, ...],
        path: str,
        fields: Fields,
        verb: Callable[[Any, Call], Awaitable[Any]],
        summary: str,
        *,
        sources: Source = Source.PATH,
        body: Any = None,
        streams: Streams | None = None,
    ) -> Route:
        # Each has a name of its own, by which the OpenAPI document distinguishes them.
        name = _NO_WORD.sub("_", f"{methods[0]}{path}").strip("_")
        params = params_of(name, fields)
        return Route(
            methods,
            ROOT + path,
            params,
            sources | (Source.DOCUMENT if body is not None and streams is None else Source.PATH),
            in_their_language(verb),
            PROBLEMS,
            summary,
            dict[str, Any],
            TAG,
            body=body,
            streams=streams,
        )

    def _lister(self, resource: Resource[Any], around: tuple[str, ...]) -> Any:
        async def run(params: Any, call: Call) -> Reply:
            key = key_of(params, around)
            granted = await self.admit(call, resource.need(key, "read"))
            wanted = {name: getattr(params, name) for name in resource.filters if getattr(params, name)}
            port = granted.port
            page = await port.list(resource.kind, key, wanted, after=params.after, limit=params.limit)
            count = await port.count(resource.kind, key, wanted) if params.count == "1" else None
            query = {**wanted, "limit": str(params.limit)}
            return page_reply(page, filled(resource.list_path, key), query, count)

        return run

    def _reader(self, resource: Resource[Any], keys: tuple[str, ...]) -> Any:
        async def run(params: Any, call: Call) -> Reply:
            key = key_of(params, keys)
            item = await (await self.admit(call, resource.need(key, "read"))).port.read(resource.kind, key)
            return item_reply(item, known=is_named(item.etag, call.if_none_match))

        return run

    def _putter(self, resource: Resource[Any], keys: tuple[str, ...]) -> Any:
        async def run(params: Any, call: Call) -> Reply:
            key = key_of(params, keys)
            granted = await self.admit(call, resource.need(key, "write"))
            condition = condition_of(call.header("if-match"), call.if_none_match)
            if condition is None:
                raise demanded()
            dry_run = params.dry_run == "1"
            saved = await granted.port.put(resource.kind, key, params.document, condition, dry_run=dry_run)
            return saved_reply(saved)

        return run

    def _patcher(self, resource: Resource[Any], keys: tuple[str, ...]) -> Any:
        async def run(params: Any, call: Call) -> Reply:
            key = key_of(params, keys)
            granted = await self.admit(call, resource.need(key, "write"))
            condition = condition_of(call.header("if-match"), call.if_none_match)
            dry_run = params.dry_run == "1"
            saved = await granted.port.patch(resource.kind, key, params.document, condition, dry_run=dry_run)
            return saved_reply(saved)

        return run

    def _remover(self, resource: Resource[Any], keys: tuple[str, ...]) -> Any:
        async def run(params: Any, call: Call) -> Document:
            key = key_of(params, keys)
            granted = await self.admit(call, resource.need(key, "write"))
            condition = condition_of(call.header("if-match"), call.if_none_match)
            return await granted.port.remove(resource.kind, key, condition)

        return run

    def _actor(self, resource: Resource[Any], action: Action, keys: tuple[str, ...]) -> Any:
        name = next(name for name, each in resource.actions.items() if each is action)

        async def run(params: Any, call: Call) -> Document:
            key = key_of(params, keys)
            if action.most_bytes:
                granted = await self.admit(call)  # before a large body is read
                body = await whole(call)
            else:
                body = params.document
                granted = await self.admit(call, *resource.needs(action, key, body))
            body |= {flag: True for flag in action.flags if getattr(params, flag) == "1"}
            if action.most_bytes:
                await self._demand(granted, resource.needs(action, key, body))

            async def act(nonce: bytes) -> Document:
                site = dataclasses.replace(granted.site, nonce=nonce)
                return await Local(site).act(resource.kind, key, name, body)

            def again(nonce: bytes, kept: Document) -> Any:
                site = dataclasses.replace(granted.site, nonce=nonce)
                return resource.secret_again(site, key, kept)

            # A route that streams is cancelled when its peer leaves; what has begun is finished all the same.
            finish = finished if action.most_bytes else _as_it_is
            repeated = call.header("idempotency-key")
            if repeated is None:
                return await finish(act(b""))
            names = (
                repeated,
                granted.key.key_id,
                f"{resource.kind} {name} {msgspec.json.encode(key).decode()}",
            )
            if action.underived:
                return await finish(self._repeats.once(names, body, act, action.underived, None))
            return await finish(self._repeats.once(names, body, act, action.secret, again))

        return run

    def _streamer(self, resource: Resource[Any], streamed: Streamed, keys: tuple[str, ...]) -> Any:
        name = next(name for name, each in resource.streams.items() if each is streamed)

        async def run(params: Any, call: Call) -> Reply:
            key = key_of(params, keys)
            granted = await self.admit(call, *resource.stream_needs(streamed, key))
            taken = None if streamed.row is None else rows(call)
            return await lines_reply(call, granted.port.stream(resource.kind, key, name, taken))

        return run

    async def _whoami(self, _params: Any, call: Call) -> Document:
        granted = await self.admit(call)
        return {"name": granted.key.name, "role": granted.key.role, "rights": granted.key.rights}

    async def _describe(self, _params: Any, call: Call) -> Document:
        await self.admit(call)
        return document(self._declared, title="Lingpai admin API", version=__version__)


_WORDS: Final = {"GET": "Show", "PUT": "Add or replace", "PATCH": "Change some fields", "DELETE": "Remove"}


def _limits_of(streamed: Streamed) -> Streams:
    if streamed.row is None:
        return NO_ROWS
    return Streams(streamed.most_bytes, STALL) if streamed.most_bytes else MOST_ROWS


async def _as_it_is(work: Awaitable[Document]) -> Document:
    return await work
