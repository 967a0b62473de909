"""Uses DingTalk's own SDK as an application would, with Lingpai's address for the platform's; see the tests."""

import os
from urllib.parse import urlsplit

from alibabacloud_dingtalk.contact_1_0.client import (  # type: ignore[import-not-found] # in a folder of its own
    Client as Contacts,
)
from alibabacloud_dingtalk.contact_1_0.models import GetUserHeaders  # type: ignore[import-not-found]
from alibabacloud_dingtalk.oauth2_1_0.client import Client  # type: ignore[import-not-found]
from alibabacloud_dingtalk.oauth2_1_0.models import GetAccessTokenRequest  # type: ignore[import-not-found]
from alibabacloud_tea_openapi.models import Config  # type: ignore[import-not-found]
from alibabacloud_tea_util.models import RuntimeOptions  # type: ignore[import-not-found]

from tests.clients.python.messages import answer, read_wanted


def main() -> None:
    wanted = read_wanted()
    config = Config(protocol="http", region_id="central", endpoint=urlsplit(os.environ["LINGPAI_URL"]).netloc)
    asked = GetAccessTokenRequest(app_key=wanted["account"], app_secret=wanted["secret"])
    token = Client(config).get_access_token(asked).body
    headers = GetUserHeaders(x_acs_dingtalk_access_token=token.access_token)
    user = Contacts(config).get_user_with_options("me", headers, RuntimeOptions())
    answer(token=token.access_token, expires_in=token.expire_in, status=user.status_code)


if __name__ == "__main__":
    main()
