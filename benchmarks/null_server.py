"""A DynamoDB that knows its answers by heart: what is left of a call's time is the client's.

    python -m benchmarks.null_server < answers.json

It runs in a process of its own, so that its processor time is not the client's. Standard input holds the answers by
operation, `{"BatchGetItem": {"headers": [["name", "value"]], "body": "text"}}`; the port goes to standard output; the
end of standard input is its end.
"""

import json
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.recording import Exchange

_TARGET = re.compile(rb"(?mi)^X-Amz-Target: \w+\.(\w+)")
_LENGTH = re.compile(rb"(?mi)^Content-Length: (\d+)")


@contextmanager
def null_server(exchanges: Sequence[Exchange]) -> Iterator[str]:
    """Serve the recorded answers; the endpoint URL."""
    answers = {
        exchange.operation: {"headers": exchange.answer_headers, "body": exchange.answer.decode()}
        for exchange in exchanges
    }
    command = [sys.executable, "-m", "benchmarks.null_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(answers) + "\n")
        process.stdin.flush()
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def _rendered(headers: Sequence[Sequence[str]], body: str) -> bytes:
    content = body.encode()
    lines = [f"{name}: {value}" for name, value in [*headers, ("Content-Length", len(content))]]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + content


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, answers: Mapping[bytes, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answers = answers


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer request after request until the client has had enough."""
        while head := b"".join(iter(self.rfile.readline, b"\r\n")):
            length, target = _LENGTH.search(head), _TARGET.search(head)
            if length is None or target is None:
                return
            self.rfile.read(int(length[1]))
            self.wfile.write(self.server.answers[target[1]])


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    with _Server({name.encode(): _rendered(**answer) for name, answer in given.items()}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
