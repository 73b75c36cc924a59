"""HTTP and server-sent events byte by byte, strict about what a server may send."""

import json
import socket


class Response:
    """One response on a connection of its own; its body is read event by event."""

    def __init__(self, address, method, path, body=None, headers=(), receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(120)
        self.socket.connect(address)
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        self.file = None

    def read_head(self):
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().decode().strip()):
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        return self

    def json(self):
        return json.loads(self.file.read(int(self.headers["content-length"])))

    def events(self):
        """Yields (id, type, data) until the response is complete; breaks off with an error if it is not."""
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8", self.headers
        rest = b""
        while (size := int(self.file.readline(), 16)) > 0:
            rest += self.file.read(size)
            assert self.file.read(2) == b"\r\n", "a chunk that does not end"
            while b"\n\n" in rest:
                block, rest = rest.split(b"\n\n", 1)
                event = parse(block.decode())
                if event:
                    yield event
        assert not rest, f"the response ends in an event: {rest}"

    def close(self):
        # A reader's file would keep the connection open.
        if self.file:
            self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def parse(block):
    fields = {"id": None, "event": None, "data": None}
    for line in block.split("\n"):
        if line.startswith(": "):
            continue
        name, value = line.split(": ", 1)
        assert fields[name] is None, f"{name} twice in {block!r}"
        fields[name] = value
    return (fields["id"], fields["event"], fields["data"]) if fields["data"] is not None else None


class Answer:
    """What a client keeps of a stream, and whether it may believe that it has all of it."""

    def __init__(self):
        self.texts, self.finishes, self.error, self.done = {}, {}, None, False

    def add(self, event_type, data):
        assert not self.done and not self.error, f"something follows the end: {data}"
        if data == "[DONE]":
            self.done = True
            return self
        chunk = json.loads(data)
        if event_type == "error" or "error" in chunk:
            assert event_type == "error", data
            error = chunk["error"]
            assert error["message"] and error["type"] and isinstance(error["code"], str), data
            assert isinstance(error["retryable"], bool), data
            self.error = error
            return self
        for choice in chunk["choices"]:
            index = choice["index"]
            assert index not in self.finishes, f"something follows the finish: {data}"
            piece = choice.get("delta", choice).get("content", choice.get("text")) or ""
            self.texts[index] = self.texts.get(index, "") + piece
            if choice["finish_reason"]:
                assert choice["finish_reason"] in ("stop", "length"), data
                self.finishes[index] = choice["finish_reason"]
        return self

    @property
    def text(self):
        return "".join(text for _, text in sorted(self.texts.items()))

    @property
    def complete(self):
        return self.done and self.finishes.keys() == self.texts.keys() and self.error is None
