"""A device's story: which records belong to which admission, how each ended, and what stops the device now."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Hold
from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind, Verdict
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.trail.story import AdmissionEnding, DeviceStory, admissions_of
from harness import builders
from harness.builders import A_MOMENT, NOW

FIRST, SECOND = "01JNX0000000000000000000D1", "01JNX0000000000000000000D5"


def allow(decision_id: str, record_id: str | None = None, **changes: Any) -> AuditRecord:
    """An allow, or a repeat of one under an ID of its own."""
    return AuditRecord(
        **{
            "record_id": record_id or decision_id,
            "recorded_at": NOW,
            "kind": RecordKind.DECISION,
            "verdict": Verdict.ALLOWED,
            "reason": AllowRule.FIRST_RESERVATION.value,
            "decision_id": decision_id,
            **changes,
        }
    )


def seen(reason: OutcomeReason, decision_id: str | None, record_id: str = "01JNX0000000000000000000D9") -> AuditRecord:
    """What was seen of a decision."""
    return AuditRecord(
        record_id=record_id,
        recorded_at=NOW,
        kind=RecordKind.OUTCOME,
        reason=reason.value,
        decision_id=decision_id,
    )


def denial(reason: DenialReason = DenialReason.MAC_ADDRESS_MISMATCH) -> AuditRecord:
    """A denial, which is its own decision."""
    return replace(allow(SECOND), verdict=Verdict.DENIED, reason=reason.value)


def story(entry: AllowListEntry | None, *records: AuditRecord, switch: GateSwitch = OPEN) -> DeviceStory:
    """The story of the approved device."""
    return DeviceStory(
        serial_number=SerialNumber(builders.SERIAL_NUMBER),
        entry=entry,
        records=records,
        is_complete=True,
        imports=MappingProxyType({}),
        claims=MappingProxyType({}),
        switch=switch,
    )


def test_a_repeat_is_no_admission_of_its_own() -> None:
    (admission,) = admissions_of([allow(FIRST), allow(FIRST, "01JNX0000000000000000000D2"), allow(FIRST, SECOND)])
    assert (admission.decision.record_id, admission.repeats) == (FIRST, 2)


def test_each_decision_is_an_admission_and_the_oldest_comes_first() -> None:
    assert [one.decision.record_id for one in admissions_of([allow(SECOND), allow(FIRST)])] == [FIRST, SECOND]


def test_a_denial_is_no_admission() -> None:
    assert admissions_of([denial()]) == ()


def test_what_was_seen_belongs_to_the_decision_that_it_is_about_even_where_it_stands_before_it() -> None:
    # The ID of such a record has the time of the decision, and may sort before it within the millisecond.
    early = seen(OutcomeReason.THING_REGISTERED, SECOND, "01JNX0000000000000000000D3")
    other = seen(OutcomeReason.CONNECTED, FIRST)
    nobody = seen(OutcomeReason.UNAPPROVED_THING, None, "01JNX0000000000000000000D8")
    first, second = admissions_of([early, allow(FIRST), allow(SECOND), other, nobody])

    assert (first.outcomes, second.outcomes) == ((other,), (early,))


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ((), AdmissionEnding.NOT_SEEN),
        ((OutcomeReason.THING_REGISTERED,), AdmissionEnding.REGISTERED),
        ((OutcomeReason.PROVISIONING_SUCCEEDED, OutcomeReason.THING_REGISTERED), AdmissionEnding.REGISTERED),
        ((OutcomeReason.PROVISIONING_FAILED,), AdmissionEnding.FAILED),
        ((OutcomeReason.THING_REGISTERED, OutcomeReason.NEVER_COMPLETED), AdmissionEnding.NEVER_COMPLETED),
        ((OutcomeReason.PROVISIONING_FAILED, OutcomeReason.NEVER_COMPLETED), AdmissionEnding.NEVER_COMPLETED),
        ((OutcomeReason.CONNECTED, OutcomeReason.THING_REGISTERED), AdmissionEnding.IN_USE),
        ((OutcomeReason.CERTIFICATE_ACTIVE,), AdmissionEnding.REGISTERED),
    ],
)
def test_an_admission_ends_as_the_strongest_sign_says(
    reason: tuple[OutcomeReason, ...], ending: AdmissionEnding
) -> None:
    (admission,) = admissions_of([allow(FIRST), *(seen(one, FIRST) for one in reason)])
    assert admission.ending is ending


OLD, NEW = "c1a1" * 16, "c2a2" * 16


def rotation(*more: AuditRecord) -> tuple[AdmissionEnding, ...]:
    """How a device's first certificate and its rotation ended."""
    first, rotated = allow(FIRST, certificate_id=OLD), allow(SECOND, certificate_id=NEW, superseded_certificate_id=OLD)
    return tuple(one.ending for one in admissions_of([first, seen(OutcomeReason.CONNECTED, FIRST), rotated, *more]))


