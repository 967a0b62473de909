"""Types of settings that the service and the platforms share."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings: nothing unknown, and each documented by the string below it."""

    model_config = ConfigDict(extra="forbid")


def base_url(text: str) -> str:
    """Return an http or https address without a slash at its end.

    Raises:
        ValueError: it is none, or has a query or a fragment.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query, such as https://api.weixin.qq.com")
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(base_url)]
