"""Cursors: where the next page of an answer begins, signed, so that nobody makes up a question that was never asked."""

import hashlib
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from fleetgate.domain.audit import EnrolmentPath, RecordKind, Verdict
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.trail.query import AuditQuery, Place

# Long enough for somebody who comes back to a question after lunch, or exports page by page.
_LIFE = timedelta(days=1)
_READ: dict[str, Any] = {
    "serial_number": SerialNumber,
    "mac_address": MacAddress,
    "verdict": Verdict,
    "path": EnrolmentPath,
}


class InvalidCursor(ValueError):
    """A cursor that was not given out here, was changed, is too old, or belongs to another kind of answer."""


class CursorKind(StrEnum):
    """What kind of answer a cursor continues; one does not continue another."""

    RECORDS = "records"
    COUNTS = "counts"
    CERTIFICATES = "certificates"


class Cursors:
    """Gives cursors out, and reads those that come back.

    Args:
        secret: Of the stack.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def give(self, purpose: CursorKind, content: Any) -> str:
        """A cursor with some content of JSON values; it can be read by whoever has it, and not changed."""
        return str(self._signer(purpose).dumps(content))

    def take(self, purpose: CursorKind, cursor: str) -> Any:
        """The content of a cursor.

        Raises:
            InvalidCursor: It is not one that was given out for this.
        """
        try:
            return self._signer(purpose).loads(cursor, max_age=round(_LIFE.total_seconds()))
        except BadData as error:
            raise InvalidCursor(
                "the cursor is not one that was given out here within the last day, or belongs to another question"
            ) from error

    def _signer(self, purpose: CursorKind) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._secret, salt=f"fleetgate.{purpose.value}", signer_kwargs={"digest_method": hashlib.sha256}
        )


def content_of(query: AuditQuery, place: Place) -> dict[str, Any]:
    """A question and where its next page begins, as the content of a cursor."""
    return {
        "asked": query.conditions,
        "kinds": sorted(kind.value for kind in query.kinds),
        "start": query.start.isoformat(),
        "end": query.end.isoformat(),
        "before": place.before,
        "day": place.day and place.day.isoformat(),
    }


def question_in(content: dict[str, Any]) -> tuple[AuditQuery, Place]:
    """The question and the place in the content of a cursor."""
    asked = {name: _READ.get(name, str)(value) for name, value in content["asked"].items()}
    query = AuditQuery(
        start=datetime.fromisoformat(content["start"]),
        end=datetime.fromisoformat(content["end"]),
        kinds=frozenset(map(RecordKind, content["kinds"])),
        **asked,
    )
    return query, Place(content["before"], date.fromisoformat(content["day"]) if content["day"] else None)
