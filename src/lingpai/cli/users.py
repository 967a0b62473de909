"""`lingpai user`: the users who can log in on the issuer's pages, and their open_ids."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lingpai.cli.flaws import telling
from lingpai.cli.listing import MOST_LISTED, Limit, given, note_more, read_each
from lingpai.cli.realms import RealmName, Realms, Yes, user_key, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json
from lingpai.cli.user_imports import import_file
from lingpai.cli.user_passwords import read_checked_hash, read_checked_password
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

KIND = "users"
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
    from lingpai.cli.output import done, emit
    from lingpai.operating.sections.checking import login_problems

    problems = login_problems(login)
    if [no_password, password_stdin, password_hash_stdin].count(True) > 1:
        problems.append(tr("Use one of --password-stdin, --password-hash-stdin and --no-password."))
    if problems:
        raise typer.BadParameter(" ".join(problems))

    async def check(realms: Realms) -> str:
        where = await realms.one(realm)
        if (await realms.port.list(KIND, (where,), {"login": login}, limit=1)).items:
            raise Problem(tr("The realm {realm} already has a user {name}.", realm=where, name=login))
        return where

    where = with_realms(data, check, create=True)  # before anybody types a password
    password = "" if no_password or password_hash_stdin else read_checked_password(from_stdin=password_stdin)
    document = {
        "login": login,
        "password": password,
        "password_hash": read_checked_hash() if password_hash_stdin else "",
        "nick": nick,
        "avatar": avatar,
        "sex": sex,
        "seller_name": seller_name,
    }

    async def save(realms: Realms) -> dict[str, Any]:
        with telling():
            return await realms.port.act(KIND, (where,), "add", document)

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

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        places = await realms.some(realm)
        if after_login:
            places = [(await realms.user(after_login, realm))["realm"]]
        for where in places:
            wanted = given(after_login=after_login)
            async for each in read_each(realms.port, KIND, (where,), wanted, page=limit + 1):
                if len(found) == limit:
                    _note_more(found[-1])
                    return found
                found.append(each)
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

    found = with_realms(data, lambda realms: realms.user(login, realm))
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

    found = with_realms(data, lambda realms: realms.user(login, realm))
    password = read_checked_password(from_stdin=password_stdin)

    async def save(realms: Realms) -> dict[str, Any]:
        with telling():
            return await realms.port.act(KIND, user_key(found), "password", {"password": password})

    emit(with_realms(data, save), as_json, done(tr("The password of {name} was set.", name=login)))


@app.command("reset-link")
def reset_link(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Make an address under which a user sets a new password: once, within 15 minutes."""
    from lingpai.cli.output import done, emit

    async def make(realms: Realms) -> dict[str, Any]:
        found = await realms.user(login, realm)
        return await realms.port.act(KIND, user_key(found), "reset-link", {})

    made = with_realms(data, make)
    emit(made, as_json, done(tr("Valid once, for 15 minutes: {address}", address=made["address"])))


@app.command("logout")
def logout(login: Login, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Log a user out everywhere: all their sessions end. What they allowed apps stays."""
    from lingpai.cli.output import done, emit

    async def end(realms: Realms) -> dict[str, Any]:
        return await realms.port.act(KIND, user_key(await realms.user(login, realm)), "logout", {})

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
    from lingpai.cli.user_claims import patch_of, shown

    async def save(realms: Realms) -> dict[str, Any]:
        key = user_key(await realms.user(login, realm))
        if not pairs:
            return (await realms.port.read("claims", key)).document
        with telling():
            return (await realms.port.patch("claims", key, patch_of(pairs))).item.document

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
        KIND,
        ("login", login),
        lambda realms: realms.user(login, realm),
        user_key,
        lambda where: tr("Remove {name} from {realm}, with their open_ids?", name=login, realm=where),
        yes=yes,
        data=data,
        as_json=as_json,
    )


app.command("import")(import_file)


def _set_disabled(login: str, realm: str, data: Path | None, *, as_json: bool, disabled: bool) -> None:
    from lingpai.cli.output import done, emit

    async def change(realms: Realms) -> dict[str, Any]:
        key = user_key(await realms.user(login, realm))
        return (await realms.port.patch(KIND, key, {"disabled": disabled})).item.document

    text = tr("Disabled {name}.", name=login) if disabled else tr("Enabled {name}.", name=login)
    emit(with_realms(data, change), as_json, done(text))