def test_a_certificate_stays_in_use_until_the_one_that_took_its_place_is_used() -> None:
    registered = seen(OutcomeReason.THING_REGISTERED, SECOND, "01JNX0000000000000000000D8")
    assert rotation() == (AdmissionEnding.IN_USE, AdmissionEnding.NOT_SEEN)
    assert rotation(registered) == (AdmissionEnding.IN_USE, AdmissionEnding.REGISTERED)
    assert rotation(seen(OutcomeReason.CONNECTED, SECOND, "01JNX0000000000000000000D8")) == (
        AdmissionEnding.SUPERSEDED,
        AdmissionEnding.IN_USE,
    )


def test_a_certificate_that_was_deactivated_for_a_later_one_is_superseded_and_one_of_a_quarantine_is_not() -> None:
    deactivated = AuditRecord(
        record_id="01JNX0000000000000000000DA",
        recorded_at=NOW,
        kind=RecordKind.OPERATOR_ACTION,
        reason="superseded",
        action=OperatorAction.DEACTIVATE_CERTIFICATE.value,
        certificate_id=OLD,
        decision_id=SECOND,
    )
    assert rotation(deactivated)[0] is AdmissionEnding.SUPERSEDED
    assert rotation(replace(deactivated, decision_id=None))[0] is AdmissionEnding.IN_USE


def test_what_was_never_seen_in_use_is_not_superseded() -> None:
    first, taken_over = allow(FIRST, certificate_id=OLD), allow(SECOND, superseded_certificate_id=OLD)
    endings = [one.ending for one in admissions_of([first, taken_over, seen(OutcomeReason.CONNECTED, SECOND)])]
    assert endings == [AdmissionEnding.NOT_SEEN, AdmissionEnding.IN_USE]


def test_denials_and_operator_actions_are_told_apart() -> None:
    action = replace(allow(FIRST), kind=RecordKind.OPERATOR_ACTION, verdict=None, decision_id=None)
    told = story(builders.entry(), action, denial(), allow(FIRST))
    assert (told.actions, told.denials) == ((action,), (denial(),))


STOPS: dict[str, tuple[dict[str, Any] | None, GateSwitch, tuple[DenialReason, ...]]] = {
    "nothing": ({}, OPEN, ()),
    "not listed": (None, OPEN, (DenialReason.NOT_ON_ALLOW_LIST,)),
    "not listed and stopped": (
        None,
        OPEN.stopped(),
        (DenialReason.GATE_STOPPED, DenialReason.NOT_ON_ALLOW_LIST),
    ),
    "everybody is stopped": ({}, OPEN.stopped(), (DenialReason.GATE_STOPPED,)),
    "its manufacturer": (
        {},
        OPEN.stopping_manufacturer(builders.MANUFACTURER),
        (DenialReason.MANUFACTURER_STOPPED,),
    ),
    "another manufacturer": ({}, OPEN.stopping_manufacturer("globex"), ()),
    "its first import": ({"first_import_id": "i"}, OPEN.stopping_import("i"), (DenialReason.IMPORT_STOPPED,)),
    "quarantine": ({"hold": Hold.QUARANTINED}, OPEN, (DenialReason.QUARANTINED,)),
    "retirement": ({"hold": Hold.RETIRED}, OPEN, (DenialReason.RETIRED,)),
    "a withdrawn approval": ({"is_revoked": True}, OPEN, (DenialReason.APPROVAL_REVOKED,)),
    "an approval that starts later": ({"valid_from": NOW + A_MOMENT}, OPEN, (DenialReason.NOT_YET_VALID,)),
    "an approval that starts now": ({"valid_from": NOW}, OPEN, ()),
    "an approval that ends now": ({"valid_until": NOW}, OPEN, (DenialReason.APPROVAL_EXPIRED,)),
    "an approval that ended, of a device that may rotate": (
        {"valid_until": NOW, "device_certificate": DeviceCertificate(certificate_id=OLD, decision_id=FIRST)},
        OPEN,
        (),
    ),
    "an approval that ended, of a device that was promised a certificate": (
        {"valid_until": NOW, "reservation": builders.reservation()},
        OPEN,
        (),
    ),
    "an approval that ends later": ({"valid_until": NOW + A_MOMENT}, OPEN, ()),
    "several at once": (
        {"hold": Hold.QUARANTINED, "valid_until": NOW - timedelta(days=1)},
        OPEN.stopped(),
        (DenialReason.GATE_STOPPED, DenialReason.QUARANTINED, DenialReason.APPROVAL_EXPIRED),
    ),
}


@pytest.mark.parametrize(("changes", "switch", "stops"), STOPS.values(), ids=STOPS.keys())
def test_what_stops_the_device_whatever_it_presents_is_told(
    changes: dict[str, Any] | None, switch: GateSwitch, stops: tuple[DenialReason, ...]
) -> None:
    entry = None if changes is None else builders.entry(**changes)
    assert story(entry, switch=switch).stops(NOW) == stops
