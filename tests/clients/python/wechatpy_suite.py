"""wechatpy 2, a provider's app: its crypto reads a push and makes one, its service client calls with the ticket."""

import json
import sys
from typing import Any

from wechatpy.session.memorystorage import MemoryStorage
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.services import WeChatServiceClient

NONCE = "n0nce"


def main() -> None:
    wanted: dict[str, Any] = json.load(sys.stdin)
    suite, pushed = wanted["suite"], wanted["pushed"]
    crypto = WeChatCrypto(suite["token"], suite["encoding_key"], suite["suite_id"])
    message = crypto.decrypt_message(
        pushed["body"], pushed["msg_signature"], pushed["timestamp"], pushed["nonce"]
    )
    ticket = message.partition("<SuiteTicket><![CDATA[")[2].partition("]]>")[0]
    address = f"{wanted['sandbox']}/cgi-bin/"

    class Client(WeChatServiceClient):  # type: ignore[misc] # wechatpy has no types
        API_BASE_URL = address

        def fetch_access_token(self) -> Any:
            fields = {"suite_id": self.suite_id, "suite_secret": self.suite_secret, "suite_ticket": ticket}
            return self._fetch_access_token(url=f"{address}service/get_suite_token", params=fields)

    client = Client(suite["corpid"], suite["suite_id"], suite["secret"], ticket, session=MemoryStorage())
    visit = client.auth.get_pre_auth_code()
    found = {
        "ticket": ticket,
        "token": client.access_token,
        "session": client.auth.set_session_info(visit["pre_auth_code"], auth_type=1),
        "granted": client.auth.get_permanent_code(wanted["auth_code"]),
        "user": client.miniprogram.jscode2session(wanted["js_code"]),
        "forwarded": crypto.encrypt_message(message, NONCE, pushed["timestamp"]),
    }
    json.dump(found, sys.stdout)


main()
