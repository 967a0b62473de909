"""Messages follow `Accept-Language` where they are ours, and stay where a vendor's protocol fixes them."""

import re
from typing import Any

import msgspec
import pytest

from docs.generator.routes import document
from lingpai.core.errors import EDGE_KINDS, Kind, LingpaiError
from lingpai.core.languages import Catalogue, preferred
from lingpai.core.wire import Shape
from lingpai.edge.entries import about_of
from lingpai.edge.reference import chinese_texts
from lingpai.edge.refusing import refusal
from lingpai.issuer.dialects.mall.shape import SHAPE as MALL
from lingpai.issuer.dialects.yilianyun.shape import SHAPE as YILIANYUN
from lingpai.keeper.platforms import wechat_drop_ins, wecom
from lingpai.keeper.routes import shapes
from lingpai.service import dialect_texts

CHINESE = re.compile("[\u4e00-\u9fff]")
UNKNOWN_KEY = LingpaiError(
    Kind.WRONG_KEY, "The caller key is unknown or revoked; create one with `lingpai caller add`."
)
MISSING = LingpaiError(Kind.MISSING_PARAMETER, "parameter code is missing", parameter="code")


def said(shape: Shape, error: LingpaiError, accept: bytes | None) -> str:
    return refusal(shape, error, "trace", accept)[0].body.decode()


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"), ("", "en"), ("*", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("zh-Hant-TW", "zh"),
        ("en;q=0.5, zh;q=0.6", "zh"), ("en, zh", "en"), ("zh;q=0", "en"), ("fr, zh;q=0.1", "zh"), ("zh;q=x", "en"),
    ],
)  # fmt: skip
def test_the_best_liked_language_counts(accept: str | None, language: str) -> None:
    assert preferred(accept) == language


@pytest.mark.parametrize("shape", [shapes.GENERIC, shapes.COMPATIBLE])
def test_own_messages_follow_the_language(shape: Shape) -> None:
    assert "调用方密钥不存在或已吊销" in said(shape, UNKNOWN_KEY, b"zh-CN,zh;q=0.9")
    for accept in (None, b"en", b"\xff"):
        assert "The caller key is unknown or revoked" in said(shape, UNKNOWN_KEY, accept)


@pytest.mark.parametrize("shape", [wechat_drop_ins.SHAPE, wecom._SHAPE, MALL, YILIANYUN])
@pytest.mark.parametrize("kind", [Kind.NOT_FOUND, Kind.INTERNAL])
def test_messages_of_vendors_protocols_stay(shape: Shape, kind: Kind) -> None:
    error = LingpaiError(kind, "there is nothing here")
    assert said(shape, error, b"zh") == said(shape, error, None)


def test_a_missing_parameter_is_named_in_both_languages() -> None:
    assert "The parameter code is missing." in said(shapes.GENERIC, MISSING, None)
    assert "缺少参数 code" in said(shapes.GENERIC, MISSING, b"zh")
    assert "缺少code参数" in said(shapes.COMPATIBLE, MISSING, None) == said(shapes.COMPATIBLE, MISSING, b"zh")


def test_the_rest_of_an_error_stays() -> None:
    error = LingpaiError(
        Kind.TOO_MANY_REQUESTS, "Too many secrets were tried for this app; wait a minute.", retry_after=7
    )
    reply, _ = refusal(shapes.GENERIC, error, "trace", b"zh")
    body = msgspec.json.decode(reply.body)
    assert (body["error"], body["retry_after"], reply.status) == ("too_many_requests", 7, 429)
    assert error.reason.startswith("Too many")  # the log's


def test_platforms_own_words_stay() -> None:
    error = LingpaiError(Kind.UPSTREAM_REFUSED, "invalid ip 192.0.2.1, not in whitelist", code=40164)
    assert "not in whitelist" in said(shapes.GENERIC, error, b"zh")


@pytest.mark.parametrize("kind", sorted(EDGE_KINDS, key=str))
def test_every_kind_can_be_reworded(kind: Kind) -> None:
    error = LingpaiError(kind, "a", detail="d", parameter="p", code=1, retry_after=2, allow=("GET",))
    again = error.reworded("b")
    assert (again.reason, again.kind, again.detail, again.code, again.allow) == ("b", kind, "d", 1, ("GET",))


def test_what_a_text_contains_is_translated_too() -> None:
    texts = Catalogue({"a {x} b": "甲{x}乙", "c": "丙"})
    assert [texts.translate(each) for each in ("a c b", "a d b", "c", "e")] == ["甲丙乙", "甲d乙", "丙", "e"]


def test_the_reference_has_every_text_in_chinese() -> None:
    say, missing = Catalogue(chinese_texts() | dialect_texts()).translate, set()
    for operations in document()["paths"].values():
        for operation in operations.values():
            body: dict[str, Any] = next(
                iter(operation.get("requestBody", {}).get("content", {}).values()),
                {"schema": {"properties": {}}},
            )
            schemas = [each["schema"] for each in operation["parameters"]] + [
                *body["schema"]["properties"].values()
            ]
            texts = [
                operation["summary"],
                operation.get("description", ""),
                *operation["tags"],
                *map(about_of, schemas),
            ]
            missing |= {text for text in texts if text and not CHINESE.search(say(text))}
    assert missing == set()


def test_parameters_of_programs_are_explained() -> None:
    for path, operations in document()["paths"].items():
        if path.startswith(("/user/", "/js/")) or path in ("/", "/docs"):
            continue
        for operation in operations.values():
            if any(tag.startswith("Pages") for tag in operation["tags"]):
                continue
            for each in operation["parameters"]:
                assert about_of(each["schema"]), (path, each["name"])
