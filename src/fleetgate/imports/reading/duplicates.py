"""Finds the rows of a file that share a serial number, a MAC address or a public key, on disk, with flat memory.

Rows that say exactly the same count once: the first is applied, and the others repeat it. Where rows that share an
identity say different things, all of them are rejected, even the first: the file contradicts itself, and a choice would
be a guess.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.imports.reading.columns import Meaning
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import ImportRow, RejectedRow
from fleetgate.imports.reading.notes import CellNotes
from fleetgate.imports.reading.validate import ValidatedBatch

# Files that the identities are spread over, so that each can be searched by itself.
_PARTS = 256
# Numbers that a part holds in memory before it appends them to its file.
_MAX_HELD = 512
# Records of a part that are in memory at once.
_MAX_READ = 4_096
# Lines that a sentence names.
_MAX_LINES = 5
# Identities whose lines the sentences name.
_MAX_TOLD = 10_000
# Rows that repeat others, and serial numbers that differ in case only, which the notes name.
_MAX_NAMED = 10
# Terms whose hashes are remembered at once.
_MAX_TERMS = 2_000


class _Lines:
    """A set of line numbers, as bits: a list has a million."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, line: int) -> None:
        """Put a line in."""
        at = line >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        self._bits[at] |= 1 << (line & 7)

    def __contains__(self, line: int) -> bool:
        at = line >> 3
        return at < len(self._bits) and bool(self._bits[at] >> (line & 7) & 1)

    def without(self, others: "_Lines") -> "_Lines":
        """The lines that are not among some others."""
        left = _Lines()
        mine, theirs = (int.from_bytes(one._bits, "little") for one in (self, others))
        left._bits = bytearray((mine & ~theirs).to_bytes(len(self._bits), "little"))
        return left

    def __len__(self) -> int:
        return int.from_bytes(self._bits, "little").bit_count()


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The lines of rows that share an identity.

    Attributes:
        contradicting: Of rows to reject. repeating: of rows that are identical to an earlier one.

    Identities are compared by hashes of 64 bits, with a seed of the process: two of a million share one once in 10
    million files. Both rows would be rejected.
    """

    contradicting: _Lines = field(default_factory=_Lines)
    repeating: _Lines = field(default_factory=_Lines)
    _contradicting_serials: _Lines = field(default_factory=_Lines)
    _told: Mapping[int, Sequence[int]] = field(default_factory=lambda: MappingProxyType({}))
    _named_repeats: Sequence[tuple[int, int]] = ()
    _named_cases: Sequence[Sequence[int]] = ()
    _more_cases: int = 0

    def judged(self, batches: Iterable[ValidatedBatch], notes: CellNotes) -> Iterator[ValidatedBatch]:
        """The batches with contradicting rows rejected, and without rows that repeat others.

        Args:
            notes: Get the rows that repeat others, and the serial numbers that differ in case only.
        """
        wanted = {line for lines in self._named_cases for line in lines}
        spelled: dict[int, str] = {}
        has_duplicates = bool(self.contradicting or self.repeating)
        for batch in batches:
            if wanted:
                spelled.update((row.line_number, row.serial_number.value) for row in batch.rows if row[0] in wanted)
            yield self._judged(batch) if has_duplicates else batch
        self._note(notes, spelled)

    def _judged(self, batch: ValidatedBatch) -> ValidatedBatch:
        return batch.without(
            {at: self._reject(batch, at) for at, row in enumerate(batch.rows) if row.line_number in self.contradicting},
            {at for at, row in enumerate(batch.rows) if row.line_number in self.repeating},
        )

    def _reject(self, batch: ValidatedBatch, at: int) -> RejectedRow:
        row = batch.rows[at]
        identities = list(_identities(row))
        told = (one for one in identities if one[0] in self._told)
        by_serial = row.line_number in self._contradicting_serials
        identity, meaning, error = next(told, identities[0 if by_serial else 1])
        others = [str(line) for line in self._told.get(identity, ()) if line != row.line_number][:_MAX_LINES]
        detail = f"{error.meaning.rstrip('.')}: see line {', '.join(others)}." if others else error.meaning
        return RejectedRow(row.line_number, batch.as_delivered(at), batch.heading(meaning), error, detail)

    def _note(self, notes: CellNotes, spelled: Mapping[int, str]) -> None:
        if self._named_repeats:
            named = ", ".join(f"line {line} as line {first}" for line, first in self._named_repeats)
            more = len(self.repeating) - len(self._named_repeats)
            notes.tell(f"Identical rows count once: {named}{f', and {more:,} more' if more else ''}.")
        for lines in self._named_cases:
            named = ", ".join(f"{spelled[line]} in line {line}" for line in lines if line in spelled)
            notes.tell(f"Serial numbers that differ in upper and lower case only are different devices: {named}.")
        if self._more_cases:
            notes.tell(f"{self._more_cases:,} more serial numbers differ from others in upper and lower case only.")


class SeenIdentities:
    """Notes the identities of a file's rows, to tell which lines share one.

    Args:
        folder: Exists and is empty; gets 16 bytes for each serial number, MAC address and public key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._noted = _NumbersOnDisk(folder, "seen", width=2)

    def add(self, rows: Sequence[ImportRow]) -> None:
        """Note the identities of some rows."""
        note = self._noted.add_pair
        for row in rows:
            line_number = row.line_number
            # In small letters, so that serial numbers which differ in case only meet.
            note(hash(row.serial_number.value.lower()), line_number)
            for mac_address in row.mac_addresses:
                note(_mac_identity(mac_address.value), line_number)
            if row.terms.key_fingerprint is not None:
                note(_key_identity(row.terms.key_fingerprint), line_number)

    def compared(self, read_again: Callable[[], Iterable[ValidatedBatch]]) -> Duplicates:
        """What the rows that share an identity say.

        Args:
            read_again: Gives the rows once more; asked only where some share an identity.
        """
        shared = _Lines()
        for number in range(_PARTS):
            first: dict[int, int] = {}
            for identity, line in self._noted.part(number):
                known = first.setdefault(identity, line)
                if known != line:
                    shared.add(known)
                    shared.add(line)
        if not shared:
            return Duplicates()
        compared = _ComparedRows(self._folder)
        for batch in read_again():
            compared.add(row for row in batch.rows if row.line_number in shared)
        return compared.duplicates()


