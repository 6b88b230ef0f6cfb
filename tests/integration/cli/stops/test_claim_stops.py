"""A claim certificate is blocked, and the certificates that go back to it are deactivated."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.store.audit_items import make_clock
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.stops.devices import WHY, certificate_of
from tests.integration.conftest import Forge


def test_a_block_can_deactivate_every_certificate_that_goes_back_to_the_claim_certificate(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    issue: Callable[..., str],
    status_of: Callable[[str], str],
    certificate_ids: Iterator[str],
) -> None:
    claim_certificate_id = next(certificate_ids)
    embedded.put(ClaimCertificate(certificate_id=claim_certificate_id, manufacturer=None))
    first, superseded, other = provisioned(), issue(), provisioned()
    rotated = provisioned()
    decision_id = _let_in(embedded, first, certificate_of(first), through=claim_certificate_id)
    _let_in(embedded, first, certificate_of(first), through=claim_certificate_id, again=decision_id)
    _let_in(embedded, rotated, superseded, through=claim_certificate_id)
    _let_in(embedded, rotated, certificate_of(rotated), through=superseded)
    _let_in(embedded, other, certificate_of(other), through=next(certificate_ids))
    fleetgate("device", "quarantine", str(first.serial_number), *WHY)

    kept = fleetgate("claim", "block", claim_certificate_id, *WHY)
    assert kept.document["certificates"] is None
    assert status_of(certificate_of(rotated)) == "ACTIVE"
    taken = fleetgate("claim", "block", claim_certificate_id, "--deactivate-devices", *WHY)
    assert (taken.exit_code, taken.document["result"]) == (ExitCode.DONE, "unchanged")
    assert taken.document["certificates"]["results"] == {"deactivated": 2, "unchanged": 1}
    assert [status_of(one) for one in (superseded, certificate_of(rotated))] == ["INACTIVE"] * 2
    assert status_of(certificate_of(other)) == "ACTIVE"

    # The release of a device that was in quarantine besides does not bring its certificate back.
    fleetgate("device", "release", str(first.serial_number), *WHY)
    assert status_of(certificate_of(first)) == "INACTIVE"


def test_a_block_deactivates_nothing_that_only_a_question_says_was_issued_through_it(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
    certificate_ids: Iterator[str],
    forge: Forge,
) -> None:
    claim_certificate_id = next(certificate_ids)
    embedded.put(ClaimCertificate(certificate_id=claim_certificate_id, manufacturer=None))
    genuine, other = provisioned(), provisioned()
    allow = _allow(other, certificate_of(other), through=claim_certificate_id)
    forge(allow)
    forge(replace(allow, record_id=make_clock().new_record_id(now())), kind=RecordKind.QUERY.value)
    forge(replace(allow, record_id=make_clock().new_record_id(now())), recorded_at="never", day="1999-01-01")
    _let_in(embedded, genuine, certificate_of(genuine), through=claim_certificate_id)

    taken = fleetgate("claim", "block", claim_certificate_id, "--deactivate-devices", *WHY)
    assert (taken.exit_code, taken.document["certificates"]["results"]) == (ExitCode.DONE, {"deactivated": 1})
    assert status_of(certificate_of(other)) == "ACTIVE"


def _let_in(
    embedded: Embedded, device: AllowListEntry, certificate_id: str, *, through: str, again: str | None = None
) -> str:
    """Put a decision on record, or one that repeats an earlier one; its ID."""
    record = _allow(device, certificate_id, through=through)
    embedded.put_record(replace(record, decision_id=again or record.record_id))
    return record.record_id


def _allow(device: AllowListEntry, certificate_id: str, *, through: str) -> AuditRecord:
    moment = now() - timedelta(minutes=1)  # a repeated block takes what was let in just before it
    return AuditRecord(
        record_id=make_clock().new_record_id(moment),
        recorded_at=moment,
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason="first_reservation",
        serial_number=str(device.serial_number),
        certificate_id=certificate_id,
        claim_certificate_id=through,
    )
