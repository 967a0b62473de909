"""Any bytes at any route of the admin API: an answer below 500, and every refusal is a problem document."""

import random

import pytest

from lingpai.core.errors import Kind
from lingpai.operating.problems import PROBLEM
from lingpai.operating.resources.registry import RESOURCES
from tests.operating.conftest import Admin

ROUNDS = 60
CODES = {kind.value for kind in Kind}
ODD = ("", "-", "x", "²", "٣", "9" * 5000, "%FF", "%00", "%2F", "..", "a%0Ab", "小", "{}", "1-", "*", " ")
JSON = (
    *('{"secret":1}', "[]", "null", '"', "{", '{"a":{"a":{"a":[]}}}', '{"overlap":1e400}', '{"uses":-1}'),
    *('{"name":"\\ud800"}', '{"reason":"\\u0000"}', '{"login":null}', '{"scopes":[{}]}', "\xff\xfe", ""),
)


def addresses() -> list[tuple[str, str]]:
    found = []
    for each in RESOURCES:
        found += [(method, each.path) for method in each.methods]
        found += [("GET", each.list_path)] * each.listed
        found += [
            ("POST", (each.list_path if action.whole else each.path) + action.path)
            for name, action in each.actions.items()
            if (each.kind, name)
            not in {("keys", "rotate"), ("keys", "reseal")}  # they need nothing to succeed
        ]
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_any_bytes_are_refused_with_a_problem(admin: Admin, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        method, path = chance.choice(addresses())
        parts = [
            ("mall" if each == "{realm}" and chance.random() < 0.7 else chance.choice(ODD))
            if each.startswith("{")
            else each
            for each in path.split("/")
        ]
        query = f"?{chance.choice(['q', 'after', 'limit', 'since', 'ends_within', 'count', 'x'])}={chance.choice(ODD)}"
        answer = await admin.direct.ask(
            method,
            "/admin/v1" + "/".join(parts).replace(" ", "%20") + query.replace(" ", "%20"),
            headers={
                "authorization": f"Bearer {admin.key}",
                "content-type": chance.choice(
                    ["application/json", "text/plain", "application/merge-patch+json"]
                ),
                "if-match": chance.choice(["*", '"x"', "x", "W/"]),
                "idempotency-key": chance.choice(["a", "b" * 300, " "]),
            },
            body=None if method == "GET" else chance.choice(JSON),
        )
        asked = (method, parts, query, answer.text)
        assert answer.status_code < 500, asked
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == PROBLEM, asked
            assert answer.json["code"] in CODES, asked
            assert answer.json["status"] == answer.status_code, asked
