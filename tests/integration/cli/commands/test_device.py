"""`fleetgate device`: an operator stops a device and lets it go."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import RefusalCode
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import quarantine_device
from fleetgate.operators.key_store import KeyChange
from fleetgate.store.tables import LostRace, TableSettings
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import records_of


def test_a_quarantine_stops_a_device_and_a_release_puts_it_back(
    fleetgate: Fleetgate, embedded: Embedded, approved: str
) -> None:
    before = embedded.entry(approved)

    stopped = fleetgate("device", "quarantine", approved, "--reason", "stolen, case 4711", "--json")
    assert (stopped.exit_code, stopped.document["result"]) == (ExitCode.DONE, "quarantined")
    assert embedded.entry(approved).state is DeviceState.QUARANTINED
    again = fleetgate("device", "quarantine", approved, "--reason", "stolen twice", "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")

    freed = fleetgate("device", "release", approved, "--reason", "found", "--json")
    assert (freed.exit_code, freed.document["result"]) == (ExitCode.DONE, "released")
    assert embedded.entry(approved) == replace(before, version=before.version + 2)
    again = fleetgate("device", "release", approved, "--reason", "found twice", "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")

    assert [(record.action, record.reason, record.entry_version) for record in records_of(embedded, approved)] == [
        ("approve", "not given", 1),
        ("quarantine", "stolen, case 4711", 2),
        ("release", "found", 3),
    ]


@pytest.mark.parametrize("action", ["quarantine", "release", "retire"])
def test_an_unknown_device_cannot_be_held(fleetgate: Fleetgate, serial_number: str, action: str) -> None:
    answer = fleetgate("device", action, serial_number, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_DEVICE
    assert answer.error["message"].endswith("check the serial number (case matters).")


@pytest.mark.parametrize("action", ["quarantine", "release"])
def test_a_retired_device_stays_retired(fleetgate: Fleetgate, embedded: Embedded, approved: str, action: str) -> None:
    embedded.put(embedded.entry(approved).retired())
    answer = fleetgate("device", action, approved, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.DEVICE_RETIRED
    assert embedded.entry(approved).state is DeviceState.RETIRED


def test_a_quarantine_that_loses_a_race_against_the_gate_keeps_what_the_gate_wrote(
    table_settings: TableSettings,
    operator: Operator,
    embedded: Embedded,
    approved: str,
    certificate_ids: Iterator[str],
) -> None:
    reserved = embedded.entry(approved).reserve(
        Reservation(
            certificate_id=next(certificate_ids),
            claim_certificate_id=next(certificate_ids),
            decision_id="a-decision",
            purpose=Purpose.ENROLMENT,
            reserved_at=now(),
            deadline=now() + timedelta(hours=1),
        )
    )

    losses: list[LostRace | None] = []

    class Overtaken(DeviceStore):
        """The gate reserves the device between this operator's read and write, once."""

        def change(
            self, changed: AllowListEntry, record: AuditRecord, *, key: KeyChange | None = None
        ) -> LostRace | None:
            if not losses:
                embedded.put(reserved)
            losses.append(super().change(changed, record, key=key))
            return losses[-1]

    change = quarantine_device(SerialNumber(approved), store=Overtaken(table_settings), operator=operator)

    assert losses == [LostRace(reserved), None]
    assert change.subject == embedded.entry(approved) == reserved.quarantined()
    assert [record.action for record in records_of(embedded, approved)] == ["approve", "quarantine"]


def test_a_device_nobody_heard_of_is_not_shown(fleetgate: Fleetgate, serial_number: str) -> None:
    answer = fleetgate("device", "show", serial_number, "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_DEVICE
