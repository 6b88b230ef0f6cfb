"""What the comparison of answers, audit table and archive calls lost and duplicated."""

from dataclasses import asdict

from harness.completeness.compare import Document, Told, compare

NONE = {"lost_from_table": (), "duplicated_in_table": (), "lost_from_archive": (), "duplicated_in_archive": ()}


def record(number: int, *, request: int | None = None, verdict: str = "allowed") -> Document:
    request_id = f"request-{number if request is None else request}"
    return {"record_id": f"record-{number}", "request_id": request_id, "verdict": verdict}


TABLE = [record(0), record(1, verdict="denied"), record(2)]
TOLD = [
    Told(request_id="request-0", verdict="allowed"),
    Told(request_id="request-1", verdict="denied"),
    Told(request_id="request-2", verdict=None),
    Told(request_id="request-3", verdict=None),
]


def compared(
    *, told: list[Told] = TOLD, reserved: tuple[str, ...] = (), table: list[Document], archive: list[Document]
) -> dict[str, tuple[str, ...]]:
    return asdict(compare(told, reserved=reserved, table=table, archive=archive))


def test_nothing_is_lost_where_every_answer_has_its_record_and_every_record_is_archived() -> None:
    assert compared(reserved=("record-0", "record-2"), table=TABLE, archive=TABLE[::-1]) == NONE


def test_an_answer_without_its_record_is_lost() -> None:
    assert compared(table=TABLE[1:], archive=TABLE[1:]) == {**NONE, "lost_from_table": ("request-0",)}


def test_an_answer_with_a_record_that_says_something_else_is_lost() -> None:
    changed = [record(0, verdict="denied"), *TABLE[1:]]
    assert compared(table=changed, archive=changed) == {**NONE, "lost_from_table": ("request-0",)}


def test_a_record_that_only_the_archive_has_is_lost_from_the_table() -> None:
    assert compared(table=TABLE[:2], archive=TABLE) == {**NONE, "lost_from_table": ("record-2",)}


def test_a_reservation_without_its_record_is_lost() -> None:
    found = compared(reserved=("record-9",), table=TABLE, archive=TABLE)
    assert found == {**NONE, "lost_from_table": ("record-9",)}


def test_a_request_with_two_records_is_duplicated() -> None:
    twice = [*TABLE, record(3, request=0)]
    assert compared(table=twice, archive=twice) == {**NONE, "duplicated_in_table": ("request-0",)}


def test_a_record_that_is_not_archived_is_lost_from_the_archive() -> None:
    assert compared(table=TABLE, archive=TABLE[:2]) == {**NONE, "lost_from_archive": ("record-2",)}


def test_a_record_that_is_archived_in_other_words_is_lost_from_the_archive() -> None:
    found = compared(table=TABLE, archive=[*TABLE[:2], {**TABLE[2], "reason": "another"}])
    assert found == {**NONE, "lost_from_archive": ("record-2",)}


def test_a_record_that_is_archived_three_times_is_duplicated_twice() -> None:
    found = compared(table=TABLE, archive=[*TABLE, TABLE[1], TABLE[1]])
    assert found == {**NONE, "duplicated_in_archive": ("record-1", "record-1")}
