"""The hard limit on an answer: it holds against whatever the work waits for, and leaves nothing behind."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from fleetgate.domain.faults import DeadlineExceeded
from fleetgate.gate.deadline import answer_within

_SHORT_SECONDS = 0.05
_AMPLE_SECONDS = 60.0
# Only a broken deadline lets a read last this long; it then ends as TimeoutError and fails the test.
_SOCKET_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 200_000


@contextmanager
def _server(talk: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A connection to a server of one client, which `talk` serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=_SOCKET_TIMEOUT_SECONDS) as client:
                yield client
        finally:
            thread.join()


def _say_nothing(connection: socket.socket) -> None:
    connection.recv(1)  # returns when the client hangs up


def _trickle(connection: socket.socket) -> None:
    """One byte for each byte, so that every single read of the client succeeds in good time."""
    for _ in range(_MAX_BYTES):
        try:
            connection.sendall(b".")
            if not connection.recv(1):
                return
        except OSError:
            return


def _read_to_the_end(client: socket.socket) -> None:
    while client.recv(1):
        client.sendall(b".")


def test_a_read_that_blocks_is_interrupted() -> None:
    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
        client.recv(1)


def test_a_server_that_trickles_is_interrupted() -> None:
    with _server(_trickle) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
        _read_to_the_end(client)


def test_code_that_swallows_every_exception_does_not_swallow_the_deadline() -> None:
    swallowed: list[Exception] = []

    def retry_whatever_happens(client: socket.socket) -> None:
        for _ in range(2):
            try:
                client.recv(1)
            except Exception as error:  # noqa: BLE001 - what a library's retry loop does
                swallowed.append(error)

    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
        retry_whatever_happens(client)
    assert swallowed == []


def test_the_deadline_is_no_exception_that_a_library_would_catch() -> None:
    assert not issubclass(DeadlineExceeded, Exception)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_time_that_is_already_used_up_is_no_time_without_limit(seconds: float) -> None:
    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(seconds):
        client.recv(1)


def test_work_in_time_keeps_its_result_and_leaves_no_timer() -> None:
    with answer_within(_AMPLE_SECONDS):
        running, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < running <= _AMPLE_SECONDS
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_exception_of_the_work_passes_and_leaves_no_timer() -> None:
    with pytest.raises(ZeroDivisionError), answer_within(_AMPLE_SECONDS):
        _ = 1 / 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_deadline_leaves_no_timer() -> None:
    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
        client.recv(1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def _somebody_elses_handler(_number: int, _frame: FrameType | None) -> None:
    raise AssertionError("the alarm reached a handler that it was not meant for")


@pytest.fixture
def previous_handler() -> Iterator[Callable[[int, FrameType | None], None]]:
    """A handler that somebody had installed for the alarm before."""
    before = signal.signal(signal.SIGALRM, _somebody_elses_handler)
    yield _somebody_elses_handler
    signal.signal(signal.SIGALRM, before)


def test_the_previous_handler_is_back_after_work_in_time(
    previous_handler: Callable[[int, FrameType | None], None],
) -> None:
    with answer_within(_AMPLE_SECONDS):
        assert signal.getsignal(signal.SIGALRM) is not previous_handler
    assert signal.getsignal(signal.SIGALRM) is previous_handler


def test_the_previous_handler_is_back_after_an_exception(
    previous_handler: Callable[[int, FrameType | None], None],
) -> None:
    with pytest.raises(ZeroDivisionError), answer_within(_AMPLE_SECONDS):
        _ = 1 / 0
    assert signal.getsignal(signal.SIGALRM) is previous_handler


def test_the_previous_handler_is_back_after_a_deadline(
    previous_handler: Callable[[int, FrameType | None], None],
) -> None:
    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
        client.recv(1)
    assert signal.getsignal(signal.SIGALRM) is previous_handler


def test_a_deadline_met_while_another_exception_is_handled_keeps_it_as_its_context() -> None:
    def ask_again_after_a_failure(client: socket.socket) -> None:
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            client.recv(1)

    with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded) as caught, answer_within(_SHORT_SECONDS):
        ask_again_after_a_failure(client)
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_one_deadline_after_another_each_holds() -> None:
    for _ in range(3):
        with _server(_say_nothing) as client, pytest.raises(DeadlineExceeded), answer_within(_SHORT_SECONDS):
            client.recv(1)
