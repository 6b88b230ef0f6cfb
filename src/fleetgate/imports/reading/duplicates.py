"""Finds the serial numbers, MAC addresses and public keys that a file has more than once, on disk, with flat memory.

All rows that share one are rejected, even the first: the file contradicts itself, and a choice would be a guess.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from fleetgate.imports.reading.columns import Meaning
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import ImportRow, RejectedRow
from fleetgate.imports.reading.validate import ValidatedBatch

# Files that the identities are spread over, so that each can be searched by itself.
_PARTS = 256
# Numbers that a part holds in memory before it appends them to its file.
_MAX_HELD = 512
# Lines that a sentence names.
_MAX_LINES = 5


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The identities of more than one row, as hashes, with their lines.

    Attributes:
        rows: How many rows have such an identity.

    A hash has 64 bits and a seed of its process: two identities of a million share one once in 10 million files. Both
    rows would be rejected as duplicates.
    """

    _lines: Mapping[int, Sequence[int]] = field(default_factory=lambda: MappingProxyType({}))
    rows: int = 0

    def rejected(self, batch: ValidatedBatch) -> ValidatedBatch:
        """A batch with those rows rejected that share an identity with another row."""
        if not self._lines:
            return batch
        return batch.rejecting(
            {at: found for at, row in enumerate(batch.rows) if (found := self._reject(batch, at, row))}
        )

    def _reject(self, batch: ValidatedBatch, at: int, row: ImportRow) -> RejectedRow | None:
        for identity, meaning, error in _identities(row):
            if lines := self._lines.get(identity):
                others = [str(line) for line in lines if line != row.line_number][:_MAX_LINES]
                detail = f"{error.meaning.rstrip('.')}: see line {', '.join(others)}."
                return RejectedRow(row.line_number, batch.as_delivered(at), batch.heading(meaning), error, detail)
        return None


class SeenIdentities:
    """Notes the identities of a file's rows.

    Args:
        folder: Exists and is empty; gets 16 bytes for each serial number, MAC address and public key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = [array("q") for _ in range(_PARTS)]

    def add(self, rows: Sequence[ImportRow]) -> None:
        """Note the identities of some rows."""
        note = self._note
        for row in rows:
            line_number = row.line_number
            note(hash(row.serial_number.value), line_number)
            for mac_address in row.mac_addresses:
                # A serial number may be spelled like a MAC address; their hashes must differ.
                note(~hash(mac_address.value), line_number)
            if row.terms.key_fingerprint is not None:
                note(_key_identity(row.terms.key_fingerprint), line_number)

    def duplicates(self) -> Duplicates:
        """The identities that were noted more than once."""
        found: dict[int, list[int]] = {}
        rows: set[int] = set()
        for number in range(_PARTS):
            first: dict[int, int] = {}
            for identity, line_number in self._noted(number):
                if identity in first:
                    lines = found.setdefault(identity, [first[identity]])
                    if len(lines) <= _MAX_LINES:
                        lines.append(line_number)
                    rows.update((first[identity], line_number))
                else:
                    first[identity] = line_number
        return Duplicates(found, len(rows))

    def _note(self, identity: int, line_number: int) -> None:
        part = self._held[identity % _PARTS]
        part.append(identity)
        part.append(line_number)
        if len(part) >= _MAX_HELD:
            self._put_away(identity % _PARTS)

    def _put_away(self, number: int) -> None:
        with self._path(number).open("ab") as file:
            self._held[number].tofile(file)
        del self._held[number][:]

    def _noted(self, number: int) -> Iterator[tuple[int, int]]:
        numbers = array("q")
        path = self._path(number)
        if path.exists():
            numbers.frombytes(path.read_bytes())
        numbers.extend(self._held[number])
        return zip(numbers[::2], numbers[1::2], strict=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:03d}"


def _identities(row: ImportRow) -> Iterator[tuple[int, Meaning, RowError]]:
    yield hash(row.serial_number.value), Meaning.SERIAL_NUMBER, RowError.DUPLICATE_SERIAL_NUMBER
    for mac_address in row.mac_addresses:
        yield ~hash(mac_address.value), Meaning.MAC_ADDRESS, RowError.DUPLICATE_MAC_ADDRESS
    if row.terms.key_fingerprint is not None:
        identity = _key_identity(row.terms.key_fingerprint)
        yield identity, Meaning.KEY_FINGERPRINT, RowError.DUPLICATE_PUBLIC_KEY


def _key_identity(key_fingerprint: str) -> int:
    return hash(("key", key_fingerprint))  # a serial number may be spelled like a fingerprint
