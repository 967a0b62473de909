"""The keeper's samples: accounts of the sandbox, and a caller key."""

from lingpai.core.records import EVERY_RIGHT, Account, Caller
from lingpai.devdata.records import Samples
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.registry import platform_types
from lingpai.sandbox import SandboxOptions
from lingpai.sandbox.options import WechatApp, WechatComponent, WecomAgent, WecomCorp, WecomSuite

CALLER = "dev"
PHANTOM_CALLER = "dev-phantom"


MERCHANTS = "/merchants"
"""The page of the sample app to which merchants are led when they have authorised."""
CORPS = "/corps"
"""The same for the administrators of WeCom's corps."""


async def add_accounts(keeper: Keeper, samples: Samples, app_url: str = "") -> None:
    """Add the sample accounts and the caller key, as an operator would.

    Existing ones do not change, but for where merchants are led.

    Args:
        keeper: the keeper.
        samples: what to add.
        app_url: base URL of the sample app, "" when none runs.
    """
    await keeper.store.save_account(
        Account(
            platform="wechat_component",
            account=samples.component_appid,
            secret=samples.component_secret,
            callback_token=samples.component_token,
            encoding_key=samples.component_key,
            next_urls=(app_url + MERCHANTS,) if app_url else (),
        )
    )
    await keeper.store.save_account(
        Account(
            platform="wecom_suite",
            account=samples.suite_id,
            secret=samples.suite_secret,
            callback_token=samples.suite_token,
            encoding_key=samples.suite_key,
            corpid=samples.suite_corpid,
            next_urls=(app_url + CORPS,) if app_url else (),
        )
    )
    for account in (
        Account(platform="wechat", account=samples.appid, secret=samples.app_secret),
        Account(platform="wechat", account=samples.mini_appid, secret=samples.mini_secret),
        Account(platform="wecom", account=samples.corpid, label="first", secret=samples.agent_secret),
        Account(platform="wecom", account=samples.corpid, label="second", secret=samples.second_agent_secret),
        *(
            Account(platform=each.name, account=account, secret=secret)
            for each in platform_types().values()
            for account, secret in each.samples.items()
        ),
    ):
        known = await keeper.store.find_accounts(account.platform, account.account)
        if not any(each.label == account.label for each in known):
            await keeper.store.save_account(account)
    corp = f"wecom/{samples.corpid}"
    for name, apps, key in (
        (CALLER, ("*",), samples.caller_key),
        # A key in place of a corpsecret identifies one of a corp's apps by the accounts that it may use.
        (f"{CALLER}-wecom", (f"{corp}/first",), samples.first_agent_key),
        (f"{CALLER}-wecom-second", (f"{corp}/second",), samples.second_agent_key),
    ):
        caller = Caller(name=name, environment="dev", apps=apps, created_at=keeper.clock.now())
        await keeper.store.add_caller(caller, keeper.digest_caller_key(key))
    provider = Caller(
        name=f"{CALLER}-merchants", environment="dev", rights=EVERY_RIGHT, created_at=keeper.clock.now()
    )
    await keeper.store.add_caller(provider, keeper.digest_caller_key(samples.merchants_key))
    phantom = Caller(
        name=PHANTOM_CALLER,
        environment="dev",
        apps=(f"wechat/{samples.appid}", f"wechat/{samples.mini_appid}", f"{corp}/first"),
        rights=EVERY_RIGHT,
        hand_out="phantom",
        created_at=keeper.clock.now(),
    )
    await keeper.store.add_caller(phantom, keeper.digest_caller_key(samples.phantom_key))


def sandbox_options(samples: Samples, token_lifetime: float, url: str = "") -> SandboxOptions:
    """Return the options of a sandbox with the sample accounts.

    Args:
        samples: ids and secrets.
        token_lifetime: seconds that tokens live.
        url: of the service, to which the sandbox pushes; "" for none.
    """
    callbacks = f"{url}/callback" if url else ""
    return SandboxOptions(
        token_lifetime=token_lifetime,
        ticket_lifetime=token_lifetime,
        apps=(
            WechatApp(
                appid=samples.appid,
                secret=samples.app_secret,
                name="Sample official account",
                open_platform="sample",
            ),
            WechatApp(
                appid=samples.mini_appid,
                secret=samples.mini_secret,
                name="Sample mini program",
                mini=True,
                open_platform="sample",
            ),
            WechatApp(
                appid=samples.merchant_appid, secret=samples.merchant_secret, name="Sample merchant 示例商户"
            ),
        ),
        components=(
            WechatComponent(
                appid=samples.component_appid,
                secret=samples.component_secret,
                token=samples.component_token,
                encoding_key=samples.component_key,
                name="Sample third-party platform 示例第三方平台",
                callback=callbacks and f"{callbacks}/wechat_component/{samples.component_appid}",
            ),
        ),
        suites=(
            WecomSuite(
                suite_id=samples.suite_id,
                secret=samples.suite_secret,
                token=samples.suite_token,
                encoding_key=samples.suite_key,
                corpid=samples.suite_corpid,
                name="Sample third-party app 示例第三方应用",
                callback=callbacks and f"{callbacks}/wecom_suite/{samples.suite_id}",
            ),
        ),
        corps=(
            WecomCorp(
                corpid=samples.corpid,
                name="Sample corp",
                agents=(
                    WecomAgent(agentid=1_000_002, secret=samples.agent_secret, name="Sample app"),
                    WecomAgent(
                        agentid=1_000_003, secret=samples.second_agent_secret, name="Second sample app"
                    ),
                ),
            ),
            WecomCorp(corpid=samples.merchant_corpid, name="Sample client corp 示例客户企业", agents=()),
        ),
    )
