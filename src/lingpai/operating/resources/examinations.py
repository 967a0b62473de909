"""What does not work, and what to do about it: the checks of `lingpai doctor`."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from lingpai.operating.port import Document, Key
from lingpai.operating.resources.resource import Action, Resource
from lingpai.operating.site import Site


class Examination(msgspec.Struct, forbid_unknown_fields=True):
    """Whether no platform and no site may be contacted; whether the files of the host are not looked at either."""

    offline: bool = False
    store_only: bool = False


async def examine(site: Site, _key: Key, body: Examination) -> Document:
    """Check everything; tokens that are not stored are fetched, within the budgets."""
    findings = await site.examiner.examine(site, offline=body.offline, store_only=body.store_only)
    healthy = not any(each.verdict == "fail" for each in findings)
    return {"healthy": healthy, "findings": msgspec.to_builtins(findings)}


class Examinations(Resource[Any]):
    """See `operating.findings`. There is nothing to read: each one is made when it is asked for."""

    kind = "doctor"
    path = "/doctor/{name}"
    area = "keeper"
    noun = "examination"
    methods = ()
    listed = False
    actions: ClassVar[Mapping[str, Action]] = {
        "examine": Action(
            "",
            examine,
            Examination,
            "Check settings, files, store, platforms and accounts.",
            whole=True,
            flags=("offline",),
        )
    }
