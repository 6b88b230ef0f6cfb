"""AWS IoT's own list of the stack's things: one that no decision stands behind is found, however it came to be."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate
from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.outcomes.note import Noted
from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.outcomes.sweep_store import SweepStore
from fleetgate.store.allow_list_items import item_from
from harness.embedded import Embedded
from harness.outcome_world import THING_TYPE, OutcomeWorld
from tests.integration.conftest import Ask

NO_DECISION = "01JNX0000000000000000000DA"


@pytest.fixture
def world(reconciling: OutcomeWorld, embedded: Embedded) -> Iterator[OutcomeWorld]:
    """A reconciler that begins with the first page, and a recorder that hears of nothing."""
    SweepStore(reconciling.tables).note_next_token(None)
    with embedded.without_registry_events():
        yield reconciling


class Listed:
    """AWS IoT's list of a few things, page by page; the embedded one gives all of them at once."""

    def __init__(self, iot: Any, prefix: str, page_size: int) -> None:
        self._iot, self._prefix, self._page_size = iot, prefix, page_size
        self.asked: list[str | None] = []
        self.tokens: set[str] = set()

    def list_things(self, *, thingTypeName: str, maxResults: int, nextToken: str | None = None) -> Any:  # noqa: N803
        """AWS IoT API reference, ListThings."""
        self.asked.append(nextToken)
        if nextToken is not None and nextToken not in self.tokens:
            raise ClientError({"Error": {"Code": "InvalidRequestException"}}, "ListThings")
        listed = self._iot.list_things(thingTypeName=thingTypeName, maxResults=maxResults)["things"]
        things = sorted((one for one in listed if self._is_next(one["thingName"], nextToken)), key=_name)
        page, rest = things[: self._page_size], things[self._page_size :]
        if not rest:
            return {"things": page}
        self.tokens.add(page[-1]["thingName"])
        return {"things": page, "nextToken": page[-1]["thingName"]}

    def _is_next(self, name: str, token: str | None) -> bool:
        return name.startswith(self._prefix) and (token is None or name > token)


def _name(thing: dict[str, Any]) -> str:
    return str(thing["thingName"])


def make(embedded: Embedded, name: str, decision_id: str | None = None, thing_type: str = THING_TYPE) -> None:
    """Make a thing by hand."""
    attributes = {"SerialNumber": name, **({"DecisionId": decision_id} if decision_id else {})}
    embedded.client("iot").create_thing(
        thingName=name, thingTypeName=thing_type, attributePayload={"attributes": attributes}
    )


def inspected(world: OutcomeWorld, name: str) -> list[Noted]:
    """What a run notes of the things that are called like this."""
    return list(world.things(Listed(world.iot, name, page_size=250)).run())


def unapproved(embedded: Embedded, subject: str) -> list[AuditRecord]:
    """What is on record of things past the gate."""
    return [one for one in embedded.records(subject) if one.reason == "unapproved_thing"]


def test_a_thing_that_was_made_past_the_gate_is_on_record_once(
    world: OutcomeWorld, embedded: Embedded, serial_number: str
) -> None:
    make(embedded, serial_number)
    assert Counter(world.things().run())[Noted.UNAPPROVED] >= 1
    (record,) = unapproved(embedded, f"device#{serial_number}")
    assert (record.kind, record.thing_name, record.decision_id) == (RecordKind.OUTCOME, serial_number, None)

    assert inspected(world, serial_number) == [Noted.KNOWN]
    assert len(unapproved(embedded, f"device#{serial_number}")) == 1


