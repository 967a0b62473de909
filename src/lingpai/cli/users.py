"""`lingpai user`: the users who can log in on the issuer's pages, and their open_ids."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lingpai.cli.listing import MOST_LISTED, Limit, note_more
from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.realms import RealmName, Realms, Yes, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json
from lingpai.cli.user_imports import import_file

if TYPE_CHECKING:
    from lingpai.core.user_records import User
    from lingpai.issuer.context import Issuer

app = typer.Typer(name="user", help="Users who log in on the issuer's pages.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The user's login name.", show_default=False)]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.", show_default=False)
]


@app.command("add")
def add(
    login: Login,
    *,
    realm: RealmName = "",
    password_stdin: PasswordStdin = False,
    password_hash_stdin: Annotated[
        bool,
        typer.Option(
            "--password-hash-stdin",
            help="Read from standard input the hash that another system made of the password: argon2id, bcrypt, "
            "scrypt, or PBKDF2 as Django writes it.",
            show_default=False,
        ),
    ] = False,
    no_password: Annotated[
        bool,
        typer.Option(
            "--no-password",
            help="Without a password the user cannot log in; set one with `lingpai user passwd`.",
            show_default=False,
        ),
    ] = False,
    nick: Annotated[str, typer.Option(help="Nickname that apps may read.", show_default=False)] = "",
    avatar: Annotated[str, typer.Option(help="Address of a picture.", show_default=False)] = "",
    sex: Annotated[
        Literal["1", "2", "3"], typer.Option(help="1 male, 2 female, 3 unknown.", show_default=False)
    ] = "3",
    seller_name: Annotated[
        str,
        typer.Option(help="Name of the user's shop, for protocols that have one.", show_default=False),
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a user. The password is prompted for, or read from standard input."""
    from lingpai.cli.issuing import login_problems
    from lingpai.cli.output import done, emit
    from lingpai.core.user_records import Profile
    from lingpai.issuer import admin

    problems = login_problems(login)
    if [no_password, password_stdin, password_hash_stdin].count(True) > 1:
        problems.append(tr("Use one of --password-stdin, --password-hash-stdin and --no-password."))
    if problems:
        raise typer.BadParameter(" ".join(problems))
    from lingpai.issuer.user_documents import user_document

    async def check(realms: Realms) -> str:
        issuer = realms.one(realm)
        if await issuer.store.find_login(issuer.realm, login) is not None:
            raise Problem(tr("The realm {realm} already has a user {name}.", realm=issuer.realm, name=login))
        return issuer.realm

    where = with_realms(data, check, create=True)  # before anybody types a password
    given = "" if no_password or password_hash_stdin else _read_password(from_stdin=password_stdin)
    hashed = _read_hash() if password_hash_stdin else ""

    async def save(realms: Realms) -> dict[str, Any]:
        issuer = realms.one(where)
        profile = Profile(nick=nick, avatar=avatar, sex=sex, seller_name=seller_name)
        added = await admin.add_user(issuer, login, given, profile, password_hash=hashed)
        return user_document(issuer, added)

    emit(with_realms(data, save), as_json, done(tr("Added {name}.", name=login)))


