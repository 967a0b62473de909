"""Uploads a file with the official account's client, and downloads it again; see the tests."""

import io

from tests.clients.python.messages import answer_with_version, read_wanted
from tests.clients.python.wechatpy_official import LingpaiClient


def main() -> None:
    wanted = read_wanted()
    LingpaiClient.API_BASE_URL = f"{wanted['sandbox']}/cgi-bin/"
    client = LingpaiClient(wanted["account"], wanted["secret"])
    file = io.BytesIO(bytes(range(256)))
    file.name = "a.png"
    uploaded = client.media.upload("image", file)
    content = client.media.download(uploaded["media_id"]).content
    answer_with_version(uploaded=uploaded, downloaded=content.hex(), token=client.access_token)


if __name__ == "__main__":
    main()
