"""An allow-list entry: what it may hold, where a device stands, and the ways it can go."""

from dataclasses import replace
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, Hold, InvalidEntry, Purpose
from harness.builders import (
    A_MOMENT,
    CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    EARLIER_DECISION_ID,
    NOW,
    OTHER_CERTIFICATE_ID,
    current_certificate,
    entry,
    reservation,
)


@pytest.mark.parametrize(
    ("holding", "state"),
    [
        pytest.param({}, DeviceState.APPROVED, id="nothing"),
        pytest.param({"reservation": reservation()}, DeviceState.RESERVED, id="a reservation"),
        pytest.param({"device_certificate": current_certificate()}, DeviceState.PROVISIONED, id="a certificate"),
        pytest.param(
            {"device_certificate": current_certificate(), "reservation": reservation(purpose=Purpose.ROTATION)},
            DeviceState.PROVISIONED,
            id="a certificate and a rotation",
        ),
        pytest.param({"hold": Hold.QUARANTINED}, DeviceState.QUARANTINED, id="a quarantine"),
        pytest.param(
            {"hold": Hold.QUARANTINED, "reservation": reservation()}, DeviceState.QUARANTINED, id="a held reservation"
        ),
        pytest.param(
            {"hold": Hold.RETIRED, "device_certificate": current_certificate()}, DeviceState.RETIRED, id="a tombstone"
        ),
    ],
)
def test_the_state_follows_from_what_the_entry_holds(holding: dict[str, Any], state: DeviceState) -> None:
    assert entry(**holding).state is state


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"manufacturer": ""}, "names its manufacturer", id="no manufacturer"),
        pytest.param({"valid_from": NOW, "valid_until": NOW}, "end before it starts", id="an empty window"),
        pytest.param({"valid_from": NOW, "valid_until": NOW - A_MOMENT}, "end before it starts", id="backwards"),
        pytest.param({"attributes": {"": "x"}}, "attribute ''", id="an attribute without a name"),
        pytest.param({"attributes": {"Model": ""}}, "attribute 'Model'", id="an attribute without a value"),
        pytest.param({"attributes": {"Model": "gateway 2"}}, "no spaces", id="a space in a value"),
        pytest.param({"attributes": {"The Model": "2"}}, "no spaces", id="a space in a name"),
        pytest.param({"attributes": {"Model": "x" * 801}}, "800", id="a value of 801"),
        pytest.param({"attributes": {"x" * 129: "1"}}, "128", id="a name of 129"),
        pytest.param({"attributes": {"Model": "x\n"}}, "attribute 'Model'", id="a newline"),
        pytest.param({"attributes": {"Model": "\N{FULLWIDTH DIGIT ONE}"}}, "attribute 'Model'", id="outside ASCII"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEntry, match=message):
        entry(**wrong)


def test_the_longest_attribute_that_aws_iot_takes_is_accepted() -> None:
    longest = {"n" * 128: "v" * 800, "a.,@/:#-_Z9": "a.,@/:#-_Z9"}
    assert entry(attributes=longest).attributes == longest


def test_a_reservation_is_live_until_its_deadline() -> None:
    held = reservation(deadline=NOW)
    assert held.is_live(NOW - A_MOMENT)
    assert not held.is_live(NOW)


def test_reserving_replaces_the_reservation_and_keeps_the_rest() -> None:
    before = entry(reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID), version=3)
    after = before.reserve(reservation())
    assert after == entry(reservation=reservation(), version=4)


@pytest.mark.parametrize(
    ("held", "wanted", "count"),
    [
        (None, Purpose.REPROVISIONING, 1),
        (Purpose.ROTATION, Purpose.REPROVISIONING, 1),
        (Purpose.REPROVISIONING, Purpose.REPROVISIONING, 0),
        (None, Purpose.ROTATION, 0),
        (None, Purpose.ENROLMENT, 0),
        (Purpose.REPROVISIONING, Purpose.ROTATION, 0),
    ],
)
def test_a_reprovisioning_counts_once_however_often_it_is_taken_over(
    held: Purpose | None, wanted: Purpose, count: int
) -> None:
    before = entry(
        device_certificate=current_certificate(),
        reservation=None if held is None else reservation(purpose=held, certificate_id=OTHER_CERTIFICATE_ID),
    )
    assert before.reserve(reservation(purpose=wanted)).reprovisioning_count == count


def test_an_outcome_makes_the_reserved_certificate_the_current_one() -> None:
    after = entry(device_certificate=current_certificate(), reservation=reservation(), version=2).provisioned(NOW)
    assert after.reservation is None
    assert after.device_certificate == replace(current_certificate(CERTIFICATE_ID), seen_at=NOW)
    assert after.device_certificate is not None
    assert after.device_certificate.decision_id == EARLIER_DECISION_ID
    assert (after.state, after.version) == (DeviceState.PROVISIONED, 3)


@pytest.mark.parametrize("current", [None, current_certificate(CURRENT_CERTIFICATE_ID)])
def test_no_outcome_is_expected_where_nothing_is_reserved(current: Any) -> None:
    with pytest.raises(InvalidEntry, match="nothing is reserved"):
        entry(device_certificate=current).provisioned()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(entry(), id="approved"),
        pytest.param(entry(reservation=reservation()), id="reserved"),
        pytest.param(entry(device_certificate=current_certificate()), id="provisioned"),
    ],
)
def test_a_released_device_stands_where_it_stood_before_the_quarantine(before: AllowListEntry) -> None:
    held = before.quarantined()
    assert (held.state, held.version) == (DeviceState.QUARANTINED, before.version + 1)
    after = held.released()
    assert (after.state, after.version) == (before.state, before.version + 2)
    assert (after.reservation, after.device_certificate) == (before.reservation, before.device_certificate)


@pytest.mark.parametrize("before", [entry(), entry(hold=Hold.RETIRED)], ids=["approved", "retired"])
def test_only_a_quarantined_device_can_be_released(before: AllowListEntry) -> None:
    with pytest.raises(InvalidEntry, match=f"the device is {before.state.value}, not quarantined"):
        before.released()


def test_a_retired_device_cannot_be_quarantined_and_so_never_released() -> None:
    with pytest.raises(InvalidEntry, match="stays retired"):
        entry().retired().quarantined()


@pytest.mark.parametrize("before", [entry(), entry().quarantined(), entry(reservation=reservation())])
def test_any_device_can_be_retired(before: AllowListEntry) -> None:
    after = before.retired()
    assert (after.state, after.version) == (DeviceState.RETIRED, before.version + 1)
    assert after.reservation == before.reservation


def test_an_outcome_does_not_lift_a_quarantine() -> None:
    assert entry(reservation=reservation()).quarantined().provisioned().state is DeviceState.QUARANTINED


def test_only_an_unused_approval_can_be_revoked() -> None:
    assert entry(is_revoked=True).state is DeviceState.REVOKED
    for used in ({"reservation": reservation()}, {"device_certificate": current_certificate()}):
        with pytest.raises(InvalidEntry):
            entry(is_revoked=True, **used)
