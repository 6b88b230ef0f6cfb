"""What S3 answers when it misbehaves, for the doorman of `faulty_dynamodb`."""

from http import HTTPStatus
from typing import Any


def slow_down(doorman: Any) -> None:
    """S3's throttling answer; clients try again by themselves."""
    _refuse(doorman, "SlowDown", HTTPStatus.SERVICE_UNAVAILABLE)


def deny(doorman: Any) -> None:
    """An answer that no client tries again by itself."""
    _refuse(doorman, "AccessDenied", HTTPStatus.FORBIDDEN)


def _refuse(doorman: Any, code: str, status: HTTPStatus) -> None:
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    doorman.answer(status, body.encode(), [("Content-Type", "application/xml")])
