"""What a row may say of the thing that its device becomes: its name, its thing group and its attributes."""

from dataclasses import replace

import pytest

from fleetgate.domain.things import ThingNames
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import UnknownColumns
from tests.unit.imports.factory_files import LENIENT, STRICT, judged

# The stack's own group. The list is 21-unknown-thing-group.csv of a factory whose devices could never register.
POLICY = replace(STRICT, thing_groups=frozenset({"fleetgate-devices", "gateways"}))
LIST = """Serial Number,MAC,Group,Model
TG-0001,00:1b:44:24:00:01,Line4,gw-2
TG-0002,00:1b:44:24:00:02,,gw-2
TG-0003,00:1b:44:24:00:03,gateways,gw-2
"""


def test_a_row_that_names_a_thing_group_of_others_is_rejected_and_the_allowed_ones_are_named() -> None:
    found = judged(LIST, POLICY)

    assert found.classes == {2: RowError.THING_GROUP_NOT_ALLOWED, 3: "ok", 4: "ok"}
    (rejected,) = found.rejected
    assert rejected.column == "Group"
    assert "Line4" in rejected.detail
    assert "fleetgate-devices, gateways" in rejected.detail


def test_without_a_list_of_groups_no_row_may_name_one() -> None:
    assert judged(LIST, STRICT).serial_numbers == ["TG-0002"]


def test_a_serial_number_whose_thing_name_claim_certificates_may_connect_as_is_rejected() -> None:
    policy = replace(LENIENT, thing_names=ThingNames("fg-", "fg-claim-"))
    found = judged("SN\nclaim-1\nclaim1\n", policy)

    assert found.classes == {2: RowError.SERIAL_NUMBER_INVALID, 3: "ok"}
    assert "fg-claim-1 would start with fg-claim-" in found.rejected[0].detail


@pytest.mark.parametrize(("length", "outcome"), [(125, "ok"), (126, RowError.SERIAL_NUMBER_INVALID.value)])
def test_a_serial_number_with_which_the_thing_name_is_too_long_is_rejected(length: int, outcome: str) -> None:
    assert judged(f"SN\n{'A' * length}\n").classes == {2: outcome}


@pytest.mark.parametrize("heading", ["AWS::IoT::Certificate::Id", "aws::IoT::Certificate::Country"])
def test_an_attribute_with_a_name_of_aws_iots_own_is_rejected(heading: str) -> None:
    keep = replace(LENIENT, unknown_columns=UnknownColumns.KEEP)
    assert judged(f"SN,{heading}\nA-1,x\nA-2,\n", keep).classes == {2: RowError.ATTRIBUTE_RESERVED, 3: "ok"}
