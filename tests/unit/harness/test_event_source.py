"""What comes again of a batch, by the contract of Lambda's event source mappings."""

from typing import Any

import pytest

from harness.event_source import Batch, left_of

BATCH: Batch = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(5)]


def failures(*numbers: str | None) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


@pytest.mark.parametrize("answer", [{}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_nothing_comes_again_of_what_was_done(answer: dict[str, Any]) -> None:
    assert left_of(BATCH, answer) == []


def test_all_after_the_first_failure_comes_again_in_whatever_order_failures_are_named() -> None:
    assert left_of(BATCH, failures("3", "1")) == [BATCH[1:]]


@pytest.mark.parametrize("answer", [None, failures("1", "7"), failures(""), failures(None)])
def test_a_batch_that_failed_as_a_whole_comes_again_in_halves(answer: dict[str, Any] | None) -> None:
    assert left_of(BATCH, answer) == [BATCH[:2], BATCH[2:]]


def test_a_single_record_that_failed_comes_again() -> None:
    assert left_of(BATCH[:1], None) == [BATCH[:1]]
