import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin, app_admin
from lingpai.issuer.redirects import check_registrable, choose_redirect
from lingpai.issuer.verbs.apps import (
    authenticate_app,
    check_network,
    clear_secrets,
    require_grant,
    require_mode,
)
from tests.issuer.harness import REDIRECT, Harness, raises

HERE = "198.51.100.7"


@pytest.mark.threat("D39")
async def test_unknown_app_and_wrong_secret_look_the_same(harness: Harness) -> None:
    refusals = []
    for app_id, secret in (
        (harness.app.app_id, "wrong"),
        ("nobody", harness.secret),
        (harness.app.app_id, ""),
    ):
        with pytest.raises(LingpaiError) as refused:
            await authenticate_app(harness.issuer, app_id, secret, HERE)
        refusals.append((refused.value.kind, refused.value.reason))
    assert len(set(refusals)) == 1
    assert refusals[0][0] is Kind.INVALID_CLIENT
    assert (
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)
    ).id == harness.app.id


@pytest.mark.threat("D40")
async def test_the_kept_digest_is_no_secret(harness: Harness) -> None:
    for shown in (harness.app.secrets[0].digest.hex(), harness.app.secrets[0].digest.decode("latin-1")):
        with raises(Kind.INVALID_CLIENT):
            await authenticate_app(harness.issuer, harness.app.app_id, shown, HERE)


@pytest.mark.threat("I81")
async def test_both_secrets_are_good_while_one_is_rotated(harness: Harness, clock: VirtualClock) -> None:
    newer = await admin.rotate_secret(harness.issuer, harness.app, overlap=100)
    clock.advance(99)
    for secret in (newer, harness.secret):
        await authenticate_app(harness.issuer, harness.app.app_id, secret, HERE)
    clock.advance(1)
    with raises(Kind.INVALID_CLIENT):
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)
    await authenticate_app(harness.issuer, harness.app.app_id, newer, HERE)


async def test_a_second_rotation_spares_the_secret_that_production_uses(
    harness: Harness, clock: VirtualClock
) -> None:
    newest = [await admin.rotate_secret(harness.issuer, harness.app, overlap=100) for _ in range(2)]
    clock.advance(50)
    newest.append(await admin.rotate_secret(harness.issuer, harness.app, overlap=100))
    for secret in (*newest, harness.secret):
        await authenticate_app(harness.issuer, harness.app.app_id, secret, HERE)
    clock.advance(50)  # a rotation prolongs nothing
    with raises(Kind.INVALID_CLIENT):
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)
    last = await admin.rotate_secret(harness.issuer, harness.app, overlap=0)
    for secret in newest:
        with raises(Kind.INVALID_CLIENT):
            await authenticate_app(harness.issuer, harness.app.app_id, secret, HERE)
    await authenticate_app(harness.issuer, harness.app.app_id, last, HERE)


async def test_an_app_has_few_secrets_however_often_they_are_rotated(harness: Harness) -> None:
    for _ in range(2 * app_admin.MOST_SECRETS):
        await admin.rotate_secret(harness.issuer, harness.app)
    found = await admin.find_app(harness.issuer, harness.app.app_id)
    assert len(found.secrets) == app_admin.MOST_SECRETS


async def test_a_declared_secret_spares_the_one_before(harness: Harness, clock: VirtualClock) -> None:
    declared = App(realm="yzb", app_id="declared")
    for secret in ("first", "second", "first"):
        app = await admin.declare_app(harness.issuer, declared, secret)
    assert len(app.secrets) == 2
    clock.advance(harness.issuer.policy.secret_overlap)
    await authenticate_app(harness.issuer, "declared", "first", HERE)
    with raises(Kind.INVALID_CLIENT):
        await authenticate_app(harness.issuer, "declared", "second", HERE)


@pytest.mark.threat("D46")
async def test_failures_are_throttled_per_address_and_shut_out_nobody_elsewhere(
    harness: Harness, clock: VirtualClock
) -> None:
    for _ in range(20):
        with raises(Kind.INVALID_CLIENT):
            await authenticate_app(harness.issuer, harness.app.app_id, "wrong", HERE)
    with pytest.raises(LingpaiError) as refused:
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)
    assert (refused.value.kind, refused.value.retry_after) == (Kind.TOO_MANY_REQUESTS, 60)
    await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, "203.0.113.9")
    clock.advance(60)
    await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)


@pytest.mark.threat("D46")
async def test_success_resets(harness: Harness) -> None:
    for _ in range(3):
        for _ in range(19):
            with raises(Kind.INVALID_CLIENT):
                await authenticate_app(harness.issuer, harness.app.app_id, "wrong", HERE)
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)


