"""Calls an API that answers 40001 for good: wechatpy fetches a token and tries again until its stack ends."""

from tests.clients.python.tell import tell, told
from tests.clients.python.wechatpy_official import LingpaiClient


def main() -> None:
    wanted = told()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    try:
        client.misc.get_wechat_ips()
    except RecursionError:
        tell(gave_up=True, token=client.access_token)
    else:
        tell(gave_up=False, token=client.access_token)


if __name__ == "__main__":
    main()
