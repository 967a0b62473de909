"""The start page: in development it shows the samples, to browsers on this machine alone."""

import pytest

from lingpai.core.wire import Call
from lingpai.edge.start import WORDS, Command, Development, Link, Values, is_local, start_page

BOTH = {"en": "English words", "zh": "中文"}
SHOWN = Development(
    (Link("http://127.0.0.1:1/", BOTH, BOTH),),
    (Command(BOTH, "curl 'http://127.0.0.1:2/' -d 'a=<b>&c'"),),
    (Values(BOTH, (("appid", "wx0000000000000001"), ("secret", "s3cret"))),),
)
HERE = {"host": "127.0.0.1:8000", "accept-language": "en"}


def call(peer: str = "127.0.0.1", **headers: str) -> Call:
    given = HERE | {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("trace", peer, headers={name.encode(): value.encode() for name, value in given.items()})


def shown(call: Call, development: Development | None = SHOWN) -> str:
    return start_page(call, "", "http://127.0.0.1:8000", development).body.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:8000", "127.0.0.9"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_a_browser_on_this_machine_sees_the_samples(host: str, peer: str) -> None:
    text = shown(call(peer, host=host))
    assert "s3cret" in text
    assert "curl &#39;http://127.0.0.1:2/&#39; -d &#39;a=&lt;b&gt;&amp;c&#39;" in text


@pytest.mark.parametrize(
    "given",
    [
        call("192.0.2.7"),
        call(host="evil.example"),
        call(host="127.0.0.1.nip.io"),
        call(host="tokens"),
        call(host=""),
        call(x_forwarded_for="192.0.2.7"),
        call(forwarded="for=192.0.2.7"),
        call(x_real_ip="192.0.2.7"),
        call(via="1.1 proxy"),
    ],
)
def test_nobody_else_does(given: Call) -> None:
    assert not is_local(given)
    text = shown(given)
    assert "s3cret" not in text
    assert "wx0000000000000001" not in text
    assert text == shown(given, None), "the very page of production"


def test_production_shows_no_samples_and_development_is_not_stored() -> None:
    assert "s3cret" not in shown(call(), None)
    assert dict(start_page(call(), "", "", SHOWN).headers)["cache-control"] == "no-store"
    assert dict(start_page(call(), "", "", None).headers)["cache-control"] == "no-cache"


@pytest.mark.parametrize(("accept", "words"), [("zh-CN", "中文"), ("en", "English words")])
def test_the_samples_are_named_in_the_readers_language(accept: str, words: str) -> None:
    text = shown(call(accept_language=accept))
    assert f"<p>{words}</p>" in text
    assert f"<h3>{words}</h3>" in text


def test_copy_buttons_are_named_and_hidden_until_a_script_shows_them() -> None:
    text = shown(call())
    assert text.count("hidden>Copy</button>") == 3
    assert 'aria-label="Copy: English words, secret"' in text
    assert '<p role="status" class="unseen" id="said"></p>' in text


def test_both_languages_have_all_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert [path for path, *_ in WORDS["en"]["links"]] == [path for path, *_ in WORDS["zh"]["links"]]
