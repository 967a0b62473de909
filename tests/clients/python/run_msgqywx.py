"""Pushes messages of a WeCom app by a client that has the platform's address built in; see the tests."""

from msgqywx import msgqywx  # type: ignore[import-not-found] # it is in a folder of its own

from tests.clients.python.messages import answer, read_wanted


def main() -> None:
    wanted = read_wanted()
    client = msgqywx(wanted["account"], wanted["secret"], wanted["agentid"], touser=wanted["userid"])
    answer(sent=[client.send_msg(text).json() for text in ("你好", "再见")], token=client.get_access_token())


if __name__ == "__main__":
    main()