def test_two_looks_at_once_leave_one_record(world: OutcomeWorld, embedded: Embedded, serial_number: str) -> None:
    class Blind(OutcomeStore):
        """A store that does not see what the other look has just written."""

        def is_noted(self, record: AuditRecord) -> bool:
            return False

    recorder = replace(world.things().recorder, store=Blind(world.tables))
    listed = OutcomeEvent(
        reason=OutcomeReason.UNAPPROVED_THING,
        seen_at=datetime(2026, 3, 1, 12, 15, tzinfo=UTC),
        event_id=serial_number,
        thing_name=serial_number,
        is_of_stack=True,
    )
    looks = [listed, replace(listed, seen_at=listed.seen_at + timedelta(seconds=7))]
    assert [recorder.note_listed(one) for one in looks] == [Noted.UNAPPROVED, Noted.KNOWN]
    (record,) = unapproved(embedded, f"device#{serial_number}")
    assert record.recorded_at == listed.seen_at


def test_a_thing_that_a_registry_event_told_of_is_not_told_again(
    world: OutcomeWorld, embedded: Embedded, serial_number: str
) -> None:
    make(embedded, serial_number, NO_DECISION)
    event = OutcomeEvent(
        reason=OutcomeReason.THING_REGISTERED,
        seen_at=datetime.now(UTC),
        event_id=secrets.token_hex(8),
        thing_name=serial_number,
        decision_id=NO_DECISION,
        is_of_stack=True,
    )
    assert world.things().recorder.note(event) is Noted.UNAPPROVED
    assert inspected(world, serial_number) == [Noted.KNOWN]


@pytest.mark.parametrize(("before", "after"), [(None, NO_DECISION), (NO_DECISION, None)])
def test_a_thing_that_names_another_decision_by_now_or_none_any_more_is_told_again(
    before: str | None, after: str | None, world: OutcomeWorld, embedded: Embedded, serial_number: str
) -> None:
    make(embedded, serial_number, before)
    assert inspected(world, serial_number) == [Noted.UNAPPROVED]
    embedded.client("iot").update_thing(
        thingName=serial_number, attributePayload={"attributes": {"DecisionId": after or ""}, "merge": True}
    )
    assert inspected(world, serial_number) == [Noted.UNAPPROVED]
    assert {one.decision_id for one in unapproved(embedded, f"device#{serial_number}")} == {before, after}
    assert inspected(world, serial_number) == [Noted.KNOWN]


def test_a_thing_whose_decision_is_on_record_is_approved(
    world: OutcomeWorld, embedded: Embedded, approved: AllowListEntry, ask: Ask
) -> None:
    name = approved.serial_number.value
    decision = world.let_in(ask(name), timedelta(0))
    embedded.put(approved)  # the entry has forgotten it
    make(embedded, name, decision.decision_id)
    assert inspected(world, name) == [Noted.REGISTERED]
    assert world.outcomes(approved) == []


def test_a_thing_whose_decision_the_audit_table_has_forgotten_is_approved_by_its_entry(
    world: OutcomeWorld, embedded: Embedded, approved: AllowListEntry
) -> None:
    current = DeviceCertificate(certificate_id=secrets.token_hex(32), decision_id=NO_DECISION)
    embedded.put(replace(approved, device_certificate=current))
    make(embedded, approved.serial_number.value, NO_DECISION)
    assert inspected(world, approved.serial_number.value) == [Noted.REGISTERED]
    assert world.outcomes(approved) == []


def test_a_thing_whose_devices_entry_cannot_be_read_is_told_and_passed_by(
    world: OutcomeWorld, embedded: Embedded, approved: AllowListEntry
) -> None:
    name = approved.serial_number.value
    make(embedded, name, NO_DECISION)
    make(embedded, f"{name}-2", NO_DECISION)
    item = item_from(approved, now=datetime.now(UTC)).serialize()
    embedded.put_raw({**item, "hold": {"S": "quarantined"}})  # by hand, and the state was forgotten
    try:
        assert inspected(world, name) == [Noted.UNREADABLE, Noted.UNAPPROVED]
    finally:
        embedded.put(approved)
    assert world.unreadable == [f"thing {name}"]


def test_a_thing_that_borrows_another_devices_decision_is_unapproved(
    world: OutcomeWorld, embedded: Embedded, approved: AllowListEntry, ask: Ask
) -> None:
    decision = world.let_in(ask(approved.serial_number.value), timedelta(0))
    clone = f"{approved.serial_number}-clone"
    make(embedded, clone, decision.decision_id)
    assert inspected(world, clone) == [Noted.UNAPPROVED]