async def test_disabled_app_cannot_authenticate(harness: Harness) -> None:
    await admin.change_app(harness.issuer, harness.app, disabled=True)
    with raises(Kind.INVALID_CLIENT):
        await authenticate_app(harness.issuer, harness.app.app_id, harness.secret, HERE)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.5", True),
        ("::ffff:192.0.2.5", True),
        ("192.0.3.5", False),
        ("2001:db8::1", True),
        ("no", False),
    ],
)
def test_networks_of_an_app(address: str, allowed: bool) -> None:
    app = App(realm="yzb", app_id="1", networks=("192.0.2.0/24", "2001:db8::/32"))
    if allowed:
        check_network(app, address)
    else:
        with raises(Kind.ADDRESS_NOT_ALLOWED):
            check_network(app, address)


async def test_what_an_app_may_do(harness: Harness) -> None:
    app = msgspec.structs.replace(harness.app, grants=("refresh_token",))
    require_grant(app, "refresh_token")
    with raises(Kind.UNAUTHORIZED_CLIENT):
        require_grant(app, "authorization_code")
    with raises(Kind.WRONG_APP_MODE):
        require_mode(app, AppMode.SELF_OWNED)


async def test_secrets_are_kept_in_clear_only_where_signatures_need_them(harness: Harness) -> None:
    assert clear_secrets(harness.issuer, harness.app) == ()
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, clear_secrets=True)
    app, secret = await admin.add_app(harness.issuer, App(realm="", app_id="client-001"))
    newer = await admin.rotate_secret(harness.issuer, app)
    found = await harness.issuer.store.find_app("yzb", "client-001")
    assert found is not None
    assert clear_secrets(harness.issuer, found) == (newer, secret)


async def test_declared_app_stays_as_it_is_until_declared_otherwise(harness: Harness) -> None:
    declared = App(realm="yzb", app_id="declared", redirect_uris=(REDIRECT,))
    first = await admin.declare_app(harness.issuer, declared, "s3cret")
    assert await admin.declare_app(harness.issuer, declared, "s3cret") == first
    renamed = await admin.declare_app(harness.issuer, msgspec.structs.replace(declared, name="New"), "s3cret")
    assert (renamed.id, renamed.name, renamed.secrets) == (first.id, "New", first.secrets)
    other = await admin.declare_app(harness.issuer, declared, "another")
    assert other.secrets != first.secrets
    with raises(Kind.INVALID_PARAMETER):
        await admin.add_app(harness.issuer, declared)


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "https://app.example/cb#part",
        "https://app.example/cb#",
        "https://user@app.example/cb",
        "https://app.example\\@evil.example/",
        "https:///cb",
        "/cb",
        "",
        "https://app.example/\r\nSet-Cookie: a",
        "https://app.example:port/",
    ],
)
@pytest.mark.threat("A4", "A5")
def test_what_cannot_be_registered(uri: str) -> None:
    with raises(Kind.INVALID_REDIRECT_URI):
        check_registrable(uri)


@pytest.mark.parametrize(
    "uri", [REDIRECT, "http://127.0.0.1:8080/cb", "http://[::1]/cb", "com.example.app:/cb"]
)
@pytest.mark.threat("A4")
def test_what_can_be_registered(uri: str) -> None:
    check_registrable(uri)


@pytest.mark.parametrize(
    "given",
    [
        REDIRECT + "/",
        REDIRECT + "?a=1",
        REDIRECT + "/..",
        REDIRECT.replace("app.", "APP."),
        REDIRECT.replace("//", "//user@"),
        REDIRECT.replace("/callback", "%2Fcallback"),
        REDIRECT.replace("/callback", "\\callback"),
        REDIRECT.replace(".example", ".example:443"),
    ],
)
@pytest.mark.threat("A2")
def test_redirects_are_compared_as_plain_strings(given: str) -> None:
    with raises(Kind.WRONG_REDIRECT_URI):
        choose_redirect((REDIRECT,), given, loopback_ports=True)
    assert choose_redirect((REDIRECT,), REDIRECT) == choose_redirect((REDIRECT,), None) == REDIRECT


@pytest.mark.threat("A1", "A3")
def test_fragment_none_several_and_loopback_ports() -> None:
    for registered, given in (((REDIRECT,), REDIRECT + "#x"), ((), None), ((REDIRECT, REDIRECT + "2"), None)):
        with raises(Kind.INVALID_REDIRECT_URI):
            choose_redirect(registered, given)
    loopback = "http://127.0.0.1/cb"
    given = "http://127.0.0.1:49152/cb"
    assert choose_redirect((loopback,), given, loopback_ports=True) == given
    for wrong in ("http://127.0.0.1:49152/cb2", "http://localhost:49152/cb", "https://127.0.0.1:1/cb"):
        with raises(Kind.WRONG_REDIRECT_URI):
            choose_redirect((loopback,), wrong, loopback_ports=True)
    with raises(Kind.WRONG_REDIRECT_URI):
        choose_redirect((loopback,), given)
