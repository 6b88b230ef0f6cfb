"""Reading and judging a factory list, against a bare loop of csv, a pattern and a normalised MAC address."""

import csv
import gc
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from benchmarks.figures import CouldNotMeasure, Ratio
from benchmarks.interleave import Repetition, interleaved
from fleetgate.imports.collector import collect_rarely
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.validate import validate_rows

ROWS = 50_000
_ROUNDS = 10
# At least 0.65 of the floor's rows a second, said as a cost.
_GOAL = round(1 / 0.65, 2)

_SERIAL_NUMBER = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_MAC_ADDRESS = re.compile(r"[0-9a-f]{12}(?:[0-9a-f]{4})?")
_NO_DIGIT = re.compile(r"[^0-9a-f]")


def factory_lines(rows: int) -> Iterator[str]:
    """A list as a factory might send it: MAC addresses in four spellings, two models, all rows sound."""
    yield "Serial Number,MAC Address,Model,HW Rev\r\n"
    for number in range(rows):
        yield f"FG-{number:08d},{_mac_address(number)},gateway-{number % 2},B\r\n"


def validation_figures() -> Iterator[Ratio]:
    """Bytes to rows, judged and nothing kept, on both sides."""
    content = "".join(factory_lines(ROWS)).encode()

    def whole() -> None:
        batches = validate_rows(read_rows(io.BytesIO(content), name="benchmark.csv"), ImportPolicy())
        _must_be_all(sum(len(batch.rows) for batch in batches))

    def bare() -> None:
        _must_be_all(sum(1 for _ in bare_rows(io.BytesIO(content))))

    def ours(wanted: int) -> list[Repetition]:
        return [whole] * wanted

    def floor(wanted: int) -> list[Repetition]:
        return [bare] * wanted

    with _collecting_rarely():
        measured, floors = interleaved(ours, floor, rounds=_ROUNDS, repetitions=1)
    name = f"reading and judging {ROWS:,} rows"
    yield Ratio.of(name, "wall time", measured.wall, floors.wall, goal=_GOAL)
    yield Ratio.of(name, "processor time", measured.cpu, floors.cpu, goal=_GOAL)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Both sides as the importer's process collects garbage."""
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def bare_rows(stream: BinaryIO) -> Iterator[tuple[str, str, str, str]]:
    """The least that a list takes: its fields, and two of them looked at."""
    reader = csv.reader(io.TextIOWrapper(stream, "utf-8", newline=""))
    next(reader)
    for serial_number, mac_address, model, revision in reader:
        digits = _NO_DIGIT.sub("", mac_address.lower())
        if _SERIAL_NUMBER.fullmatch(serial_number) and _MAC_ADDRESS.fullmatch(digits):
            pairs = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
            yield serial_number, pairs, model, revision


def _mac_address(number: int) -> str:
    octets = b"\x00\x1b\x44" + number.to_bytes(3, "big")
    return (octets.hex(":"), octets.hex("-").upper(), octets.hex(".", 2), octets.hex().upper())[number % 4]


def _must_be_all(counted: int) -> None:
    if counted != ROWS:
        raise CouldNotMeasure(f"{counted} of {ROWS} rows were found sound")
