"""Uses the official account's client as an application would; see the tests."""

from typing import Any

from wechatpy.exceptions import WeChatClientException

from tests.clients.python.messages import answer_with_version, read_wanted
from tests.clients.python.wechatpy_official import LingpaiClient


def use(client: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    ticket = client.jsapi.get_jsapi_ticket()
    sign = client.jsapi.get_jsapi_signature
    return {
        "addresses": client.misc.get_wechat_ips(),
        "user": client.user.get(wanted["openid"]),
        "sent": client.message.send_text(wanted["openid"], "你好"),
        "ticket": ticket,
        "signature": sign(wanted["noncestr"], ticket, wanted["timestamp"], wanted["page"]),
        "token": client.access_token,
    }


def main() -> None:
    wanted = read_wanted()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    try:
        answer_with_version(**use(client, wanted))
    except WeChatClientException as refusal:
        answer_with_version(errcode=refusal.errcode, errmsg=refusal.errmsg)


if __name__ == "__main__":
    main()