def test_a_denial_stands_behind_nothing(world: OutcomeWorld, embedded: Embedded, serial_number: str, ask: Ask) -> None:
    world.be_denied(ask(serial_number), timedelta(0))
    (denial,) = embedded.records(f"device#{serial_number}")
    make(embedded, serial_number, denial.decision_id)
    assert inspected(world, serial_number) == [Noted.UNAPPROVED]


def test_a_thing_whose_name_is_no_serial_number_is_filed_under_its_name(
    world: OutcomeWorld, embedded: Embedded, serial_number: str
) -> None:
    make(embedded, serial_number)
    inspector = world.things(Listed(world.iot, serial_number, page_size=250))
    inspector = replace(inspector, recorder=replace(inspector.recorder, thing_name_prefix="fg-"))
    assert list(inspector.run()) == [Noted.UNAPPROVED]
    assert list(inspector.run()) == [Noted.KNOWN]
    assert len(unapproved(embedded, f"thing#{serial_number}")) == 1


def test_a_thing_of_another_type_is_not_the_stacks(world: OutcomeWorld, embedded: Embedded, serial_number: str) -> None:
    iot, other_type = embedded.client("iot"), f"type-{serial_number}"
    iot.create_thing_type(thingTypeName=other_type)
    make(embedded, serial_number, thing_type=other_type)
    assert inspected(world, serial_number) == []
    list(world.things().run())
    assert embedded.records(f"device#{serial_number}") == []


@pytest.fixture
def five(world: OutcomeWorld, embedded: Embedded, serial_number: str) -> Listed:
    """Five things past the gate, two on a page."""
    for number in range(5):
        make(embedded, f"{serial_number}-{number}")
    return Listed(world.iot, serial_number, page_size=2)


def test_a_run_is_bounded_and_the_next_goes_on_and_after_the_end_it_begins_again(
    five: Listed, world: OutcomeWorld
) -> None:
    inspector = world.things(five, max_things=2)
    assert list(inspector.run(lambda: False)) == []
    runs = [list(inspector.run()) for _ in range(4)]
    assert runs == [[Noted.UNAPPROVED] * 2, [Noted.UNAPPROVED] * 2, [Noted.UNAPPROVED], [Noted.KNOWN] * 2]


def test_a_run_goes_through_as_many_pages_as_it_may(five: Listed, world: OutcomeWorld) -> None:
    assert list(world.things(five).run()) == [Noted.UNAPPROVED] * 5
    assert len(five.asked) == 3


def test_where_aws_iot_does_not_take_the_place_any_more_the_list_begins_again(
    five: Listed, world: OutcomeWorld
) -> None:
    inspector = world.things(five, max_things=2)
    list(inspector.run())
    five.tokens.clear()
    assert list(inspector.run()) == [Noted.KNOWN] * 2
    assert list(inspector.run()) == [Noted.UNAPPROVED] * 2
    assert None not in five.asked[3:]


def test_where_aws_iot_cannot_be_asked_the_next_run_begins_with_the_same_page(
    five: Listed, world: OutcomeWorld, embedded: Embedded
) -> None:
    list(world.things(five, max_things=2).run())
    stranger = embedded.client("iot", embedded.role_of("HookFunction"))
    with pytest.raises(Fault) as fault:
        list(world.things(stranger).run())
    assert fault.value.reason is FaultReason.SERVICE_UNAVAILABLE
    assert list(world.things(five, max_things=2).run()) == [Noted.UNAPPROVED] * 2


def test_a_list_that_aws_iot_refuses_from_the_beginning_is_a_fault(world: OutcomeWorld) -> None:
    def refuse(**_arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": "InvalidRequestException"}}, "ListThings")

    with pytest.raises(Fault):
        list(world.things(SimpleNamespace(list_things=refuse)).run())
