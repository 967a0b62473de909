"""Uses Feishu's own SDK as an application would, with Lingpai's address for the platform's; see the tests."""

import os

import lark_oapi as lark  # type: ignore[import-not-found] # it is in a folder of its own
from lark_oapi.api.im.v1 import (  # type: ignore[import-not-found]
    CreateMessageRequest,
    CreateMessageRequestBody,
)

from tests.clients.python.messages import answer, read_wanted


def main() -> None:
    wanted = read_wanted()
    builder = lark.Client.builder().app_id(wanted["account"]).app_secret(wanted["secret"])
    client = builder.domain(os.environ["LINGPAI_URL"]).build()
    body = CreateMessageRequestBody.builder().receive_id("ou_x").msg_type("text").content("{}").build()
    message = CreateMessageRequest.builder().receive_id_type("open_id").request_body(body).build()
    sent = [client.im.v1.message.create(message) for _ in range(2)]
    asked = (
        lark.BaseRequest.builder()
        .http_method(lark.HttpMethod.POST)
        .uri("/open-apis/jssdk/ticket/get")
        .token_types({lark.AccessTokenType.TENANT})
        .build()
    )
    ticket = client.request(asked)
    answer(
        sent=[each.code for each in sent],
        ticket=lark.JSON.unmarshal(str(ticket.raw.content, "utf-8"), dict)["data"]["ticket"],
    )


if __name__ == "__main__":
    main()
