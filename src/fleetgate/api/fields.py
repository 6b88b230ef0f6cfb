"""What callers of the HTTP API may write into a request, field by field, as its OpenAPI document says it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from fleetgate.api.problems import FieldProblem, HttpProblem
from fleetgate.domain.audit import EnrolmentPath, RecordKind, Verdict
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.trail.query import AuditQuery, InvalidQuery

_SERIAL_NUMBER = r"^[a-zA-Z0-9:_-]{1,128}$"
_CERTIFICATE_ID = _FINGERPRINT = r"^[0-9a-f]{64}$"
# The second digit is even: an odd one is of a group, not of a device.
_FIRST_OCTET, _OCTET = r"[0-9a-fA-F][02468aceACE]", r"[0-9a-fA-F]{2}"
_MAC_ADDRESS = (
    rf"^{_FIRST_OCTET}((:{_OCTET}){{5}}|(:{_OCTET}){{7}}|(-{_OCTET}){{5}}|(-{_OCTET}){{7}}|({_OCTET}){{5}}|({_OCTET}){{7}}"
    rf"|{_OCTET}(\.{_OCTET}{_OCTET}){{2,3}})$"
)
_IMPORT_ID = r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}$"
# No control codes, and nothing that turns the direction of writing: what is asked goes on record, and onto terminals.
UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069"
_PRINTABLE = rf"^[^{UNPRINTABLE}]+$"
MANUFACTURER_NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"
_CODE = r"^[a-z_]{1,64}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"

# What is asked for where no time is given, and the most that can be. Without a key every day of it is read.
_SPAN_WITH_KEY = _LONGEST_WITH_KEY = timedelta(days=3660)
_SPAN, _LONGEST = timedelta(days=7), timedelta(days=92)

SerialNumberPath = Annotated[str, Path(pattern=_SERIAL_NUMBER, description="Serial number; case matters")]
CertificateIdPath = Annotated[str, Path(pattern=_CERTIFICATE_ID, description="Certificate ID of a claim certificate")]
ManufacturerPath = Annotated[str, Path(pattern=MANUFACTURER_NAME, description="Name of a manufacturer")]
ImportIdPath = Annotated[str, Path(pattern=_IMPORT_ID, description="ID of an import")]

SerialNumberQuery = Annotated[str | None, Query(pattern=_SERIAL_NUMBER, description="Serial number; case matters")]
MacAddressQuery = Annotated[
    str | None, Query(pattern=_MAC_ADDRESS, description="MAC address, EUI-48 or EUI-64, in any common spelling")
]
CertificateIdQuery = Annotated[
    str | None, Query(pattern=_CERTIFICATE_ID, description="Certificate ID of a device certificate")
]
ClaimCertificateIdQuery = Annotated[
    str | None, Query(pattern=_CERTIFICATE_ID, description="Certificate ID of the claim certificate")
]
KeyFingerprintQuery = Annotated[
    str | None,
    Query(pattern=_FINGERPRINT, description="SHA-256 over the DER SubjectPublicKeyInfo of the certificate asked for"),
]
ClientIdQuery = Annotated[
    str | None, Query(pattern=_PRINTABLE, max_length=128, description="Client ID as presented; it is not identity")
]
ManufacturerQuery = Annotated[str | None, Query(pattern=_PRINTABLE, max_length=128, description="Manufacturer")]
ImportIdQuery = Annotated[str | None, Query(pattern=_IMPORT_ID, description="ID of an import")]
ReasonQuery = Annotated[
    str | None, Query(pattern=_CODE, description="Reason of a denial, rule of an allow, or sign of an outcome")
]
ActionQuery = Annotated[str | None, Query(pattern=_CODE, description="What an operator did, or was asked")]
VerdictQuery = Annotated[Verdict | None, Query(description="Of decisions")]
PathQuery = Annotated[EnrolmentPath | None, Query(description="Of decisions: how the device asked")]
KindsQuery = Annotated[
    list[RecordKind] | None, Query(alias="kind", description="Kinds of records; all but queries where none is named")
]
ActorQuery = Annotated[
    str | None, Query(pattern=_PRINTABLE, max_length=512, description="Who acted or asked, as the records name them")
]
FromQuery = Annotated[
    str | None,
    Query(
        alias="from",
        pattern=_MOMENT,
        description="Recorded at or after this time; 7 days before the end by default, or ever where a serial number "
        "or a certificate is named",
        json_schema_extra={"format": "date-time"},
    ),
]
ToQuery = Annotated[
    str | None,
    Query(
        alias="to",
        pattern=_MOMENT,
        description="Recorded before this time; now by default",
        json_schema_extra={"format": "date-time"},
    ),
]
CursorQuery = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9_.-]+$",
        max_length=4096,
        description="Of the page before. It holds the whole question, so nothing else may be asked beside it",
    ),
]

# What is masked for some: a filter on it would tell them all the same.
_SENSITIVE = ("mac_address", "client_id", "actor")


_ASKED = frozenset(
    {
        *("serial_number", "mac_address", "certificate_id", "claim_certificate_id", "client_id", "manufacturer"),
        *("key_fingerprint", "import_id", "reason", "action", "verdict", "path", "kinds", "actor", "start", "end"),
    }
)


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, of all that a route was given."""
    return {name: value for name, value in given.items() if name in _ASKED and value is not None}


def query_of(asked: dict[str, Any], *, kinds: frozenset[RecordKind], now: datetime) -> AuditQuery:
    """The question of what was asked for.

    Args:
        kinds: Of records, where none is named.

    Raises:
        HttpProblem: A field cannot be read.
        InvalidQuery: The time makes no sense, or is too long.
    """
    given = dict(asked)
    kinds = frozenset(given.pop("kinds", ())) or kinds
    start, end = given.pop("start", None), given.pop("end", None)
    if "serial_number" in given:
        given["serial_number"] = SerialNumber(given["serial_number"])
    if "mac_address" in given:
        given["mac_address"] = _mac_address(given["mac_address"])
    until = _moment("to", end) if end else now
    is_keyed = given.keys() & {"serial_number", "certificate_id", "claim_certificate_id"}
    try:
        since = _moment("from", start) if start else until - (_SPAN_WITH_KEY if is_keyed else _SPAN)
    except OverflowError as error:
        raise wrong("query.to", "it lies before all time") from error
    query = AuditQuery(start=since, end=until, kinds=kinds, **given)
    longest = _LONGEST_WITH_KEY if query.is_keyed else _LONGEST
    if query.end - query.start > longest:
        hint = "" if query.is_keyed else "; name a serial number or a certificate, or ask for a shorter time"
        raise InvalidQuery(f"the time asked for is longer than {longest.days} days{hint}")
    return query


def sensitive_fields(query: AuditQuery) -> list[str]:
    """The fields of a question that only those may ask about who see them."""
    return [name for name in _SENSITIVE if name in query.conditions]


def _mac_address(text: str) -> MacAddress:
    try:
        return MacAddress.parse(text)
    except ValueError as error:
        raise wrong("query.mac_address", str(error)) from error


def _moment(name: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong(f"query.{name}", "there is no such time") from error


def wrong(field: str, problem: str) -> HttpProblem:
    """The problem that one field of a request is."""
    return HttpProblem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "The request is not as the API's OpenAPI document says.",
        [FieldProblem(field=field, problem=problem)],
    )
