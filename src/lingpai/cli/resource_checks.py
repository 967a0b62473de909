"""Check resource servers before they are stored."""

from collections.abc import Collection
from typing import Any

import msgspec
import typer

from lingpai.cli.messages import tr, tr_reason
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import Resource
from lingpai.issuer.checks import check_resource
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import SCOPES


def resource_of(**given: Any) -> Resource:
    """A resource server as it was described.

    Raises:
        typer.BadParameter: the algorithm is not one that signs.
    """
    try:
        return msgspec.convert(given, Resource)
    except msgspec.ValidationError as error:
        known = "ES256, RS256"
        text = tr("There is no {name} here; known are: {known}.", name=given["alg"], known=known)
        raise typer.BadParameter(text) from error


async def resource_problems(issuer: Issuer, resource: Resource, declared: Collection[str] = ()) -> list[str]:
    """Return the problems of a resource server, whose app is stored or one of those that a file declares."""
    problems = []
    try:
        check_resource(resource)
    except LingpaiError as error:
        problems.append(tr_reason(error.reason))
    problems += [
        tr("{text} is a scope of the protocol itself, not of a resource.", text=repr(word))
        for word in resource.scopes
        if word in SCOPES
    ]
    if resource.introspector and resource.introspector not in declared:
        app = await issuer.store.find_app(issuer.realm, resource.introspector)
        if app is None:
            name = resource.introspector
            problems.append(tr("There is no app {name}; `lingpai app list` shows all.", name=name))
        elif app.public:
            problems.append(tr("{name} is a public client and has no secret.", name=resource.introspector))
    return problems
