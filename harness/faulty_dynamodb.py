"""A real DynamoDB behind a doorman that can be told to misbehave: HTTP on 127.0.0.1, one fault a request.

The doorman lets the other services of AWS through as well; S3's faults are in `faulty_s3`.
"""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

Fault = Callable[["_Doorman"], None]


class FaultyDynamoDB:
    """Passes requests on to a real endpoint, except those it has a fault for.

    Attributes:
        endpoint_url: Where clients send their requests.
        operations: The operations seen, in order, faulty ones included; of S3 the HTTP method.
    """

    def __init__(self, upstream: str) -> None:
        self.operations: list[str] = []
        self._upstream = urlsplit(upstream)
        self._faults: deque[Fault] = deque()
        self._always: Fault | None = None
        self._closing = threading.Event()
        doorman = type("Doorman", (_Doorman,), {"world": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), doorman)
        self._server.daemon_threads = True
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @classmethod
    @contextmanager
    def before(cls, upstream: str) -> Iterator[Self]:
        """Serve in front of an endpoint for as long as the context lasts."""
        world = cls(upstream)
        thread = threading.Thread(target=world._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield world
        finally:
            world._closing.set()
            world._server.shutdown()
            world._server.server_close()
            thread.join()

    def next(self, *faults: Fault) -> None:
        """Meet the next requests with these faults, one each; then behave."""
        self._faults.extend(faults)

    def always(self, fault: Fault) -> None:
        """Meet every request with this fault."""
        self._always = fault

    def heal(self) -> None:
        """Behave from now on."""
        self._faults.clear()
        self._always = None

    def _take(self) -> Fault | None:
        return self._faults.popleft() if self._faults else self._always


def behave(doorman: "_Doorman") -> None:
    """No fault."""
    status, headers, body = doorman.ask_upstream()
    doorman.answer(status, body, headers)


def hang(doorman: "_Doorman") -> None:
    """Take the request and never answer."""
    doorman.world._closing.wait()


def trickle(doorman: "_Doorman") -> None:
    """Answer a byte at a time, each soon enough to keep every read time-out from firing."""
    doorman.send_response(200)
    doorman.send_header("Content-Length", "1000000")
    doorman.end_headers()
    while not doorman.world._closing.wait(0.1):
        doorman.wfile.write(b" ")
        doorman.wfile.flush()


def lose_answer(doorman: "_Doorman") -> None:
    """Let the request take effect, then drop the connection."""
    doorman.ask_upstream()
    doorman.close_connection = True
    doorman.connection.close()


def killing(kill: Callable[[], None], *, done: bool) -> Fault:
    """Who asks is killed: once the request has taken effect, or before.

    Args:
        kill: Ends the process that asks.
    """

    def meet(doorman: "_Doorman") -> None:
        if done:
            doorman.ask_upstream()
        kill()
        doorman.close_connection = True
        doorman.connection.close()

    return meet


def throttle(doorman: "_Doorman") -> None:
    """DynamoDB's throttling answer."""
    doorman.refuse("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", {})


def fail(doorman: "_Doorman") -> None:
    """DynamoDB's own failure."""
    doorman.refuse("com.amazonaws.dynamodb.v20120810#InternalServerError", {}, status=500)


def throttle_every_other_statement(doorman: "_Doorman") -> None:
    """A BatchExecuteStatement of which every other statement is throttled, and the others take effect."""
    _throttle_statements(doorman, lambda number, _count: number % 2 == 1)


def throttle_last_statement(doorman: "_Doorman") -> None:
    """A BatchExecuteStatement of which the last statement is throttled, and the others take effect."""
    _throttle_statements(doorman, lambda number, count: number == count - 1)


def _throttle_statements(doorman: "_Doorman", is_throttled: Callable[[int, int], bool]) -> None:
    asked = json.loads(doorman.request_body)
    if "Statements" not in asked:
        behave(doorman)
        return
    statements = asked["Statements"]
    throttled = [is_throttled(number, len(statements)) for number in range(len(statements))]
    passed = [statement for statement, is_out in zip(statements, throttled, strict=True) if not is_out]
    answers = []
    if passed:
        doorman.request_body = json.dumps({**asked, "Statements": passed}).encode()
        answers = json.loads(doorman.ask_upstream()[2])["Responses"]
    error = {"Error": {"Code": "ThrottlingError", "Message": "injected"}}
    responses = [error if is_out else answers.pop(0) for is_out in throttled]
    content = json.dumps({"Responses": responses}).encode()
    doorman.answer(200, content, [("Content-Type", "application/x-amz-json-1.0")])


def transaction_conflict(doorman: "_Doorman") -> None:
    """Another transaction is under way on the item."""
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}, {"Code": "None"}]
    doorman.refuse("com.amazonaws.dynamodb.v20120810#TransactionCanceledException", {"CancellationReasons": reasons})


class _Doorman(BaseHTTPRequestHandler):
    world: FaultyDynamoDB
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # who asked was killed between two requests
            super().handle()

    def do_POST(self) -> None:
        self.request_body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.world.operations.append(self.headers.get("X-Amz-Target", self.command).rpartition(".")[2])
        fault = self.world._take() or behave
        try:
            fault(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client gave up, as it should

    do_GET = do_PUT = do_POST  # noqa: N815 - the base class's names

    def ask_upstream(self) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(str(self.world._upstream.hostname), self.world._upstream.port or 80)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, str(len(self.request_body)) if name == "Content-Length" else value)
            upstream.endheaders(self.request_body)
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            upstream.close()

    def answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, error_type: str, extra: dict[str, object], *, status: int = 400) -> None:
        body = json.dumps({"__type": error_type, "message": "injected", "Message": "injected", **extra}).encode()
        self.answer(status, body, [("Content-Type", "application/x-amz-json-1.0")])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass
