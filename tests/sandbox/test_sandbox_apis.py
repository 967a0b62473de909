from lingpai.sandbox import SAMPLE_APP
from tests.helpers.platforms import Platforms


def test_followers_are_those_who_logged_in(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    openid = platforms.control("POST", "codes", {"appid": SAMPLE_APP.appid})["openid"]
    followers = platforms.get("/cgi-bin/user/get", access_token=token)
    assert (followers["total"], followers["data"]) == (1, {"openid": [openid]})
    info = platforms.get("/cgi-bin/user/info", access_token=token, openid=openid)
    assert (info["subscribe"], info["openid"]) == (1, openid)
    assert platforms.get("/cgi-bin/user/info", access_token=token, openid="o0")["errcode"] == 40003
    platforms.control("PATCH", "users", {"account": SAMPLE_APP.appid, "subscribed": False})
    assert platforms.get("/cgi-bin/user/info", access_token=token, openid=openid)["subscribe"] == 0
    assert platforms.get("/cgi-bin/user/get", access_token=token)["total"] == 0


def test_customer_messages_go_to_known_users(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    openid = platforms.control("POST", "codes", {"appid": SAMPLE_APP.appid})["openid"]
    message = {"touser": openid, "msgtype": "text", "text": {"content": "hi"}}
    path = "/cgi-bin/message/custom/send"
    assert platforms.post(path, message, access_token=token) == {"errcode": 0, "errmsg": "ok"}
    assert platforms.post(path, message | {"touser": "o0"}, access_token=token)["errcode"] == 40003


def test_a_menu_is_kept_as_it_came(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    menu = {"button": [{"type": "click", "name": "你好", "key": "K"}]}
    assert platforms.get("/cgi-bin/menu/get", access_token=token)["errcode"] == 46003
    assert platforms.post("/cgi-bin/menu/create", menu, access_token=token)["errcode"] == 0
    assert platforms.get("/cgi-bin/menu/get", access_token=token) == {"menu": menu}
    assert platforms.get("/cgi-bin/menu/delete", access_token=token)["errcode"] == 0
    assert platforms.get("/cgi-bin/menu/get", access_token=token)["errcode"] == 46003


def test_addresses_and_uploads(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    assert platforms.get("/cgi-bin/getcallbackip", access_token=token)["ip_list"]
    path, query = "/cgi-bin/media/upload", {"access_token": token, "type": "voice"}
    assert platforms.raw("POST", path, query=query, body=b"x").json["errcode"] == 41005
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    uploaded = platforms.raw("POST", path, query=query, body=b"--b--", headers=headers).json
    assert uploaded["type"] == "voice"
    assert uploaded["media_id"]


def test_a_file_comes_back_as_it_was_uploaded(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    content = bytes(range(256)) * 3
    head = b'--b\r\ncontent-disposition: form-data; name="%b"%b\r\n%b\r\n'
    field = head % (b"note", b"", b"") + b"hello\r\n"
    kind = b"content-type: image/png\r\n"
    first = head % (b"media", b'; filename="a.png"', kind) + content + b"\r\n"
    second = head % (b"other", b'; filename="b.png"', kind) + b"other\r\n--b--\r\n"
    uploaded = platforms.raw(
        "POST",
        "/cgi-bin/media/upload",
        query={"access_token": token, "type": "image"},
        body=field + first + second,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    ).json
    query = {"access_token": token, "media_id": uploaded["media_id"]}
    got = platforms.raw("GET", "/cgi-bin/media/get", query=query)
    assert got.content == content
    assert got.headers["content-type"] == "image/png"
    assert "a.png" in got.headers["content-disposition"]
    assert platforms.get("/cgi-bin/media/get", access_token=token, media_id="x")["errcode"] == 40007