class _ComparedRows:
    """Compares what rows say that share an identity.

    Args:
        folder: Gets 32 bytes for each row, and 24 for each MAC address and public key.
    """

    def __init__(self, folder: Path) -> None:
        self._rows = _NumbersOnDisk(folder, "rows", width=4)
        self._others = _NumbersOnDisk(folder, "others", width=3)
        self._terms: dict[int, tuple[ApprovalTerms, int]] = {}

    def add(self, rows: Iterable[ImportRow]) -> None:
        """Note what some rows say."""
        for line_number, operation, serial_number, mac_addresses, terms, clears in rows:
            serial = hash(serial_number.value)
            content = hash((serial, operation, mac_addresses, self._hash_of(terms), clears))
            self._rows.add((hash(serial_number.value.lower()), line_number, content, serial))
            for mac_address in mac_addresses:
                self._others.add((_mac_identity(mac_address.value), line_number, content))
            if terms.key_fingerprint is not None:
                self._others.add((_key_identity(terms.key_fingerprint), line_number, content))

    def duplicates(self) -> Duplicates:
        """The lines that contradict each other, and those that repeat others."""
        found = _Found()
        for number in range(_PARTS):
            found.compare_rows(partial(self._rows.part, number))
            found.compare_others(partial(self._others.part, number))
        return found.duplicates()

    def _hash_of(self, terms: ApprovalTerms) -> int:
        """Of what the terms say; rows that say the same usually share one object."""
        known = self._terms.get(id(terms))
        if known is None:
            if len(self._terms) >= _MAX_TERMS:
                self._terms.clear()
            content = (
                terms.templates,
                terms.valid_from,
                terms.valid_until,
                frozenset(terms.attributes.items()),
                terms.key_fingerprint,
            )
            # With the object itself, so that no other gets its place in memory meanwhile.
            known = self._terms[id(terms)] = terms, hash(content)
        return known[1]


