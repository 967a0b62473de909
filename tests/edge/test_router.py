"""The table of routes."""

import pytest

from lingpai.edge.router import ENCODED_SLASH, Router

PATHS = (
    "/",
    "/plain",
    "/items/{id}",
    "/items/all",
    "/a/{x}/b",
    "/a/c/{y}",
    "/{realm}/start",
    "/files/{rest:path}",
)


def router_of(*paths: str) -> Router[str]:
    router = Router[str]()
    for path in paths:
        router.add(path, path)
    return router


@pytest.mark.parametrize(
    ("path", "found", "fields"),
    [
        ("/", "/", {}),
        ("/plain", "/plain", {}),
        ("/items/1", "/items/{id}", {"id": "1"}),
        ("/items/all", "/items/all", {}),
        ("/items/", "/items/{id}", {"id": ""}),
        ("//items/1", "/items/{id}", {"id": "1"}),
        ("/a/1/b", "/a/{x}/b", {"x": "1"}),
        ("/a/c/d", "/a/c/{y}", {"y": "d"}),
        ("/a/c/b", "/a/c/{y}", {"y": "b"}),
        ("/items/start", "/items/{id}", {"id": "start"}),
        ("/other/start", "/{realm}/start", {"realm": "other"}),
        ("/files/", "/files/{rest:path}", {"rest": ""}),
        ("/files/a//b/", "/files/{rest:path}", {"rest": "a//b/"}),
    ],
)
def test_a_path_is_found_with_its_fields(path: str, found: str, fields: dict[str, str]) -> None:
    assert router_of(*PATHS).find(path) == (found, fields)


@pytest.mark.parametrize(
    "path", ["", "//", "//plain", "/plain/", "/items", "/items/1/", "/items/1/2", "/a/1", "/files", "/x/stop"]
)
def test_what_is_no_route_is_not_found(path: str) -> None:
    assert router_of(*PATHS).find(path) is None


@pytest.mark.parametrize(
    ("path", "found", "fields"),
    [
        ("/apps/a%b%c", "/apps/{app_id}", {"app_id": "a/b/c"}),
        ("/apps/x%y/b", "/apps/{app_id}/b", {"app_id": "x/y"}),
        ("/items%1", "/items/{id}", {"id": "1"}),  # as ever, where it separates what is found
        ("/a%c%d", "/a/c/{y}", {"y": "d"}),
        ("%plain", "/plain", {}),
        ("/files/a%b", "/files/{rest:path}", {"rest": "a/b"}),
    ],
)
def test_an_encoded_slash_is_part_of_a_field_where_nothing_else_is_found(
    path: str, found: str, fields: dict[str, str]
) -> None:
    paths = [each for each in PATHS if each != "/"]
    assert router_of(*paths, "/apps/{app_id}", "/apps/{app_id}/b").find(path.replace("%", ENCODED_SLASH)) == (
        found,
        fields,
    )


def test_an_encoded_slash_is_in_no_other_field() -> None:
    router = router_of("/items/{id}", "/{realm}/apps/{app_id}")
    for path in ("/items/a%b", "/x%y/apps/1", "/x%y/apps/a%b"):
        assert router.find(path.replace("%", ENCODED_SLASH)) is None


def test_a_dead_end_is_left_again_with_no_field_kept() -> None:
    router = router_of("/a/b/c", "/a/{x}/d", "/{rest:path}")
    assert router.find("/a/b/d") == ("/a/{x}/d", {"x": "b"})
    assert router.find("/a/b/e") == ("/{rest:path}", {"rest": "a/b/e"})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/plain", "/plain"),
        ("/items/{id}", "/items/{id}"),
        ("/items/{id}", "/items/{name}/x"),
        ("/files/{rest:path}", "/files/{other:path}"),
        ("/plain", "/files/{rest:path}/x"),
    ],
)
def test_routes_that_contradict_each_other_are_refused(first: str, second: str) -> None:
    router = router_of(first)
    with pytest.raises(ValueError, match="path"):
        router.add(second, "another")
