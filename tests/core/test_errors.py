import ast
import pickle
import re
from pathlib import Path

import lingpai
from lingpai.core import errors
from lingpai.core.errors import ADMIN_KINDS, EDGE_KINDS, ISSUER_KINDS, KEEPER_KINDS, Kind, LingpaiError

HOME = Path(lingpai.__file__).parent
TABLES = re.compile(r"issuer/dialects/\w+/shape\.py|keeper/routes/shapes\.py|keeper/platforms/\w+\.py")
"""The modules with what a vendor's protocol answers to each kind."""


def test_each_kind_is_in_one_group_and_has_an_error_status() -> None:
    groups = (EDGE_KINDS, KEEPER_KINDS, ISSUER_KINDS, ADMIN_KINDS)
    assert frozenset(Kind) == frozenset().union(*groups)
    assert sum(map(len, groups)) == len(Kind)
    assert all(400 <= kind.status < 600 for kind in Kind)
    assert Kind("not_found") is Kind.NOT_FOUND  # type: ignore[call-arg]  # by value, as any enum


def test_a_kind_is_one_line_of_one_table() -> None:
    text = Path(errors.__file__).read_text("utf-8")
    for kind in Kind:
        assert len(re.findall(rf"\b{kind.name}\b", re.sub('""".*?"""', "", text, flags=re.DOTALL))) == 1, kind


def kinds_in(table: ast.Dict) -> set[str]:
    """The kinds that are keys of a table."""
    return {
        key.attr
        for key in table.keys
        if isinstance(key, ast.Attribute) and ast.unparse(key).startswith("Kind.")
    }


def test_only_tables_of_vendors_list_all_kinds_of_a_group() -> None:
    groups = [{kind.name for kind in group} for group in (EDGE_KINDS, KEEPER_KINDS, ISSUER_KINDS)]
    listing = set()
    for path in HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Dict) and any(
                len(group & kinds_in(node)) * 2 > len(group) for group in groups
            ):
                listing.add(path.relative_to(HOME).as_posix())
    assert {each for each in listing if not TABLES.fullmatch(each)} == set()
    assert len([each for each in listing if "dialects" in each]) >= 4  # the search finds what it is to find


def test_an_error_survives_the_way_between_processes() -> None:
    sent = LingpaiError(
        Kind.METHOD_NOT_ALLOWED, "no", detail="d", parameter="p", code=7, retry_after=1.5, allow=("GET",)
    )
    came = pickle.loads(pickle.dumps(sent))
    assert type(came) is LingpaiError
    assert str(came) == str(sent)
    assert all(getattr(came, name) == getattr(sent, name) for name in LingpaiError.__slots__)
