"""Audit records: what they are filed under, and what of a presented value may stand in one."""

from dataclasses import replace
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord, RecordKind, printable
from harness.builders import CLAIM_CERTIFICATE_ID, NOW


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("FG-0001", "FG-0001", id="plain"),
        pytest.param("", "", id="empty"),
        pytest.param("~ a !", "~ a !", id="printable ASCII"),
        pytest.param("a" * 128, "a" * 128, id="128 characters"),
        pytest.param("a" * 129, "a" * 128, id="129 characters"),
        pytest.param("\N{FULLWIDTH DIGIT ONE}" * 200, "?" * 128, id="long and outside ASCII"),
        pytest.param("a\nb\r\tc", "a?b??c", id="control characters, which could forge a line"),
        pytest.param("\x1b[31mred\x7f", "?[31mred?", id="a terminal's escape codes"),
        pytest.param("\N{RIGHT-TO-LEFT OVERRIDE}", "?", id="a direction override"),
        pytest.param("\x00", "?", id="NUL"),
        pytest.param("\ud800", "?", id="half a surrogate pair"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_presented_text_is_made_printable_and_cut_short(value: str | None, written: str | None) -> None:
    assert printable(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1, "(int)"),
        (True, "(bool)"),
        (1.5, "(float)"),
        (["secret"], "(list)"),
        ({"secret": "secret"}, "(dict)"),
    ],
)
def test_of_anything_but_text_only_its_type_is_written(value: Any, written: str) -> None:
    assert printable(value) == written


def _record(**changes: Any) -> AuditRecord:
    return AuditRecord(
        record_id="01JNX0000000000000000000RA",
        recorded_at=NOW,
        kind=RecordKind.DECISION,
        reason="not_on_allow_list",
        **changes,
    )


def test_a_record_about_a_device_is_filed_under_it() -> None:
    record = _record(serial_number="FG-0001", claim_certificate_id=CLAIM_CERTIFICATE_ID)
    assert record.subject == "device#FG-0001"


def test_a_record_about_nobody_in_particular_is_filed_under_the_claim_certificate() -> None:
    assert _record(claim_certificate_id=CLAIM_CERTIFICATE_ID).subject == f"claim#{CLAIM_CERTIFICATE_ID}"


@pytest.mark.parametrize("claim_certificate_id", [None, ""])
def test_a_record_without_a_claim_certificate_is_filed_all_the_same(claim_certificate_id: str | None) -> None:
    assert _record(claim_certificate_id=claim_certificate_id).subject == "claim#none"


def test_a_notice_is_filed_under_the_claim_certificate_that_it_is_about() -> None:
    notice = replace(_record(claim_certificate_id=CLAIM_CERTIFICATE_ID), kind=RecordKind.NOTICE)
    assert notice.subject == f"claim#{CLAIM_CERTIFICATE_ID}"
