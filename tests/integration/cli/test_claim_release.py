"""`fleetgate claim release`: a mistaken block is ended, at the gate and in AWS IoT, and is on record."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.store import GateStore
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.claims import block_claim, release_claim
from fleetgate_cli.errors import ExitCode
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import ALICE
from tests.integration.conftest import Ask, Judge

WHY = ("--reason", "wrong one, ticket 816", "--json")
ROOT_ARN = "arn:aws:iam::000000000000:root"


@pytest.fixture
def issued(embedded: Embedded) -> ClaimCertificate:
    """A blocked claim certificate with a scope, whose certificate is deactivated in AWS IoT as well."""
    certificate_id = embedded.client("iot").create_keys_and_certificate(setAsActive=False)["certificateId"]
    claim = ClaimCertificate(
        certificate_id=certificate_id,
        manufacturer="acme",
        templates=frozenset({"fleetgate"}),
        serial_number=SerialNumber("SN-1"),
        status=ClaimStatus.BLOCKED,
    )
    embedded.put(claim)
    return claim


@pytest.fixture
def status_of(embedded: Embedded) -> Callable[[ClaimCertificate], str]:
    """What AWS IoT says of a claim certificate."""

    def ask(claim: ClaimCertificate) -> str:
        found = embedded.client("iot").describe_certificate(certificateId=claim.certificate_id)
        return str(found["certificateDescription"]["status"])

    return ask


def actions(embedded: Embedded, claim: ClaimCertificate) -> list[tuple[str | None, str | None, str]]:
    """What operators did with a claim certificate, oldest first."""
    records = embedded.records(f"claim#{claim.certificate_id}")
    return [(record.action, record.actor, record.reason) for record in records]


def test_a_release_restores_the_registration_as_it_was_and_is_on_record(
    fleetgate: Fleetgate, embedded: Embedded, issued: ClaimCertificate, status_of: Callable[[ClaimCertificate], str]
) -> None:
    answer = fleetgate("claim", "release", issued.certificate_id[:12], *WHY)

    assert (answer.exit_code, answer.document["result"]) == (ExitCode.DONE, "released")
    assert answer.document["claim"] == {
        "certificate_id": issued.certificate_id,
        "manufacturer": "acme",
        "templates": ["fleetgate"],
        "status": "active",
        "serial_number": "SN-1",
        "expires_at": None,
    }
    assert embedded.claim_item(issued.certificate_id)["status"] == {"S": "active"}
    assert actions(embedded, issued) == [("release_claim", ROOT_ARN, "wrong one, ticket 816")]
    (record,) = embedded.records(f"claim#{issued.certificate_id}")
    assert (record.record_id, record.manufacturer) == (answer.document["record_id"], "acme")
    assert "--activate" in answer.document["notes"][0]
    assert status_of(issued) == "INACTIVE"


def test_a_release_can_activate_the_certificate_again_and_is_safe_to_repeat(
    fleetgate: Fleetgate, embedded: Embedded, issued: ClaimCertificate, status_of: Callable[[ClaimCertificate], str]
) -> None:
    fleetgate("claim", "release", issued.certificate_id, *WHY)
    again = fleetgate("claim", "release", issued.certificate_id, "--activate", *WHY)

    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert (again.document["record_id"], again.document["activated"]) == (None, True)
    assert status_of(issued) == "ACTIVE"
    assert len(actions(embedded, issued)) == 1
    shown = fleetgate("claim", "release", issued.certificate_id, "--reason", "once more").stdout
    assert shown.startswith(f"No change: claim certificate {issued.certificate_id} is not blocked.")


def test_a_certificate_that_aws_iot_does_not_activate_is_released_all_the_same_and_named(
    fleetgate: Fleetgate, embedded: Embedded, certificate_ids: Iterator[str]
) -> None:
    unknown = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme", status=ClaimStatus.BLOCKED)
    embedded.put(unknown)
    answer = fleetgate("claim", "release", unknown.certificate_id, "--activate", *WHY)

    assert (answer.exit_code, answer.error["code"]) == (ExitCode.COULD_NOT_CHECK, "claim_not_activated")
    assert f"claim certificate {unknown.certificate_id} is released, but" in answer.error["message"]
    assert embedded.claim_item(unknown.certificate_id)["status"] == {"S": "active"}


@pytest.mark.parametrize("digits", [8, 64])
def test_a_claim_that_is_not_registered_cannot_be_released(
    fleetgate: Fleetgate, certificate_ids: Iterator[str], digits: int
) -> None:
    answer = fleetgate("claim", "release", next(certificate_ids)[:digits], *WHY)
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.CLAIM_CERTIFICATE_NOT_REGISTERED


def test_the_gate_lets_devices_in_again_once_their_claim_certificate_is_released(
    fleetgate: Fleetgate,
    ask: Ask,
    judge: Judge,
    store: GateStore,
    claim: ClaimCertificate,
    approved: AllowListEntry,
) -> None:
    fleetgate("claim", "block", claim.certificate_id, *WHY)
    blocked = judge(ask(approved.serial_number.value), store)
    assert blocked.decision == Denied(DenialReason.CLAIM_CERTIFICATE_BLOCKED)
    fleetgate("claim", "release", claim.certificate_id, *WHY)
    assert isinstance(judge(ask(approved.serial_number.value), store).decision, Allowed)


def test_a_release_that_another_one_overtakes_writes_nothing(
    embedded: Embedded, imports: ImportWorld, issued: ClaimCertificate
) -> None:
    class Overtaken(ClaimStore):
        """Somebody else releases the claim certificate between this operator's read and write."""

        def release(self, certificate_id: str, record: AuditRecord) -> bool:
            embedded.put(replace(issued, status=ClaimStatus.ACTIVE))
            return super().release(certificate_id, record)

    store = Overtaken(imports.tables)
    change = release_claim(issued.certificate_id, store=store, operator=imports.operator(ALICE))

    assert (change.subject.status, change.record) == (ClaimStatus.ACTIVE, None)
    assert actions(embedded, issued) == []


def test_a_block_after_the_release_has_the_last_word(
    embedded: Embedded, imports: ImportWorld, issued: ClaimCertificate
) -> None:
    store, operator = ClaimStore(imports.tables), imports.operator(ALICE, "a test")
    for act, status in ((release_claim, ClaimStatus.ACTIVE), (block_claim, ClaimStatus.BLOCKED)):
        assert act(issued.certificate_id, store=store, operator=operator).subject.status is status
    assert [action for action, _, _ in actions(embedded, issued)] == ["release_claim", "block_claim"]


def test_a_release_that_cannot_be_written_is_a_fault(
    embedded: Embedded, imports: ImportWorld, issued: ClaimCertificate
) -> None:
    store = ClaimStore(replace(imports.tables, audit_table="there-is-none"))
    with pytest.raises(Fault):
        release_claim(issued.certificate_id, store=store, operator=imports.operator(ALICE))
    assert embedded.claim_item(issued.certificate_id)["status"] == {"S": "blocked"}
