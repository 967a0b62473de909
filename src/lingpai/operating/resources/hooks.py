"""Webhooks that receive the events of accounts."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import demand
from lingpai.core.hooks import ACTIVE, Hook
from lingpai.core.moments import moment
from lingpai.keeper import administration
from lingpai.keeper.deliveries import PostError
from lingpai.keeper.events import Happened, moment_of
from lingpai.keeper.hooks import FIELDS, hook_document, hook_flaws, refusal_of, rotated, signed
from lingpai.operating.hook_posts import posting
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import MOST_ATTEMPTS, Action, Nothing, Resource, sliced
from lingpai.operating.site import Site

OVERLAP = 86_400
MOST_OVERLAP = 366 * 86_400


class NewSecret(msgspec.Struct, forbid_unknown_fields=True):
    """The time for which the secret before signs too, in seconds."""

    overlap: int = OVERLAP


class From(msgspec.Struct, forbid_unknown_fields=True):
    """The id of the last event that is not delivered again; from where it stopped when null."""

    after: int | None = None


async def rotate(site: Site, key: Key, body: NewSecret) -> Document:
    """Give a webhook another secret."""
    if not 0 <= body.overlap <= MOST_OVERLAP:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "The overlap is 0 to 366 days, in seconds.", parameter="overlap"
        )
    secret, ends_at = site.hook_secret(), site.keeper.clock.now() + body.overlap
    wanted = await _change(site, key, "hook.rotate", lambda known: rotated(known, secret, ends_at))
    return {
        "hook": wanted.name,
        "outcome": "rotated",
        "secret": secret,
        "former_secret_ends_at": moment(wanted.former_ends_at),
    }


async def post_test(site: Site, key: Key, _body: Nothing) -> Document:
    """Post a test event."""
    hook, now = await _demand(site, key), site.keeper.clock.now()
    message = Happened("test", moment_of(now), {"hook": hook.name})
    body = msgspec.json.encode(message)
    post = posting(site.keeper.options.hook_networks)
    try:
        status = await post(hook.url, body, signed(hook, f"test_{int(now * 1000)}", now, body))
        problem = refusal_of(status)
    except PostError as error:
        problem = str(error)
    return {"hook": hook.name, "outcome": "failed" if problem else "delivered", "problem": problem}


async def replay(site: Site, key: Key, body: From) -> Document:
    """Deliver again, from an event on, or what a webhook that was set aside is behind."""
    oldest, newest = await site.keeper.store.event_range()
    if body.after is not None and not oldest - 1 <= body.after <= newest:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, f"Events from {oldest} to {newest} are kept.", parameter="after"
        )

    def again(known: Hook) -> Hook:
        position = known.position if body.after is None else body.after
        return msgspec.structs.replace(
            known, position=position, state=ACTIVE, failures=0, next_at=0.0, problem=""
        )

    wanted = await _change(site, key, "hook.replay", again)
    return {"hook": wanted.name, "outcome": "replayed", "behind": newest - wanted.position}


async def _change(site: Site, key: Key, action: str, make: Callable[[Hook], Hook]) -> Hook:
    """Change a webhook, whose deliveries go on meanwhile, and return it."""
    for _ in range(MOST_ATTEMPTS):
        known = await _demand(site, key)
        wanted = make(known)
        if await administration.change_hook(site.keeper, action, known, wanted):
            return wanted
    raise LingpaiError(Kind.CONFLICT, "Others change it all the time; try again.", retry_after=1.0)


async def _demand(site: Site, key: Key) -> Hook:
    found = await Hooks().find(site, key)
    if found is None:
        raise Hooks().missing(key)
    return found


class Hooks(Resource[Hook]):
    """See `core.hooks.Hook`; the key is the name."""

    kind = "hooks"
    path = "/hooks/{name}"
    area = "keeper"
    noun = "webhook"
    entry = FIELDS.entry("HookEntry", {})
    made = ("secret",)
    actions: ClassVar[Mapping[str, Action]] = {
        "secrets": Action(
            "/secrets",
            rotate,
            NewSecret,
            "Give a webhook another secret; the one before signs too for a while.",
            secret="secret",  # noqa: S106  the name of a field
        ),
        "test": Action("/test", post_test, Nothing, "Post a test event to a webhook."),
        "replay": Action(
            "/replay", replay, From, "Deliver events again, from one on or from where it stopped."
        ),
    }

    @override
    async def find(self, site: Site, key: Key) -> Hook | None:
        return await site.keeper.store.find_hook(key[0])

    @override
    def key_of(self, site: Site, record: Hook) -> Key:
        del site
        return (record.name,)

    @override
    async def document(self, site: Site, record: Hook) -> Document:
        _, newest = await site.keeper.store.event_range()
        return hook_document(record, newest)

    @override
    def state(self, site: Site, record: Hook) -> Any:
        del site
        return (record.name, FIELDS.named(record), record.state, record.created_at)

    @override
    def settable(self, record: Hook) -> Document:
        return FIELDS.named(record)

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Hook | None) -> Hook:
        bare = known or Hook(name=key[0], url="", created_at=site.keeper.clock.now())
        wanted = msgspec.structs.replace(bare, **FIELDS.named(entry))
        demand(hook_flaws(site.keeper.platforms, wanted))
        return wanted

    @override
    def changed(self, known: Hook, wanted: Hook) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(self, site: Site, known: Hook | None, wanted: Hook) -> Mapping[str, str] | None:
        if known is not None:
            changed = await administration.change_hook(site.keeper, "hook.change", known, wanted)
            return {} if changed else None
        secret = site.hook_secret()
        _, newest = await site.keeper.store.event_range()
        added = msgspec.structs.replace(wanted, secret=secret, position=newest)
        return {"secret": secret} if await administration.add_hook(site.keeper, added) else None

    @override
    def secret_again(self, site: Site, key: Key, kept: Document) -> str:
        del key, kept
        return site.hook_secret()

    @override
    async def remove(self, site: Site, known: Hook) -> bool:
        return await administration.remove_hook(site.keeper, known)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        _, newest = await site.keeper.store.event_range()
        hooks = await site.keeper.store.list_hooks()
        return sliced([(each.name, hook_document(each, newest)) for each in hooks], after, limit)