@app.command("list")
def list_all(
    *,
    realm: RealmName = "",
    after_login: Annotated[
        str,
        typer.Option(
            "--after", help="Only those added after the user with this login name.", show_default=False
        ),
    ] = "",
    limit: Limit = MOST_LISTED,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the users of all realms, or of one, oldest first."""
    from lingpai.cli.output import emit, table
    from lingpai.issuer.administration import list_users
    from lingpai.issuer.user_documents import user_document

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        issuers, last = realms.some(realm), 0
        if after_login:
            issuer, user = await realms.user(after_login, realm)
            issuers, last = [issuer], user.id
        for issuer in issuers:
            async for each in list_users(issuer, last):
                if len(found) == limit:
                    _note_more(found[-1])
                    return found
                found.append(user_document(issuer, each))
        return found

    found = with_realms(data, read)
    rows = [
        (
            each["realm"],
            each["login"],
            each["nick"] or "–",
            tr("disabled") if each["disabled"] else tr("active"),
        )
        for each in found
    ]
    columns = ("Realm", "Login", "Nick", "State")
    emit(found, as_json, lambda console: console.print(table("Users", columns, rows)))


def _note_more(last: dict[str, Any]) -> None:
    note_more(f"--realm {last['realm']} --after {shlex.quote(last['login'])}")


@app.command("show")
def show(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Show one user, never the password."""
    from lingpai.cli.output import emit, fields
    from lingpai.issuer.user_documents import user_document

    async def read(realms: Realms) -> dict[str, Any]:
        return user_document(*await realms.user(login, realm))

    found = with_realms(data, read)
    pairs = (
        ("Realm", found["realm"]),
        ("Login", found["login"]),
        ("Nick", found["nick"] or "–"),
        ("State", tr("disabled") if found["disabled"] else tr("active")),
    )
    emit(found, as_json, lambda console: console.print(fields(pairs)))


@app.command("passwd")
def passwd(
    login: Login,
    *,
    realm: RealmName = "",
    password_stdin: PasswordStdin = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set a user's password; all their logins end."""
    from lingpai.cli.output import done, emit
    from lingpai.issuer import admin

    async def find(realms: Realms) -> str:
        return (await realms.user(login, realm))[0].realm

    where = with_realms(data, find)
    password = _read_password(from_stdin=password_stdin)

    async def save(realms: Realms) -> dict[str, Any]:
        issuer, user = await realms.user(login, where)
        await admin.set_password(issuer, user, password)
        return {"realm": where, "login": login, "outcome": "changed"}

    emit(with_realms(data, save), as_json, done(tr("The password of {name} was set.", name=login)))


@app.command("reset-link")
def reset_link(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Make an address under which a user sets a new password: once, within 15 minutes."""
    from lingpai.cli.output import done, emit
    from lingpai.core.audit import Change
    from lingpai.issuer.realms import pages_prefix
    from lingpai.issuer.verbs.passwords import LINK_SECONDS, make_reset_link
    from lingpai.settings import load_settings

    settings = load_settings(data=data)

    async def make(realms: Realms) -> dict[str, Any]:
        issuer, user = await realms.user(login, realm)
        own = next(each for each in settings.all_realms() if each.name == issuer.realm)
        if own.login:
            raise Problem(
                tr(
                    "Users of {realm} log in at {url}, and have no passwords here.",
                    realm=own.name,
                    url=own.login,
                )
            )
        address = f"{settings.origin}{pages_prefix(own)}/reset?link={await make_reset_link(issuer, user)}"
        await issuer.note(Change("user.reset-link", user.login))
        return {"realm": issuer.realm, "login": login, "address": address, "expires_in": LINK_SECONDS}

    made = with_realms(data, make)
    emit(made, as_json, done(tr("Valid once, for 15 minutes: {address}", address=made["address"])))


@app.command("logout")
def logout(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Log a user out everywhere: all their sessions end. What they allowed apps stays."""
    from lingpai.cli.output import done, emit
    from lingpai.issuer import admin

    async def end(realms: Realms) -> dict[str, Any]:
        issuer, user = await realms.user(login, realm)
        ended = await admin.end_sessions(issuer, user)
        return {"realm": issuer.realm, "login": login, "sessions_ended": ended}

    ended = with_realms(data, end)
    emit(
        ended,
        as_json,
        done(tr("Sessions of {name} ended: {count}.", name=login, count=ended["sessions_ended"])),
    )


@app.command("claims")
def claims(
    login: Login,
    *,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="What to set, such as email=ann@example.com email_verified=true address.country=CN; an empty value "
            "removes it.",
            show_default=False,
        ),
    ] = None,
    realm: RealmName = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show or change what apps of the protocol oidc may read of a user besides the profile, such as e-mail."""
    from lingpai.cli.output import emit, fields
    from lingpai.cli.user_claims import changed, shown
    from lingpai.core.user_records import UserClaims
    from lingpai.issuer import admin

    async def save(realms: Realms) -> UserClaims:
        issuer, user = await realms.user(login, realm)
        known = await issuer.store.find_claims(user.id) or UserClaims()
        return await admin.set_claims(issuer, user, changed(known, pairs)) if pairs else known

    found = with_realms(data, save)
    emit(found, as_json, lambda console: console.print(fields(shown(found))))


@app.command("disable")
def disable(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Disable a user: every worker rejects their tokens from the next check on."""
    _set_disabled(login, realm, data, as_json=as_json, disabled=True)


@app.command("enable")
def enable(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Enable a disabled user; tokens that have not expired are valid again."""
    _set_disabled(login, realm, data, as_json=as_json, disabled=False)


@app.command("remove")
def remove(
    login: Login, *, realm: RealmName = "", yes: Yes = False, data: Data = None, as_json: Json = False
) -> None:
    """Permanently remove a user and their open_ids; all their tokens end."""
    remove_one(
        ("login", login),
        lambda realms, where: realms.user(login, where),
        _drop,
        lambda where: tr("Remove {name} from {realm}, with their open_ids?", name=login, realm=where),
        realm=realm,
        yes=yes,
        data=data,
        as_json=as_json,
    )


app.command("import")(import_file)


async def _drop(issuer: "Issuer", found: "User") -> bool:
    from lingpai.issuer import admin

    return await admin.remove_user(issuer, found)


def _read_hash() -> str:
    from lingpai.cli.issuing import hash_problems
    from lingpai.cli.secret_input import read_input
    from lingpai.core.text import trimmed

    hashed = trimmed(read_input())
    problems = hash_problems(hashed)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    return hashed


def _read_password(*, from_stdin: bool) -> str:
    from lingpai.cli.issuing import password_problems
    from lingpai.cli.secret_input import read_password

    password = read_password(from_stdin=from_stdin)
    problems = password_problems(password)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    return password


def _set_disabled(login: str, realm: str, data: Path | None, *, as_json: bool, disabled: bool) -> None:
    from lingpai.cli.output import done, emit
    from lingpai.issuer import admin
    from lingpai.issuer.user_documents import user_document

    async def change(realms: Realms) -> dict[str, Any]:
        issuer, user = await realms.user(login, realm)
        return user_document(issuer, await admin.disable_user(issuer, user, disabled=disabled))

    text = tr("Disabled {name}.", name=login) if disabled else tr("Enabled {name}.", name=login)
    emit(with_realms(data, change), as_json, done(text))
