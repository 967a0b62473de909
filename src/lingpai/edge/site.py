"""The state that all connections of a server share."""

import asyncio

from lingpai.edge.admission import Admission
from lingpai.edge.endpoint import Application
from lingpai.edge.headcache import KnownHeads
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.turn import Turn
from lingpai.edge.writing import FirstLines


class Site:
    """Given to uvicorn as its app, and to each connection by it; made in the loop that serves.

    Args:
        app: what is served.
        limits: of each connection.
        admission: which connections are let in; of its own when None.
    """

    def __init__(self, app: Application, limits: ProtocolLimits, admission: Admission | None = None) -> None:
        self.limits = limits
        self.admission = admission or Admission()
        self.find = app.find
        self.heads = KnownHeads(app.find, limits.head_bytes)
        self.turn = Turn(asyncio.get_running_loop().call_soon)
        self.first_lines = FirstLines()
