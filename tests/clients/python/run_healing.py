"""Has the held token die under the official account's client, which knows nothing but to fetch it again."""

import requests
from wechatpy.exceptions import WeChatClientException

from tests.clients.python.messages import answer_with_version, read_wanted
from tests.clients.python.wechatpy_official import LingpaiClient


def main() -> None:
    wanted = read_wanted()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    dead = client.access_token
    requests.post(
        f"{wanted['sandbox']}/_sandbox/kill", json={"access_token": dead}, timeout=10
    ).raise_for_status()
    try:
        answer_with_version(dead=dead, addresses=client.misc.get_wechat_ips(), token=client.access_token)
    except (WeChatClientException, RecursionError) as refusal:
        answer_with_version(dead=dead, refused=type(refusal).__name__)


if __name__ == "__main__":
    main()
