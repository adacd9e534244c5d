"""HTTP/1.1 as a front's server speaks it: httptools' parser, which is fast, with a bounded head."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of the request line and all headers; the parser itself knows no bound.
HEAD_BYTES_MAX = 65_536


class BoundedHttp(HttpToolsProtocol):
    """Answers 400 to a request whose head has no end, and closes the connection."""

    _is_in_head = True
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Takes what has come."""
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request has more than {HEAD_BYTES_MAX} bytes.")

    def on_message_begin(self) -> None:
        """The first line of a request has begun."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._is_in_head = False
        super().on_headers_complete()
