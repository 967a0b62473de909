"""The words of the sandbox's own pages."""

from collections.abc import Mapping
from typing import Any, Final

from lingpai.design.words import COMMON

WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "en": {
        **COMMON["en"],
        "title": "Sandbox",
        "lead": "This server imitates the APIs of WeChat, mini programs and WeCom: lifetimes, the overlap of old and "
        "new token, quotas, and refusals with the real error numbers. Nothing here is real.",
        "use": "Use it in place of the platforms",
        "use_lead": "Any service or SDK takes this address as its base URL instead of https://api.weixin.qq.com and "
        "https://qyapi.weixin.qq.com.",
        "accounts": "Accounts",
        "app": "Official account",
        "mini": "Mini program",
        "agent": "WeCom app",
        "rules": "Rules",
        "rules_lead": "Change them while the sandbox runs, by /_sandbox/options.",
        "numbers": {
            "token_lifetime": "A token lives (s)",
            "ticket_lifetime": "A ticket lives (s)",
            "code_lifetime": "A login code lives (s)",
            "classic_quota": "Classic token calls per day",
            "stable_quota": "Stable token calls per day",
            "api_quota": "Other calls per day and path",
        },
        "switches": "Switches",
        "switches_lead": "JSON in, JSON out. A call that cannot be used so is answered with what to do.",
        "faults": "Kinds of faults",
        "docs": "Read on",
        "docs_lead": "The how-to and the reference of the sandbox are in the repository: docs/how-to/sandbox.md and "
        "docs/reference/sandbox.md.",
        "service": "Service",
        "service_about": "The service that uses this sandbox.",
        "reference": "API reference",
        "reference_about": "Every call of the service, with sample answers.",
        "login": "Log in by WeChat",
        "cancel": "Cancel",
        "forbidden": "Not under this name",
        "forbidden_lead": "Address the sandbox by an IP address, by localhost, by a name of one label, or by a name "
        "given with --name.",
    },
    "zh": {
        **COMMON["zh"],
        "title": "沙箱",
        "lead": "本服务器模拟微信公众号、小程序和企业微信的接口：有效期、新旧令牌重叠、配额，以及带真实错误码的拒绝。"
        "这里的数据都不是真实数据。",
        "use": "代替平台使用",
        "use_lead": "任何服务或 SDK 都可以把本地址设为基础地址，代替 https://api.weixin.qq.com 和 "
        "https://qyapi.weixin.qq.com。",
        "accounts": "账号",
        "app": "公众号",
        "mini": "小程序",
        "agent": "企业微信应用",
        "rules": "规则",
        "rules_lead": "运行时可以通过 /_sandbox/options 修改。",
        "numbers": {
            "token_lifetime": "令牌有效期（秒）",
            "ticket_lifetime": "ticket 有效期（秒）",
            "code_lifetime": "登录 code 有效期（秒）",
            "classic_quota": "普通令牌接口每日次数",
            "stable_quota": "稳定版令牌接口每日次数",
            "api_quota": "其他接口每日次数（按路径）",
        },
        "switches": "开关",
        "switches_lead": "请求和响应都是 JSON；用法有误时，响应会说明怎么做。",
        "faults": "故障种类",
        "docs": "更多文档",
        "docs_lead": "沙箱的使用说明和参考在代码仓库中：docs/how-to/sandbox.zh-CN.md 和 docs/reference/sandbox.md。",
        "service": "服务",
        "service_about": "使用本沙箱的服务。",
        "reference": "接口文档",
        "reference_about": "服务的全部接口及返回示例。",
        "login": "微信登录",
        "cancel": "取消",
        "forbidden": "不能用此名称访问",
        "forbidden_lead": "请用 IP 地址、localhost、单段主机名，或 --name 指定的名称访问沙箱。",
    },
}

SWITCHES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("/_sandbox/calls", "", "Count the calls of each path and account; DELETE starts again",
     "按路径和账号统计调用；DELETE 清零"),
    ("/_sandbox/received", "", "Show the last calls as received, without tokens and secrets",
     "查看最近收到的调用，不含令牌和密钥"),
    ("/_sandbox/codes", """ -d '{"appid":"APPID","kind":"oauth"}'""", "Let a user log in: get a login code",
     "模拟用户登录：获取登录 code"),
    ("/_sandbox/faults", """ -d '{"path":"/cgi-bin/stable_token","fault":"http500","times":1}'""",
     "Let the next calls of a path fail; DELETE drops all faults", "让某个路径接下来的调用失败；DELETE 清除全部故障"),
    ("/_sandbox/authorizations", """ -d '{"account":"APPID"}'""",
     "Let a merchant authorise the third-party platform; DELETE withdraws", "让商户授权第三方平台；DELETE 取消授权"),
    ("/_sandbox/push", """ -d '{"event":"ticket"}'""", "Push a ticket to the third-party platform's callback at once",
     "立即向第三方平台的回调地址推送 ticket"),
    ("/_sandbox/kill", """ -d '{"access_token":"TOKEN"}'""", "Let a token or ticket end early",
     "让令牌或 ticket 提前失效"),
    ("/_sandbox/force_refresh", """ -d '{"access_token":"TOKEN"}'""", "The same, under another name",
     "同上的另一个名称"),
    ("/_sandbox/valid", "?access_token=TOKEN", "Check whether a token or ticket is accepted, without counting a call",
     "检查令牌或 ticket 是否有效，不计入调用"),
    ("/_sandbox/accounts", "", "List accounts; PATCH adds or changes one, DELETE restores the first ones",
     "列出账号；PATCH 添加或修改，DELETE 恢复初始账号"),
    ("/_sandbox/addresses", """ -d '{"account":"APPID","address":"127.0.0.1","answer":"confirm"}'""",
     "Answer for the administrator whether a new address may call (89503)", "代替管理员答复新地址能否调用（89503）"),
    ("/_sandbox/messages", """ -d '{"account":"APPID","url":"http://127.0.0.1:8000/relay/wechat/APPID/messages","token":"platformtoken"}'""",
     "Push a message to a service, as the platform does", "像平台一样向服务推送一条消息"),
    ("/_sandbox/users", """ -X PATCH -d '{"account":"APPID","user":"alice","blocked":true}'""",
     "Block a user, let them unfollow, or change their password", "封禁用户、取消关注或修改密码"),
    ("/_sandbox/options", """ -d '{"token_lifetime":30}'""", "Show the rules' numbers; POST changes them",
     "查看规则的数值；POST 修改"),
)  # fmt: skip
"""The controls: path, what a command adds to it (with `APPID` for a sample's), what it does in English and Chinese."""
