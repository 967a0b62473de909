"""Calls an API that answers 40001 for good: wechatpy fetches a token and tries again until its stack ends."""

from tests.clients.python.messages import answer_with_version, read_wanted
from tests.clients.python.wechatpy_official import LingpaiClient


def main() -> None:
    wanted = read_wanted()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    try:
        client.misc.get_wechat_ips()
    except RecursionError:
        answer_with_version(gave_up=True, token=client.access_token)
    else:
        answer_with_version(gave_up=False, token=client.access_token)


if __name__ == "__main__":
    main()
