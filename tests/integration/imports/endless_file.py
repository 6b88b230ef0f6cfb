"""A factory file that is made as it is read, in a process of its own that tells how much memory reading it takes.

    python -m tests.integration.imports.endless_file KIND

It prints the peak of its resident memory in bytes, once a tenth of the rows is read and at the end.
"""

import io
import json
import sys

from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate.imports.reading.validate import validate_rows
from harness.memory import peak_bytes

# JSON takes four times as long, since every row has an unknown name of its own.
KINDS = {"plain": 40_000, "quoted": 40_000, "json": 20_000}


class Endless(io.RawIOBase):
    """The file: five hundred rows at each read."""

    def __init__(self, kind: str) -> None:
        self.kind, self.rows, self.number = kind, KINDS[kind], 0

    def read(self, size: int = -1) -> bytes:
        """The next rows, whatever size is asked for."""
        if self.number >= self.rows:
            return b""
        first, self.number = self.number, min(self.number + 500, self.rows)
        lines = [_line(number, self.kind) for number in range(first, self.number)]
        return (b"" if first or self.kind == "json" else b"SN,MAC,Model,Batch\n") + "".join(lines).encode()


def _line(number: int, kind: str) -> str:
    mac = (number + 1).to_bytes(6, "big").hex(":") if number % 50 else "none"
    if kind == "json":
        names = ("sn", "mac", "model", f"unknown{number}")
        return json.dumps(dict(zip(names, (f"FG-{number}", mac, "gw", "x"), strict=True))) + "\n"
    mark = '"' if kind == "quoted" else ""
    return f"{mark}FG-{number}{mark},{mac},gw,batch-{number}\n"


def _peaks(kind: str) -> tuple[int, int]:
    read, early, rows = 0, 0, KINDS[kind]
    file = read_rows(Endless(kind), name="endless.csv")  # type: ignore[arg-type] # all that is called is read
    for batch in validate_rows(file, ImportPolicy(unknown_columns=UnknownColumns.KEEP)):
        read += len(batch.rows) + len(batch.rejected)
        if not early and read >= rows / 10:
            early = peak_bytes()
    assert read == rows
    return early, peak_bytes()


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*_peaks(sys.argv[1])))
