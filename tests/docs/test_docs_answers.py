"""The sample answers at `/docs` are what the service answers: the golden wire files have each of them."""

import json
import re
from typing import Any

import pytest

from docs.generator.routes import document
from lingpai.edge.answers import known_answers
from lingpai.edge.entries import entries_of, kind_of
from lingpai.edge.schemas import Schema
from lingpai.keeper.platforms.registry import DESCRIBED, platform_types
from tests.docs.golden_answers import answers, compact

GOLDEN = list(answers())
WITHOUT = {"/OAuth2/requestJsAuthCode", "/OAuth2/checkJsConfig"}
"""Calls with JSON whose sample is what their declared type says."""


ABRIDGED = {"/.well-known/openid-configuration"}
"""Samples with a part of a long answer."""


def is_of(path: str, called: str) -> bool:
    """Whether a call of a golden file is one of the samples' path."""
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
    return re.fullmatch(f"(?:/v1)?{pattern}", called) is not None


@pytest.mark.parametrize("path", sorted(known_answers().keys() - ABRIDGED))
def test_a_golden_file_has_it(path: str) -> None:
    sample = compact(known_answers()[path])
    calls = [each for each in GOLDEN if is_of(path, each.path)]
    assert calls, "no golden file calls it"
    assert any(each.pattern.fullmatch(sample) for each in calls), sample


@pytest.mark.parametrize("path", sorted(ABRIDGED))
def test_a_golden_file_has_the_part_that_is_shown(path: str) -> None:
    (answered,) = [json.loads(each.body) for each in GOLDEN if is_of(path, each.path)]
    shown = known_answers()[path]
    assert shown == {name: answered[name] for name in shown}
    assert len(shown) >= 10


def fits(value: Any, schema: Schema, components: dict[str, Schema]) -> bool:
    """Whether a value is of a schema, as far as names and types go."""
    if "$ref" in schema:
        return fits(value, components[schema["$ref"].rpartition("/")[2]], components)
    if "anyOf" in schema:
        return any(fits(value, each, components) for each in schema["anyOf"])
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return set(schema.get("required", ())) <= value.keys() and all(
            name not in known or fits(each, known[name], components) for name, each in value.items()
        )
    return True


def test_each_sample_is_of_the_declared_type_and_no_call_lacks_one() -> None:
    shown = document()
    components = shown["components"]["schemas"]
    without = set()
    for path, operations in shown["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["200"]["content"]
            if "*/*" in content or method == "options":
                continue
            media = content["application/json"]
            sample = media.get("examples", {}).get("success")
            if sample is None:
                without.add(path)
            elif "schema" in media:
                assert fits(sample["value"], media["schema"], components), (path, sample["value"])
    described = {each.path for name in DESCRIBED for each in platform_types()[name].drop_ins}
    assert without - described == WITHOUT


def test_the_page_shows_the_samples() -> None:
    entries = [each for group in entries_of(document(), str, kind_of).values() for each in group]
    shown = {(each["path"], each["methods"]): each["answer"] for each in entries}
    token = json.loads(shown["/OAuth2/token", ("post",)])
    assert token == known_answers()["/OAuth2/token"]
    twins = json.loads(shown["/AccessToken/getXcx", ("get", "post")])
    assert twins["data"]["expires_in"] == 7200
    assert json.loads(shown["/Xcx/jscode2session", ("get", "post")])["data"]["session_key"]
