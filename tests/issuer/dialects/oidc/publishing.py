"""What clients publish, without a network: `tests/issuer/test_fetcher.py` has the real one."""

import asyncio
import json
from typing import Any

from lingpai.issuer.fetcher import MAX_BODY, AnswerError, Fetched, Fetcher, FetchError


class Published(Fetcher):
    """Documents by address, as text or as JSON; an address without one cannot be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.fetched: list[str] = []
        self.limits: set[int] = set()
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch_document(self, url: str, most: int = MAX_BODY) -> Fetched:
        self.fetched.append(url)
        self.limits.add(most)
        self.asked.set()
        async with asyncio.timeout(None):  # which needs a task, as the real one does
            await self.gate.wait()
        document = self.documents.get(url)
        if document is None:
            raise FetchError("it cannot be reached")
        if isinstance(document, int):
            raise AnswerError(f"it answers {document}")
        body = (document if isinstance(document, str) else json.dumps(document)).encode()
        if len(body) > most:
            raise FetchError("it is too large")
        return Fetched(body, {"content-type": "application/json"} | self.headers)