class _Found:
    """What is found part by part."""

    def __init__(self) -> None:
        self._contradicting = _Lines()
        self._contradicting_serials = _Lines()
        self._repeating = _Lines()
        self._told: dict[int, Sequence[int]] = {}
        self._repeats: list[tuple[int, int]] = []
        self._cases: list[list[int]] = []
        self._case_count = 0

    def compare_rows(self, part: Callable[[], Iterator[tuple[int, ...]]]) -> None:
        """Search the serial numbers of a part."""
        self._compare(lambda: ((serial, line, content) for _, line, content, serial in part()), is_serial=True)
        first: dict[int, tuple[int, int]] = {}
        cases: dict[int, dict[int, int]] = {}
        for small, line, _, serial in part():
            known = first.setdefault(small, (serial, line))
            if known[0] != serial:
                spellings = cases.setdefault(small, dict([known]))
                if len(spellings) < _MAX_LINES:
                    spellings.setdefault(serial, line)
        self._case_count += len(cases)
        named = sorted(sorted(spellings.values()) for spellings in cases.values())
        self._cases = sorted([*self._cases, *named[:_MAX_NAMED]])[:_MAX_NAMED]

    def compare_others(self, part: Callable[[], Iterator[tuple[int, ...]]]) -> None:
        """Search the MAC addresses and public keys of a part."""
        self._compare(part, is_serial=False)

    def _compare(self, part: Callable[[], Iterator[tuple[int, ...]]], *, is_serial: bool) -> None:
        first: dict[int, tuple[int, int]] = {}
        shared: dict[int, list[int]] = {}
        contradicting: set[int] = set()
        for identity, line, content in part():
            known = first.setdefault(identity, (line, content))
            if known[0] != line:
                lines = shared.setdefault(identity, [known[0]])
                if len(lines) <= _MAX_LINES:  # one more than a sentence names: a row is not told of itself
                    lines.append(line)
                if known[1] != content:
                    contradicting.add(identity)
        if not contradicting and not (shared and is_serial):
            return
        for identity, line, _ in part():
            if identity in contradicting:
                self._contradicting.add(line)
                if is_serial:
                    self._contradicting_serials.add(line)
            elif is_serial and line != first[identity][0]:
                self._repeating.add(line)
                if len(self._repeats) < _MAX_TOLD:
                    self._repeats.append((line, first[identity][0]))
        room = _MAX_TOLD - len(self._told)
        self._told.update((identity, shared[identity]) for identity in islice(contradicting, room))

    def duplicates(self) -> Duplicates:
        """All that was found."""
        repeats = sorted(repeat for repeat in self._repeats if repeat[0] not in self._contradicting)
        return Duplicates(
            contradicting=self._contradicting,
            repeating=self._repeating.without(self._contradicting),
            _contradicting_serials=self._contradicting_serials,
            _told=self._told,
            _named_repeats=repeats[:_MAX_NAMED],
            _named_cases=self._cases,
            _more_cases=self._case_count - len(self._cases),
        )


class _NumbersOnDisk:
    """Records of some integers, spread over files by the first of them.

    Args:
        width: Numbers of a record.
    """

    def __init__(self, folder: Path, name: str, *, width: int) -> None:
        self._folder = folder
        self._name = name
        self._width = width
        self._held = [array("q") for _ in range(_PARTS)]

    def add(self, record: tuple[int, ...]) -> None:
        """Keep a record."""
        part = self._held[record[0] % _PARTS]
        part.extend(record)
        if len(part) >= _MAX_HELD:
            self._put_away(record[0] % _PARTS)

    def add_pair(self, first: int, second: int) -> None:
        """Keep a record of two numbers. A list has a million rows, and a tuple for each identity takes time."""
        part = self._held[first % _PARTS]
        part.append(first)
        part.append(second)
        if len(part) >= _MAX_HELD:
            self._put_away(first % _PARTS)

    def _put_away(self, number: int) -> None:
        with self._path(number).open("ab") as file:
            self._held[number].tofile(file)
        del self._held[number][:]

    def part(self, number: int) -> Iterator[tuple[int, ...]]:
        """The records of a part, in the order in which they came."""
        path = self._path(number)
        if path.exists():
            with path.open("rb") as file:
                while content := file.read(_MAX_READ * 8 * self._width):
                    yield from self._records(array("q", content))
        yield from self._records(self._held[number])

    def _records(self, numbers: "array[int]") -> Iterator[tuple[int, ...]]:
        return zip(*(numbers[at :: self._width] for at in range(self._width)), strict=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:03d}"


def _identities(row: ImportRow) -> Iterator[tuple[int, Meaning, RowError]]:
    yield _serial_identity(row), Meaning.SERIAL_NUMBER, RowError.DUPLICATE_SERIAL_NUMBER
    for mac_address in row.mac_addresses:
        yield _mac_identity(mac_address.value), Meaning.MAC_ADDRESS, RowError.DUPLICATE_MAC_ADDRESS
    if row.terms.key_fingerprint is not None:
        identity = _key_identity(row.terms.key_fingerprint)
        yield identity, Meaning.KEY_FINGERPRINT, RowError.DUPLICATE_PUBLIC_KEY


def _serial_identity(row: ImportRow) -> int:
    return hash(row.serial_number.value)


def _mac_identity(mac_address: str) -> int:
    return ~hash(mac_address)  # a serial number may be spelled like a MAC address


def _key_identity(key_fingerprint: str) -> int:
    return hash(("key", key_fingerprint))  # and like a fingerprint
