"""The filters of a query to the audit trail: the same options for a list, an export and counts."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from fleetgate.domain.audit import ACTIONS, EnrolmentPath, RecordKind, Verdict
from fleetgate.domain.documents import instant
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.trail.query import EVER, AuditQuery, InvalidQuery
from fleetgate_cli.claim_certificates import whole_certificate_id
from fleetgate_cli.errors import Refused
from fleetgate_cli.options import all_of
from fleetgate_cli.parameters import (
    ACTOR,
    CERTIFICATE_ID,
    EXACT,
    IMPORT_ID,
    KEY_FINGERPRINT,
    MAC_ADDRESS,
    MANUFACTURER_ON_RECORD,
    SERIAL_NUMBER,
    START_OF_CERTIFICATE_ID,
    TIME,
)
from fleetgate_cli.run import Run, now

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

# Without a key every record of these days is read.
_LAST = timedelta(days=7)
# How far the clock of a function that records may be ahead of this machine's.
_CLOCKS_DIFFER = timedelta(minutes=5)

# Of operators, imports, the watcher and queries.
_ACTIONS = [str(action) for actions in ACTIONS.values() for action in actions]
_REASONS = (DenialReason, AllowRule, OutcomeReason, FaultReason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters that the command line names.

    Attributes:
        claim_certificate: A certificate ID, or its first digits.
        first: The start and the end of the first UTC day, hour or moment; last: of the last.
    """

    serial_number: SerialNumber | None
    mac_address: MacAddress | None
    certificate: str | None
    key_fingerprint: str | None
    claim_certificate: str | None
    client_id: str | None
    manufacturer: str | None
    import_id: str | None
    reason: str | None
    action: str | None
    verdict: str | None
    path: str | None
    kinds: tuple[str, ...]
    actor: str | None
    first: tuple[datetime, datetime] | None
    last: tuple[datetime, datetime] | None

    def query(self, run: Run, *, kinds: frozenset[RecordKind]) -> AuditQuery:
        """The query; a shortened ID of a claim certificate is looked up.

        Args:
            kinds: The default where the command line names no kind.

        Raises:
            click.UsageError: The time ends before it starts.
            Refused: No registered claim certificate has these first digits, or several do.
        """
        # Every day until then is read, and days to come would only take time.
        moment = now()
        latest = moment + _CLOCKS_DIFFER
        end = min(self.last[1], latest) if self.last else latest
        has_key = self.serial_number or self.certificate or self.claim_certificate
        start = self.first[0] if self.first else EVER if has_key else min(end, moment) - _LAST
        try:
            return AuditQuery(
                start=start,
                end=end,
                kinds=frozenset(map(RecordKind, self.kinds)) or kinds,
                verdict=Verdict(self.verdict) if self.verdict else None,
                path=EnrolmentPath(self.path) if self.path else None,
                reason=self.reason,
                action=self.action,
                serial_number=self.serial_number,
                mac_address=self.mac_address,
                certificate_id=self.certificate,
                key_fingerprint=self.key_fingerprint,
                claim_certificate_id=self._claim_certificate_id(run),
                client_id=self.client_id,
                manufacturer=self.manufacturer,
                import_id=self.import_id,
                actor=self.actor,
            )
        except InvalidQuery as error:
            raise click.UsageError("--from comes after --to, or after now.") from error

    def _claim_certificate_id(self, run: Run) -> str | None:
        if self.claim_certificate is None:
            return None
        certificate_id = whole_certificate_id(self.claim_certificate, run.allow_list)
        if certificate_id is None:
            raise Refused(
                RefusalCode.CLAIM_CERTIFICATE_NOT_REGISTERED.value,
                f"no registered claim certificate starts with {self.claim_certificate}: "
                "give all 64 digits to ask about one that is not registered.",
            )
        return certificate_id


def filter_options(
    function: Callable[Concatenate[Filters, _Arguments], _Answer],
) -> Callable[_Arguments, _Answer]:
    """Give a command the filters as options, and their values as its first argument."""

    @wraps(function)
    def collected(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Answer:
        given: dict[str, Any] = {field.name: options.pop(field.name) for field in fields(Filters)}
        return function(Filters(**given), *arguments, **options)

    return all_of(
        click.option("--serial-number", metavar="SERIAL", type=SERIAL_NUMBER, help="About one device."),
        click.option("--mac", "mac_address", metavar="MAC", type=MAC_ADDRESS, help="With this MAC address."),
        click.option("--certificate", metavar="ID", type=CERTIFICATE_ID, help="About a device certificate."),
        click.option(
            "--key",
            "key_fingerprint",
            metavar="FINGERPRINT",
            type=KEY_FINGERPRINT,
            help="Of certificates with this public key.",
        ),
        click.option(
            "--claim",
            "claim_certificate",
            metavar="ID",
            type=START_OF_CERTIFICATE_ID,
            help="With a claim certificate; 8 digits are enough for a registered one.",
        ),
        click.option(
            "--client-id", metavar="TEXT", type=EXACT, help="With this client ID, which the device chose itself."
        ),
        click.option("--manufacturer", metavar="NAME", type=MANUFACTURER_ON_RECORD, help="About a manufacturer."),
        click.option("--import", "import_id", metavar="ID", type=IMPORT_ID, help="About an import and its devices."),
        click.option(
            "--reason", metavar="CODE", type=EXACT, help="With this reason or rule: see docs/denial-reasons.md."
        ),
        click.option(
            "--action",
            metavar="NAME",
            type=click.Choice(_ACTIONS),
            help="What was done, such as quarantine or release.",
        ),
        click.option("--verdict", type=click.Choice([one.value for one in Verdict]), help="With this verdict."),
        click.option(
            "--path", type=click.Choice([one.value for one in EnrolmentPath]), help="Of devices that asked this way."
        ),
        click.option(
            "--kind",
            "kinds",
            type=click.Choice([one.value for one in RecordKind]),
            multiple=True,
            help="Of this kind; repeat for several.",
        ),
        click.option(
            "--actor", metavar="ARN", type=ACTOR, help="By whoever has this ARN, or issuer#subject of a token."
        ),
        click.option(
            "--from",
            "first",
            metavar="TIME",
            type=TIME,
            help="First UTC day, hour or moment. [default: ever for a device or certificate, else 7 days before --to]",
        ),
        click.option("--to", "last", metavar="TIME", type=TIME, help="Last UTC day or hour, included. [default: now]"),
    )(collected)


def as_recorded(query: AuditQuery) -> AuditQuery:
    """The query as it is shown and put on record: without the minutes to come."""
    moment = now()
    return replace(query, end=min(query.end, moment)) if query.start < moment else query


def nothing_found(query: AuditQuery) -> str:
    """A sentence for an empty result: also that a filter may be misspelt."""
    nothing = f"There are no such audit records {span_of(query)}."
    if query.reason is None or any(query.reason in set(kind) for kind in _REASONS):
        return nothing
    return f"{nothing} No denial, rule, outcome or fault is called {query.reason}: see docs/denial-reasons.md."


def span_of(query: AuditQuery) -> str:
    """The time span of a query, in words."""
    if query.start == EVER:
        return f"until {instant(query.end)}"
    return f"from {instant(query.start)} to {instant(query.end)}"
