"""Parameters that several routes of the keeper take, and where they may come from."""

from typing import Annotated

import msgspec

from lingpai.core.wire import Source

Id = Annotated[str, msgspec.Meta(max_length=128, description="an appid or corpid")]
Secret = Annotated[str, msgspec.Meta(max_length=512, description="the app's secret, or a caller key")]
Code = Annotated[
    str,
    msgspec.Meta(max_length=512, description="a login code, as the user's client received it; it works once"),
]
Url = Annotated[str, msgspec.Meta(max_length=2048, description="the page's address; a #fragment is ignored")]
Token = Annotated[
    str, msgspec.Meta(max_length=4096, description="a token that was issued through this service")
]

BODY = Source.QUERY | Source.JSON | Source.FORM | Source.UNLABELLED
"""The query, or a body of any form that WeChat reads."""
