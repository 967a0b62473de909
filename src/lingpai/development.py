"""`lingpai dev`: service and sandbox in one process, with sample data that survives a restart."""

import json
import secrets
from pathlib import Path

from lingpai.announcing import announce, describe, shell_variables
from lingpai.console.sessions import link_to, make_link
from lingpai.core import private_files
from lingpai.core.audit import Actor
from lingpai.core.clock import SystemClock
from lingpai.devdata.issuer import add_issuer_samples, sample_realms
from lingpai.devdata.keeper import add_accounts, sandbox_options
from lingpai.devdata.records import Samples, load_samples
from lingpai.devdata.showing import development_of
from lingpai.edge.listening import bind, url_of
from lingpai.edge.logs import configure_logging
from lingpai.edge.server import Listener, ServerOptions, serve
from lingpai.issuer.dialects.registry import dialects
from lingpai.keeper.platforms.imitation import Imitations
from lingpai.keeper.platforms.registry import platform_types
from lingpai.operating.keys import add_key, remove_key
from lingpai.sample_app.member_site import PATH, REALM
from lingpai.sample_app.setup import open_sample
from lingpai.sandbox.serve import running
from lingpai.service import issuers_of, open_keeper, open_service
from lingpai.serving import admin_listeners
from lingpai.settings import Settings, load_settings
from lingpai.settings.sources import SETTINGS_FILE

__all__ = ["Samples", "add_samples", "develop", "load_samples", "sandbox_options"]

TOML_HEAD = (
    "# Written by `lingpai dev` at each start: with --data, every other command asks the sandbox too.\n"
)

LOOPBACK = "127.0.0.1"
ADMIN_PREFIX = "dev-"
"""Names of the admin keys that are made at each start begin with this."""


async def develop(
    host: str, port: int, sandbox_port: int, data: Path, token_lifetime: float, *, sample_port: int = 0
) -> None:
    """Run service, sandbox and sample app until a signal; write `dev.json` and print what runs where.

    Args:
        host: address of the service. Sandbox and sample app show secrets, and are for this machine only.
        port: of the service; 0 for a free one.
        sandbox_port: of the sandbox; 0 for a free one.
        data: folder that keeps everything.
        token_lifetime: seconds that the sandbox's tokens live.
        sample_port: of the sample app; 0 for a free one.

    Raises:
        OSError: an address cannot be bound.
    """
    samples = load_samples(data / "samples.json")
    with (
        bind(host, port) as service_socket,
        bind(LOOPBACK, sandbox_port) as sandbox_socket,  # its controls show and change all of its secrets
        bind(LOOPBACK, sample_port) as sample_socket,  # which shows the secrets that its apps send
        bind(LOOPBACK, 0) as admin_socket,
    ):
        url, sandbox_url, sample_url = map(url_of, (service_socket, sandbox_socket, sample_socket))
        settings = load_settings(
            host=host,
            port=port,
            data=data,
            public_url=url,
            admin={"listen": "{}:{}".format(*admin_socket.getsockname()[:2])},
            realms={REALM: {"dialect": "mall", "prefix": f"/{REALM}", "login": sample_url + PATH}},
            **sandbox_addresses(sandbox_url),
        )
        _prepare_realms(settings)
        configure_logging(settings.log_level, json_lines=settings.log_json)
        options = sandbox_options(samples, token_lifetime, url)
        others = Imitations(platform_types().values(), SystemClock(), token_lifetime)
        with running(
            options, sandbox_socket, state_file=data / "sandbox.json", others=others, service_url=url
        ):
            await add_samples(settings, samples, sample_url)
            realms = sample_realms(settings.enabled_realms())
            sample = await open_sample(settings, samples, realms, url, sample_url)
            described = describe(url, sandbox_url, sample_url, samples, realms)
            development = development_of(described, realms, data)
            described["admin"] = await admin_access(settings, url_of(admin_socket))
            async with open_service(settings, development=development, sandbox=sandbox_url) as app:
                private_files.write(data / SETTINGS_FILE, sandbox_settings(sandbox_url).encode())
                private_files.write(data / "dev.json", (json.dumps(described, indent=2) + "\n").encode())
                private_files.write(data / "dev.env", shell_variables(described).encode())
                listeners = [
                    Listener(app, [service_socket]),
                    Listener(sample, [sample_socket]),
                    *admin_listeners(settings, app, [admin_socket]),
                ]
                limits = ServerOptions(connections=settings.connection_limits())
                await serve(listeners, limits, ready=lambda: announce(described, data, realms))


async def admin_access(settings: Settings, url: str) -> dict[str, str]:
    """Return how the admin API is reached: its address, a new key with all rights, and a link to the console.

    The key takes the place of the one of the start before.
    """
    async with open_keeper(settings) as keeper:
        acting = keeper.by(Actor("cli", "lingpai dev"))
        for each in await keeper.store.list_admin_keys():
            if each.name.startswith(ADMIN_PREFIX) and each.removed_at is None:
                await remove_key(acting, each.name)
        name = f"{ADMIN_PREFIX}{secrets.token_hex(4)}"
        _, key = await add_key(acting, name, "owner")
        return {"url": url, "key": key, "console": link_to(url, await make_link(acting, "lingpai dev"))}


def sandboxed_platforms() -> list[str]:
    """Return the names of the platforms that the sandbox imitates."""
    return [name for name, each in platform_types().items() if each.sandboxed or each.samples]


def sandbox_settings(url: str) -> str:
    """Return settings, as TOML, by which the sandbox at `url` is each platform that it imitates."""
    return TOML_HEAD + "\n".join(
        f"[{name}]\n" + "".join(f'{setting} = "{address}"\n' for setting, address in addresses.items())
        for name, addresses in sandbox_addresses(url).items()
    )


def sandbox_addresses(url: str) -> dict[str, dict[str, str]]:
    """Return the settings by which the sandbox at `url` is each platform that it imitates, its pages too."""
    return {
        name: {
            setting: url
            for setting in ("base_url", "pages_url")
            if setting in platform_types()[name].settings.model_fields
        }
        for name in sandboxed_platforms()
    }


def _prepare_realms(settings: Settings) -> None:
    """Give the realms with samples what their dialects declare for them, where the settings say nothing."""
    for name, realm in sample_realms(settings.enabled_realms()).items():
        section, samples = settings.realms[realm.name], dialects()[name].samples
        if samples is None:
            continue
        server = None if samples.sign_in is None else samples.sign_in.server
        if server is not None:
            section.brand.scopes.setdefault(server.scope, dict(server.words))
        for setting in samples.settings.keys() - section.model_fields_set:
            setattr(section, setting, samples.settings[setting])


async def add_samples(settings: Settings, samples: Samples, app_url: str = "") -> None:
    """Configure the samples of keeper and issuer, as an operator would.

    Args:
        settings: of the service, which does not run yet.
        samples: what to add.
        app_url: base URL of the sample app, "" when none runs.
    """
    async with open_keeper(settings) as keeper:
        await add_accounts(keeper, samples, app_url)
        issuers = await issuers_of(settings, keeper)
        realms = settings.enabled_realms()
        await add_issuer_samples(issuers, realms, samples.issuer, settings.origin, app_url)
