"""Accounts, callers, apps, users, terminals and resource servers as declarations: `lingpai apply`."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.messages.problems import Problem, explain
from lingpai.operating.port import Document, Key
from lingpai.operating.problems import UnfinishedError
from lingpai.operating.realm_choice import IssuerChoice
from lingpai.operating.resources.resource import Action, Resource, Streamed
from lingpai.operating.rights import Need
from lingpai.operating.sections import SECTIONS
from lingpai.operating.sections.applying import Planned, perform, plan_all
from lingpai.operating.sections.apps import APPS
from lingpai.operating.sections.callers import CALLERS
from lingpai.operating.sections.section import Stage
from lingpai.operating.site import Site

MOST_BYTES = 16 * 1024 * 1024
Declarations: type[msgspec.Struct] = msgspec.defstruct(
    "Declarations",
    [
        *((section.name, Any, msgspec.UNSET) for section in SECTIONS),
        ("prune", bool, False),
        ("dry_run", bool, False),
    ],
    forbid_unknown_fields=True,
    kw_only=True,
)
"""What there is to be, by section; a section that is left out does not change. `prune` removes what its sections do not
name, `dry_run` changes nothing."""


async def apply(site: Site, _key: Key, body: Any) -> Document:
    """Make the store agree with the declarations; return each change, and the keys that were made.

    Raises:
        LingpaiError: INVALID_PARAMETER: with every problem, and then nothing was changed; `UnfinishedError` when it
            stopped in the middle.
    """
    given = {
        section.name: getattr(body, section.name)
        for section in SECTIONS
        if getattr(body, section.name) is not msgspec.UNSET
    }
    try:
        planned = await plan_all(Stage(site.keeper, IssuerChoice(site), given, site), given, prune=body.prune)
    except Problem as problem:
        raise LingpaiError(Kind.INVALID_PARAMETER, str(problem)) from problem
    if body.dry_run:
        return _document(planned, dry_run=True)
    site.advance(sum(each.change.action == "keep" for each in planned))
    made: list[Planned] = []
    try:
        await perform(planned, made, site.advance)
    except (Problem, LingpaiError) as error:
        if not made and isinstance(error, LingpaiError):
            raise
        kind = error.kind if isinstance(error, LingpaiError) else Kind.CONFLICT
        raise UnfinishedError(kind, explain(error) or str(error), _document(made)) from error
    except BaseException:  # new keys would be lost otherwise: only their digests are stored
        site.interrupted(_document(made))
        raise
    return _document(planned)


async def export(site: Site, _key: Key, _rows: AsyncIterator[Document]) -> AsyncGenerator[Document, None]:
    """Yield everything that `apply` takes, an entry at a time, without secrets."""
    stage = Stage(site.keeper, IssuerChoice(site), {}, site)
    for section in SECTIONS:
        async for entry in section.entries(stage):
            yield {"section": section.name, "entry": entry}


def _document(planned: Sequence[Planned], *, dry_run: bool = False) -> Document:
    changes = [
        {"section": section, "name": change.name, "action": change.action, "fields": change.fields}
        for section, change in planned
    ]
    keys = {each.change.name: each.change.reveal for each in planned if each.change.reveal}
    return {"dry_run": dry_run, "changes": changes, "keys": {} if dry_run else keys}


class DeclaredThings(Resource[Any]):
    """See `operating.sections`."""

    kind = "apply"
    path = "/apply/{name}"
    area = "keeper"
    noun = "declarations"
    methods = ()
    listed = False
    actions: ClassVar[Any] = {
        "apply": Action(
            "",
            apply,
            Declarations,
            "Make the store agree with declarations.",
            whole=True,
            secret="keys",  # noqa: S106  the name of a field
            flags=("prune", "dry_run"),
            most_bytes=MOST_BYTES,
        )
    }

    @override
    def needs(self, action: Action, key: Key, document: Document) -> tuple[Need, ...]:
        """Return a right for each wing that has a section; declarations choose their realms themselves."""
        areas = {section.area for section in SECTIONS if section.name in document}
        return tuple(Need(area, action.verb) for area in sorted(areas)) or super().needs(
            action, key, document
        )

    @override
    def secret_again(self, site: Site, key: Key, kept: Document) -> dict[str, str] | None:
        """Return the keys and secrets that were made, each from the nonce and the name of what it belongs to."""
        names, made = kept.get("keys"), dict[str, str]()
        if names is None:
            return None
        for each in kept["changes"]:
            section, name = each["section"], each["name"]
            if name in names and section == CALLERS.name:
                made[name] = site.caller_key(name)
            elif name in names and section == APPS.name:
                made[name] = site.app_secret(site.issuer(name.partition("/")[0]), name)
        return made


class Exports(Resource[Any]):
    """See `operating.sections`."""

    kind = "export"
    path = "/export/{name}"
    area = "keeper"
    noun = "export"
    methods = ()
    listed = False
    streams: ClassVar[Mapping[str, Streamed]] = {
        "export": Streamed(
            "",
            export,
            "Everything that apply takes, without secrets: a line for each entry.",
            verb="read",
            areas=("keeper", "issuer"),
        )
    }
