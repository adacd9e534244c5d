"""The least of HTTP/1.1 that stand-ins and load generators need, at little CPU.

Bodies have a Content-Length, connections are kept alive, nothing is chunked: so do the services,
and the clients that they call with.
"""

import asyncio
from collections.abc import Callable
from typing import cast

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
REASONS = {200: b"OK", 201: b"Created", 404: b"Not Found", 503: b"Service Unavailable"}
ATTEMPTS_MAX = 3

# The method, the path with its query, the lines of the head in lower case, and the body.
Answer = Callable[[bytes, bytes, bytes, bytes], tuple[int, bytes]]


class HttpFormError(Exception):
    """The other side does not speak HTTP as it is meant here."""


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header; empty where it is missing.

    Args:
        head: in lower case.
        name: in lower case, with its colon.
    """
    begin = head.find(b"\r\n" + name)
    if begin < 0:
        return b""
    begin += 2 + len(name)
    end = head.find(b"\r\n", begin)
    return head[begin : end if end >= 0 else len(head)].strip()


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of a request with a JSON body, or none."""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if not body:
        return (
            f"{head}\r\n".encode()
            if method == "GET"
            else f"{head}content-length: 0\r\n\r\n".encode()
        )
    more = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return f"{head}{more}".encode() + body


class _Frames(asyncio.Protocol):
    """Cuts what arrives into messages."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        while self._received:
            head_end = self._received.find(HEAD_END)
            if head_end < 0:
                return
            head = self._received[:head_end]
            lower = head.lower()
            begin = head_end + len(HEAD_END)
            end = begin + int(header(lower, LENGTH) or 0)
            if len(self._received) < end:
                return
            body, self._received = self._received[begin:end], self._received[end:]
            self.message(head, lower, body)

    def message(self, head: bytes, lower: bytes, body: bytes) -> None:
        raise NotImplementedError


class _ServedConnection(_Frames):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def message(self, head: bytes, lower: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        status, content = self._answer(method, path, lower, body)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (status, REASONS.get(status, b"-"), len(content), content)
        )


async def serve(host: str, port: int, answer: Answer) -> asyncio.Server:
    """Answers requests until it is closed."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _ServedConnection(answer), host, port, backlog=1024)


class _ClientConnection(_Frames):
    waiting: "asyncio.Future[tuple[int, bytes]] | None" = None
    is_open = True

    def message(self, head: bytes, lower: bytes, body: bytes) -> None:
        if self.waiting is None or not head.startswith(b"HTTP/1.1 "):
            raise HttpFormError(f"an answer that nobody waits for: {head[:80]!r}")
        if b"\r\ntransfer-encoding:" in lower:
            raise HttpFormError("an answer in chunks")
        waiting, self.waiting = self.waiting, None
        if b"\r\nconnection: close" in lower:
            self.is_open = False
            self.transport.close()
        if not waiting.done():
            waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(error or ConnectionResetError("the connection was closed"))

    async def ask(self, content: bytes) -> tuple[int, bytes]:
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(content)
        return await self.waiting


class Client:
    """Keeps connections to one server, and gives each request one of its own meanwhile.

    Args:
        connections_max: requests beyond it wait for one to be free.
    """

    def __init__(self, host: str, port: int, connections_max: int) -> None:
        self._host, self._port = host, port
        self._slots = asyncio.Semaphore(connections_max)
        self._free: list[_ClientConnection] = []

    async def ask(self, content: bytes) -> tuple[int, bytes]:
        """The status and the body that a request is answered with.

        A request may be made more than once, as the server may close a connection as it begins.

        Raises:
            OSError: the server is not there, or closes every connection.
        """
        async with self._slots:
            for _ in range(ATTEMPTS_MAX - 1):
                try:
                    return await self._ask(content)
                except ConnectionError:
                    continue
            return await self._ask(content)

    def close(self) -> None:
        """Closes all connections."""
        for connection in self._free:
            connection.transport.close()
        self._free.clear()

    async def _ask(self, content: bytes) -> tuple[int, bytes]:
        connection = self._take() or await self._open()
        answer = await connection.ask(content)
        self._free.append(connection)
        return answer

    def _take(self) -> _ClientConnection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                return connection
        return None

    async def _open(self) -> _ClientConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_ClientConnection, self._host, self._port)
        return connection
