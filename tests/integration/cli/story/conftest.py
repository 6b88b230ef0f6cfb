"""A device with a past: a list, an admission, an outcome, a stop, all of it archived and sealed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.imports.record import ImportRecord
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate_cli.local_stack import FOLDER_NAME, StackDescription
from harness.archive_world import ArchiveWorld
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import ALICE, BOB
from tests.integration.cli.story.asking import Lived

MAC, OTHER_MAC = "00:1b:44:11:3a:b7", "00:1b:44:11:3a:b8"


@pytest.fixture
def world(embedded: Embedded) -> ArchiveWorld:
    """An archive in which nothing is, and a day long ago that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture
def fleetgate(
    world: ArchiveWorld, stack: StackDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Fleetgate:
    """Runs the command with --local on the running stack, but for its archive."""
    outputs = {**stack.outputs, "ArchiveName": world.bucket, "SealingKeyArn": world.key_id}
    (tmp_path / FOLDER_NAME).mkdir()
    stack.model_copy(update={"outputs": outputs}).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    # The command adds the stack's host to it; put back what was there.
    monkeypatch.setenv("no_proxy", "")
    return lambda *arguments: run("--local", *arguments)


@pytest.fixture
def imported(imports: ImportWorld) -> ImportRecord:
    """A list that a second person approved."""
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{MAC}\n", name="january.csv", uploader=ALICE)
    approved = imports.importer(is_held=True).run(delivery).changed(approved_by=BOB)
    assert imports.records.change(approved)
    return approved


@pytest.fixture
def device(
    embedded: Embedded, imported: ImportRecord, serial_number: str, certificate_ids: Iterator[str]
) -> AllowListEntry:
    """A provisioned device of that list."""
    entry = AllowListEntry(
        serial_number=SerialNumber(serial_number),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress(MAC)}),
        device_certificate=DeviceCertificate(certificate_id=next(certificate_ids), decision_id="a-decision"),
        import_id=imported.import_id,
        import_line=17,
        first_import_id=imported.import_id,
    )
    embedded.put(entry)
    return entry


@pytest.fixture
def claim(embedded: Embedded, certificate_ids: Iterator[str]) -> ClaimCertificate:
    """The claim certificate it came with, blocked since."""
    claim = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme", status=ClaimStatus.BLOCKED)
    embedded.put(claim)
    return claim


@pytest.fixture
def lived(world: ArchiveWorld, device: AllowListEntry, claim: ClaimCertificate) -> Lived:
    """Records what happened to the device in the first hours of the day, has it archived, and sealed if it is told to.

    It was approved in no other way than by the list, denied twice for its MAC address, let in, asked again, connected,
    and was put into quarantine.
    """

    def live(*, sealed: bool = True, seals_until: float = 5.5) -> list[AuditRecord]:
        decided_at = world.at(1)
        decision_id = str(ULID.from_datetime(decided_at))
        assert device.device_certificate is not None
        common: dict[str, Any] = {
            "serial_number": device.serial_number.value,
            "manufacturer": "acme",
            "import_id": device.import_id,
        }
        request = {
            **common,
            "certificate_id": device.device_certificate.certificate_id,
            "claim_certificate_id": claim.certificate_id,
        }
        denied = {**request, "verdict": Verdict.DENIED, "reason": DenialReason.MAC_ADDRESS_MISMATCH.value}
        allowed = {**request, "verdict": Verdict.ALLOWED, "decision_id": decision_id}
        told: list[tuple[datetime, dict[str, Any]]] = [
            (world.at(0.1), {**denied, "presented_mac_address": OTHER_MAC}),
            (world.at(0.2), {**denied, "presented_mac_address": OTHER_MAC}),
            (decided_at, {**allowed, "record_id": decision_id, "reason": AllowRule.FIRST_RESERVATION.value}),
            (world.at(1.001), {**allowed, "reason": AllowRule.SAME_CERTIFICATE_RETRY.value}),
            (
                world.at(1.01),
                {
                    **request,
                    "kind": RecordKind.OUTCOME,
                    "verdict": None,
                    "reason": OutcomeReason.CONNECTED.value,
                    "decision_id": decision_id,
                },
            ),
            (
                world.at(3.5),
                {
                    **common,
                    "kind": RecordKind.OPERATOR_ACTION,
                    "verdict": None,
                    "action": "quarantine",
                    "actor": ALICE,
                    "reason": "stolen, case 4711",
                },
            ),
        ]
        for moment, changes in told:
            item = world.put_item(moment, **{"decision_id": None, **changes})
            world.archived([world.inserted(item)], hour=(moment - world.day) / timedelta(hours=1) + 0.1)
        if sealed:
            world.sealed(hour=seals_until)
        return world.embedded.records(f"device#{device.serial_number}")

    return live
