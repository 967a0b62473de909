"""Which addresses may be the public one, and which prefixes a realm may have."""

from pathlib import Path

import pytest

from lingpai.keeper.platforms.registry import DESCRIBED, platform_types
from lingpai.service import giving_way, open_keeper, routes_of
from lingpai.settings import Settings, SettingsError, load_settings
from lingpai.settings.realms import TAKEN


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(**given: object) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(**given)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://id.example/lingpai", "must be without a path (/lingpai)"),
        ("https://user@id.example", "must be without user and password"),
        ("https://user:secret@id.example", "must be without user and password"),
        ("ftp://id.example", "must be an http or https address"),
        ("https://id.example?x=1", "must be an http or https address"),
    ],
)
def test_public_urls_that_cannot_be_served_are_refused_with_a_reason(url: str, reason: str) -> None:
    problem = refused(public_url=url)
    assert problem.startswith("command line: public_url: must be ")
    assert reason in problem
    assert "secret" not in problem


@pytest.mark.parametrize("url", ["https://id.example", "https://id.example/", "http://printers.lan:8000"])
def test_public_urls_that_are_served(url: str) -> None:
    assert load_settings(public_url=url).public_url == url.rstrip("/")


@pytest.mark.parametrize("prefix", ["/a/../v1", "/..", "/./a", "/a/."])
def test_a_prefix_with_dots_is_refused(prefix: str) -> None:
    problem = refused(realms={"shop": {"dialect": "mall", "prefix": prefix}})
    assert problem.startswith("realms.shop.prefix: clients drop")


@pytest.mark.parametrize("prefix", ["/v1", "/cgi-bin/x", "/health", "/user", "/AccessToken"])
def test_a_prefix_that_shadows_other_routes_is_refused(prefix: str) -> None:
    problem = refused(realms={"shop": {"dialect": "mall", "prefix": prefix}})
    assert f"/{prefix.split('/')[1]} has other routes" in problem


@pytest.mark.parametrize("prefix", ["", "/test", "/test/v1", "/a.b", "/..a", "/V1"])
def test_other_prefixes_are_taken(prefix: str) -> None:
    assert (
        load_settings(realms={"shop": {"dialect": "mall", "prefix": prefix}}).realms["shop"].prefix == prefix
    )


async def test_every_route_that_is_no_realms_is_known(tmp_path: Path) -> None:
    async with open_keeper(Settings(data=tmp_path / "data")) as keeper:
        # a route that forwards whatever lies under a platform's prefix makes way for a realm's own paths
        routes = [route for route in routes_of(keeper) if not route.path.endswith("{path:path}")]
        of_files = {each.path for name in DESCRIBED for each in platform_types()[name].drop_ins}
        segments = {route.path.split("/")[1] for route in routes if route.path not in of_files} - {""}
    assert segments <= TAKEN
    assert {"docs", "metrics", "openapi.json"} <= TAKEN


async def test_routes_in_a_platforms_form_give_way_to_realms(tmp_path: Path) -> None:
    async with open_keeper(Settings(data=tmp_path / "data")) as keeper:
        routes = routes_of(keeper)
    (twin,) = (route for route in routes if route.path == "/open-apis/auth/v3/tenant_access_token/internal")
    health = next(route for route in routes if route.path.startswith("/health"))
    left = list(giving_way(routes, (twin, health)))
    assert [route for route in routes if route not in left] == [twin]
