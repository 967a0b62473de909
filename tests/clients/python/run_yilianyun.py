"""Does with Yilianyun's own SDK what its calls are for; only its base URL is another.

An object of the SDK signs one call right: it goes on with the MD5 of the call before. So each call gets its own.
"""

from typing import Any

from Lib.Api.yly_printer import YlyPrinter  # type: ignore[import-not-found]  # in a folder of its own, prepare.py
from Lib.Config.config import Config  # type: ignore[import-not-found]  # likewise
from Lib.Oauth.oauth import Oauth  # type: ignore[import-not-found]  # likewise
from Lib.Protocol.rpc_client import RpcClient  # type: ignore[import-not-found]  # likewise

from tests.clients.python.messages import answer, read_wanted


class Sdk:
    """The SDK for one app."""

    def __init__(self, wanted: dict[str, Any], mode: str) -> None:
        self._config = Config(*wanted[mode])
        self._config.set_request_url(wanted["url"])

    @property
    def oauth(self) -> Any:
        return Oauth(self._config)

    def printer(self, token: str) -> Any:
        return YlyPrinter(RpcClient(self._config, token))


def main(wanted: dict[str, Any]) -> None:
    terminal, msign = wanted["machine_code"], wanted["msign"]
    app = Sdk(wanted, "open")
    got = app.oauth.get_token(wanted["code"])
    refreshed = app.oauth.refresh_token(got["body"]["refresh_token"])
    again = app.oauth.refresh_token(got["body"]["refresh_token"])
    token = refreshed["body"]["access_token"]
    unbound = [app.printer(token).del_printer(terminal) for _ in range(2)]
    own = Sdk(wanted, "self_owned")
    issued = own.oauth.get_token()
    token = issued["body"]["access_token"]
    bound = own.printer(token).add_printer(terminal, msign, "front")
    refused = own.printer(token).add_printer(terminal, "wrong")
    freed = own.printer(token).del_printer(terminal)
    worn = own.oauth
    answer(
        got=got,
        refreshed=refreshed,
        again=again,
        unbound=unbound,
        issued=issued,
        bound=bound,
        refused=refused,
        freed=freed,
        mode=own.oauth.get_token("any"),
        worn=[worn.get_token()["error"], worn.get_token()["error"]],
    )


if __name__ == "__main__":
    main(read_wanted())
