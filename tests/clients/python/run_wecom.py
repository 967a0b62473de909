"""Uses the WeCom client as an application would; see the tests."""

from tests.clients.python.messages import answer_with_version, read_wanted
from tests.clients.python.wechatpy_wecom import LingpaiClient


def main() -> None:
    wanted = read_wanted()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    user = client.user.get(wanted["userid"])
    sent = client.message.send_text(wanted["agentid"], wanted["userid"], "你好")
    answer_with_version(
        user=user, sent=sent, addresses=client.misc.get_wechat_ips(), token=client.access_token
    )


if __name__ == "__main__":
    main()
