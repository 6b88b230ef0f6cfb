"""Rows that share an identity: identical ones count once, and those that contradict each other are rejected."""

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetgate.imports.account import Reports, accounting
from fleetgate.imports.check import CheckedFile, SafetyGates, check_file
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS
from tests.unit.imports.factory_files import LENIENT


@dataclass(frozen=True)
class _Read:
    sound: list[int]
    rejected: dict[int, str]
    repeated: int
    notes: tuple[str, ...]


def _checked(content: str) -> CheckedFile:
    return check_file(lambda: io.BytesIO(content.encode()), file_name="list.csv", policy=LENIENT, max_rows=2_000_000)


def _read(content: str) -> tuple[CheckedFile, _Read]:
    checked = _checked(content)
    file, judged = checked.batches()
    batches = list(judged)
    read = _Read(
        [row.line_number for batch in batches for row in batch.rows],
        {row.line_number: row.error.value for batch in batches for row in batch.rejected},
        sum(batch.repeated for batch in batches),
        file.notes(LENIENT),
    )
    assert checked.total == len(read.sound) + len(read.rejected) + read.repeated
    assert checked.rejected == len(read.rejected)
    return checked, read


def test_identical_rows_count_once_however_they_are_written() -> None:
    _, read = _read(
        "SN,MAC,Model,Remark\n"
        "A,00:1b:44:11:3a:01,gw,x\nB,,gw,\nA,001b44113a01,gw,other remark\nB,,gw,\nA,00-1B-44-11-3A-01, gw ,\n"
    )
    note = "Identical rows count once: line 4 as line 2, line 5 as line 3, line 6 as line 2."
    assert read == _Read([2, 3], {}, 3, (read.notes[0], note))


@pytest.mark.parametrize(
    "other", ["A,00:1b:44:11:3a:02,gw,", "A,,gw,", "A,00:1b:44:11:3a:01,gw-2,", "A,00:1b:44:11:3a:01,gw,revoke"]
)
def test_rows_of_one_device_that_say_different_things_are_all_rejected(other: str) -> None:
    _, read = _read(f"SN,MAC,Model,Operation\nA,00:1b:44:11:3a:01,gw,\nA,00:1b:44:11:3a:01,gw,\n{other}\nB,,,\n")
    assert read == _Read([5], dict.fromkeys((2, 3, 4), "duplicate_serial_number"), 0, ())


def test_identical_rows_that_contradict_another_device_are_rejected_too() -> None:
    _, read = _read("SN,MAC\nA,00:1b:44:11:3a:01\nA,00:1b:44:11:3a:01\nB,00:1b:44:11:3a:01\n")
    assert read == _Read([], dict.fromkeys((2, 3, 4), "duplicate_mac_address"), 0, ())


def test_serial_numbers_that_differ_in_case_only_are_noted_with_their_lines() -> None:
    _, read = _read("SN\nsn-1\nFG-2\nSN-1\nSn-1\nSN-1\n")
    assert (read.sound, read.rejected, read.repeated) == ([2, 3, 4, 5], {}, 1)
    assert read.notes[1] == (
        "Serial numbers that differ in upper and lower case only are different devices: "
        "sn-1 in line 2, SN-1 in line 4, Sn-1 in line 5."
    )


def test_the_notes_on_many_such_rows_are_few() -> None:
    rows = "".join(f"sn-{number}\nSN-{number}\nSN-{number}\n" for number in range(2_000))
    _, read = _read(f"SN\n{rows}")
    assert (len(read.sound), read.repeated, len(read.notes)) == (4_000, 2_000, 12)
    assert read.notes[0].endswith("line 31 as line 30, and 1,990 more.")
    assert read.notes[-1].startswith("1,990 more")


def test_lines_of_many_contradictions_are_counted_once_each() -> None:
    rows = "".join(f"FG-{number % 30_000},\nX-{number},00:1b:44:{number % 256:02x}:00:01\n" for number in range(40_000))
    checked, read = _read(f"SN,MAC\n{rows}")
    assert (read.repeated, Counter(read.rejected.values())) == (10_000, {"duplicate_mac_address": 40_000})
    assert checked.rejected == 40_000


def test_the_account_has_a_class_for_rows_that_repeat_others(tmp_path: Path) -> None:
    with accounting(_checked("SN\nA\nA\nB B\n"), Reports(tmp_path)) as account:
        for batch in account.batches:
            account.add(batch)
    assert account.tally.rows == {RowClass.REPEATED: 1, RowClass.REJECTED: 1}
    assert not account.tally.is_success


def _list(wrong: int, right: int, *, header: str = "SN", start: str = "") -> str:
    rows = [f"{start}x x"] * wrong + [f"{start}FG-{number}" for number in range(right)]
    return "\n".join([header, *rows, ""])


@pytest.mark.parametrize(
    ("content", "is_refused"),
    [
        (_list(3, 1), False),
        (_list(19, 0), False),
        (_list(20, 79), True),
        (_list(20, 80), False),
        (_list(40, 1, header=",".join((*REPORT_COLUMNS, "SN")), start="2,SN,x,x,"), False),
        (_list(40, 1, header="rejected_line,SN", start="2,"), True),
        ("SN\n" + "FG-1\n" * 100 + "x x\n" * 19, False),
    ],
)
def test_a_share_of_wrong_rows_counts_from_twenty_on_and_not_in_corrected_rejects(
    content: str, is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(UnreadableFile) as caught:
            _checked(content).keep_to(SafetyGates())
        assert caught.value.code is FileError.TOO_MANY_REJECTED
    else:
        _checked(content).keep_to(SafetyGates())
