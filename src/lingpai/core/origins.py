"""Origins of web pages, as browsers write them."""

from urllib.parse import urlsplit


def origin_of(url: str) -> str | None:
    """Return the origin of a page as browsers write it (RFC 6454 §6.2), or None when the url is not a page's."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def is_origin(text: str) -> bool:
    """Return whether a text is an origin as browsers write it."""
    return origin_of(text) == text
