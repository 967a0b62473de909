"""Which requests look like a browser's, and which clients want a page."""

import pytest

from lingpai.core.browsers import looks_like_browser, prefers_html

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36"
)
PICTURES = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
PAGES = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def head(**headers: str) -> dict[bytes, bytes]:
    lines = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {name.encode(): value.encode() for name, value in lines.items()}


@pytest.mark.parametrize(
    "headers",
    [
        head(origin="https://evil.example"),
        head(origin="null"),
        head(origin="http://127.0.0.1:8000"),
        head(sec_fetch_site="cross-site"),
        head(sec_fetch_site="none"),
        head(sec_fetch_dest="image"),
        head(sec_fetch_mode="no-cors"),
        head(sec_ch_ua='"Chromium";v="149"'),
        head(upgrade_insecure_requests="1"),
        head(referer="http://evil.example/page"),
        head(referer="about:blank"),
        head(referer="http://[evil"),
        head(user_agent=CHROME, accept=PICTURES),
        head(user_agent=CHROME, accept=PAGES),
        head(user_agent=CHROME, accept="*/*", accept_language="en"),
        head(user_agent=CHROME, accept="*/*", referer="http://127.0.0.1:8000/docs"),
        head(user_agent="Opera/9.80", accept="text/html"),
    ],
)
def test_browsers(headers: dict[bytes, bytes]) -> None:
    assert looks_like_browser(headers)


@pytest.mark.parametrize(
    "headers",
    [
        head(),
        head(user_agent="curl/8.5.0", accept="*/*"),
        head(user_agent="Java/1.8.0_402", accept=JAVA),
        head(user_agent="python-requests/2.32", accept="*/*", accept_encoding="gzip, deflate"),
        head(user_agent="node", accept="*/*", accept_language="*", sec_fetch_mode="cors"),
        head(user_agent="Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.22621"),
        head(user_agent="Mozilla/5.0", accept="application/json"),
        head(user_agent="okhttp/4.12.0", accept_language="zh-CN"),
        head(user_agent="Prometheus/3.0.0", accept="application/openmetrics-text;version=1.0.0"),
    ],
)
def test_programs(headers: dict[bytes, bytes]) -> None:
    assert not looks_like_browser(headers)


@pytest.mark.parametrize(
    "accept", [PAGES, "text/html", "text/html,*/*;q=0.1", "TEXT/HTML;q=0.9, application/json;q=0.8"]
)
def test_who_wants_a_page(accept: str) -> None:
    assert prefers_html(accept.encode())


@pytest.mark.parametrize(
    "accept",
    [
        *("", "*/*", "application/json", "application/json, text/html", "text/html;q=0", "text/html;q=x"),
        *(
            JAVA,
            "text/html, image/gif, image/jpeg, */*; q=0.2",
            "application/json, text/html;q=0.9, */*;q=0.1",
        ),
    ],
)
def test_who_wants_data(accept: str) -> None:
    assert not prefers_html(accept.encode())
