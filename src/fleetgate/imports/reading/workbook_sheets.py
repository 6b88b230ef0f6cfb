"""Reads the sheets of an Excel workbook as streams, with flat memory.

A library for workbooks would hold all texts of a workbook in memory, and would not tell merged and hidden cells while
it reads a long sheet.
"""

import os
import posixpath
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.workbook_cells import StoredCell
from fleetgate.imports.reading.workbook_formats import BUILT_IN, GENERAL
from fleetgate.imports.reading.workbook_parts import DamagedWorkbook, Parts, StartElement, TooLargeWorkbook, parse

# What a sheet of 1,048,576 rows and a dozen columns unpacks to.
_MAX_SHEET_BYTES = 1024**3
# The texts of such a sheet; they lie in a file meanwhile.
_MAX_TEXTS_BYTES = 512 * 1024**2
_MAX_SMALL_BYTES = 32 * 1024**2
_MAX_SHEETS = 500
_MAX_FORMATS = 70_000
_MAX_TEXTS = 20_000_000
# Microsoft, "Excel specifications and limits".
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
_MAX_TEXT = 32_767
# More than a list has, and less than what takes minutes.
_MAX_CELLS = 20_000_000
_MAX_CELLS_OF_A_ROW = 1_000
_MAX_MERGED_RANGES = 100_000

# In points for rows, in characters for columns; a usual row has 15.
_MIN_SIZE = 0.5

_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_TRUE = frozenset({"1", "true", "on"})


class Range(NamedTuple):
    """A range of cells: its first and last row and column, which belong to it. The first of each is 1."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{column_name(self.left)}{self.top}:{column_name(self.right)}{self.bottom}"


class SheetRow(NamedTuple):
    """A row that a sheet stores, with the cells that it stores."""

    number: int
    is_hidden: bool
    cells: Sequence[StoredCell]


@dataclass(slots=True)
class Layout:
    """How a sheet is shown; complete when its first row is read.

    Attributes:
        hidden_columns: The first and the last of each run.
        shows_zeros: Whether a zero is shown.
    """

    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    shows_zeros: bool = True
    hides_rows: bool = False


@dataclass(frozen=True, slots=True)
class SheetName:
    """A sheet, by its title."""

    title: str
    part: str
    is_visible: bool


class WorkbookReader:
    """Reads one workbook. Every method may raise DamagedWorkbook and TooLargeWorkbook.

    Args:
        scratch: Takes the texts of the workbook; empty, and open for reading and writing.
    """

    def __init__(self, parts: Parts, scratch: BinaryIO) -> None:
        self._parts = parts
        main = next(iter(self._related("_rels/.rels", "/officeDocument").values()), "xl/workbook.xml")
        folder, name = posixpath.split(main)
        self._relations = f"{folder}/_rels/{name}.rels"
        self.is_1904 = False
        self.sheets = self._sheets(main)
        self._texts = _Texts(parts, self._part_of("/sharedStrings") or "xl/sharedStrings.xml", scratch)
        self._formats = self._styles(self._part_of("/styles") or "xl/styles.xml")

    def rows(self, sheet: SheetName, layout: Layout) -> Iterator[SheetRow]:
        """The rows of a sheet in order.

        Args:
            layout: Filled in from what stands before the rows.
        """
        reader = _RowReader(layout, self._texts, self._formats)
        chunks = self._parts.chunks(sheet.part, max_bytes=_MAX_SHEET_BYTES)
        for _ in parse(chunks, start=reader.start, end=reader.end, text=reader.text):
            yield from reader.taken()
            if reader.is_done:
                return

    def merged_ranges(self, sheet: SheetName) -> list[Range]:
        """The merged ranges of a sheet, by their first row."""
        chunks = self._parts.chunks(sheet.part, max_bytes=_MAX_SHEET_BYTES)
        if not _mentions(chunks, b"mergeCell"):
            return []
        found: list[Range] = []

        def start(name: str, attributes: Mapping[str, str]) -> None:
            if name == "mergeCell":
                found.append(_range(attributes.get("ref", "")))
                if len(found) > _MAX_MERGED_RANGES:
                    raise UnreadableFile(FileError.WORKBOOK_MERGED_CELLS, f"It has more than {_MAX_MERGED_RANGES:,}.")

        chunks = self._parts.chunks(sheet.part, max_bytes=_MAX_SHEET_BYTES)
        for _ in parse(chunks, start=start, end=_ignored, text=_ignored):
            pass
        return sorted(found)

    def _sheets(self, part: str) -> list[SheetName]:
        related = self._related(self._relations, "/worksheet")
        found: list[SheetName] = []

        def start(name: str, attributes: Mapping[str, str]) -> None:
            if name == "workbookPr":
                self.is_1904 = attributes.get("date1904") in _TRUE
            elif name == "sheet" and len(found) < _MAX_SHEETS:
                reference = next((said for key, said in attributes.items() if key.endswith(":id")), "")
                if reference in related:  # others are charts and macros
                    is_visible = attributes.get("state", "visible") == "visible"
                    found.append(SheetName(attributes.get("name", "")[:100], related[reference], is_visible))

        self._small(part, start)
        return found

    def _styles(self, part: str) -> Sequence[str]:
        """The number format of each style."""
        if part not in self._parts:
            return ()
        own: dict[str, str] = {}
        formats: list[str] = []
        inside: list[str] = []

        def start(name: str, attributes: Mapping[str, str]) -> None:
            inside.append(name)
            if len(own) + len(formats) > _MAX_FORMATS:
                raise TooLargeWorkbook
            if name == "numFmt" and inside[-2:-1] == ["numFmts"]:
                own[attributes.get("numFmtId", "")] = attributes.get("formatCode", GENERAL)
            elif name == "xf" and inside[-2:-1] == ["cellXfs"]:
                number = attributes.get("numFmtId", "0")
                built_in = BUILT_IN.get(int(number), GENERAL) if number.isdecimal() and len(number) < 10 else GENERAL
                formats.append(own.get(number, built_in))

        def end(_name: str) -> None:
            inside.pop()

        for _ in parse(self._parts.chunks(part, max_bytes=_MAX_SMALL_BYTES), start=start, end=end, text=_ignored):
            pass
        return formats

    def _part_of(self, kind: str) -> str | None:
        return next(iter(self._related(self._relations, kind).values()), None)

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """The parts of one kind that a part is related to, by the reference."""
        found: dict[str, str] = {}
        folder = posixpath.dirname(posixpath.dirname(part))

        def start(name: str, attributes: Mapping[str, str]) -> None:
            # The kind is a URI, of which there are two: of the transitional and of the strict form.
            if name == "Relationship" and attributes.get("Type", "").endswith(kind) and len(found) < _MAX_SHEETS:
                target = attributes.get("Target", "")
                found[attributes.get("Id", "")] = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")

        if part in self._parts:
            self._small(part, start)
        return found

    def _small(self, part: str, start: StartElement) -> None:
        for _ in parse(self._parts.chunks(part, max_bytes=_MAX_SMALL_BYTES), start=start, end=_ignored, text=_ignored):
            pass


class _Texts:
    """The table of texts of a workbook, in a file."""

    def __init__(self, parts: Parts, part: str, scratch: BinaryIO) -> None:
        self._file = scratch
        self._ends = array("Q")
        self._pieces: list[str] = []
        self._length = self._written = 0
        self._is_text = False
        self._phonetic = 0
        if part in parts:
            chunks = parts.chunks(part, max_bytes=_MAX_TEXTS_BYTES)
            for _ in parse(chunks, start=self._start, end=self._end, text=self._text):
                pass
        scratch.flush()

    def __getitem__(self, position: int) -> str:
        if not 0 <= position < len(self._ends):
            raise DamagedWorkbook(f"there is no text {position}")
        start = self._ends[position - 1] if position else 0
        return os.pread(self._file.fileno(), self._ends[position] - start, start).decode()

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._is_text = name == "t" and not self._phonetic
        if name == "rPh":  # how a Japanese text is spoken
            self._phonetic += 1
        elif name == "si":
            self._pieces, self._length = [], 0

    def _end(self, name: str) -> None:
        self._is_text = False
        if name == "rPh":
            self._phonetic -= 1
        elif name == "si":
            if len(self._ends) >= _MAX_TEXTS:
                raise TooLargeWorkbook
            self._written += self._file.write("".join(self._pieces).encode())
            self._ends.append(self._written)

    def _text(self, text: str) -> None:
        if self._is_text:
            self._length += len(text)
            if self._length > _MAX_TEXT:
                raise DamagedWorkbook("a text is longer than Excel's longest")
            self._pieces.append(text)


class _RowReader:
    """Makes rows of the elements of a sheet."""

    def __init__(self, layout: Layout, texts: _Texts, formats: Sequence[str]) -> None:
        self.is_done = False
        self._layout, self._texts, self._formats = layout, texts, formats
        self._rows: list[SheetRow] = []
        self._is_in_data = False
        self._row = 0
        self._is_hidden = False
        self._cells: list[StoredCell] = []
        self._count = 0
        self._column = 0
        self._kind = self._style = ""
        self._has_formula = self._is_text = self._has_value = False
        self._phonetic = 0
        self._pieces: list[str] = []
        self._length = 0

    def taken(self) -> list[SheetRow]:
        """The rows that are complete since the last call."""
        taken, self._rows = self._rows, []
        return taken

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._is_in_data:
            self._start_outside(name, attributes)
        elif name == "c":
            self._start_cell(attributes)
        elif name == "v" or (name == "t" and not self._phonetic):
            self._is_text = self._has_value = True
        elif name == "row":
            self._start_row(attributes)
        elif name == "f":
            self._has_formula = True
        elif name == "rPh":
            self._phonetic += 1

    def end(self, name: str) -> None:
        self._is_text = False
        if not self._is_in_data:
            return
        if name == "c":
            self._end_cell()
        elif name == "row":
            self._rows.append(SheetRow(self._row, self._is_hidden, self._cells))
            self._cells = []
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "sheetData":
            self._is_in_data, self.is_done = False, True

    def text(self, text: str) -> None:
        if self._is_text:
            self._length += len(text)
            if self._length > _MAX_TEXT:
                raise DamagedWorkbook("a cell is longer than Excel's longest")
            self._pieces.append(text)

    def _start_outside(self, name: str, attributes: Mapping[str, str]) -> None:
        layout = self._layout
        match name:
            case "sheetData":
                self._is_in_data = True
            case "sheetView" if attributes.get("showZeros", "1") not in _TRUE:
                layout.shows_zeros = False
            case "sheetFormatPr":
                layout.hides_rows = attributes.get("zeroHeight") in _TRUE or _is_flat(
                    attributes.get("defaultRowHeight")
                )
                if _is_flat(attributes.get("defaultColWidth")):
                    layout.hidden_columns.append((1, MAX_COLUMNS))
            case "col":
                if attributes.get("hidden") in _TRUE or _is_flat(attributes.get("width")):
                    first, last = _whole(attributes.get("min"), 1), _whole(attributes.get("max"), MAX_COLUMNS)
                    if len(layout.hidden_columns) > MAX_COLUMNS:
                        raise TooLargeWorkbook
                    layout.hidden_columns.append((first, last))

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        number = _whole(attributes.get("r"), self._row + 1)
        if not self._row < number <= MAX_ROWS:
            raise DamagedWorkbook(f"row {number} follows row {self._row}")
        self._row, self._column = number, 0
        hidden = attributes.get("hidden")
        self._is_hidden = hidden in _TRUE or _is_flat(attributes.get("ht"))
        if self._layout.hides_rows and hidden is None and attributes.get("ht") is None:
            self._is_hidden = True

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        place = attributes.get("r")
        column = self._column + 1 if place is None else _column_of(place)
        if not self._column < column <= MAX_COLUMNS:
            raise DamagedWorkbook(f"column {column} follows column {self._column}")
        self._count += 1
        if self._count > _MAX_CELLS:
            raise TooLargeWorkbook
        self._column = column
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._has_formula = self._has_value = False
        self._pieces.clear()
        self._length = 0

    def _end_cell(self) -> None:
        value = "".join(self._pieces)
        kind = self._kind
        if kind == "s" and self._has_value:
            if not value.strip().isdecimal():
                raise DamagedWorkbook("a cell names no text")
            value = self._texts[int(value)]
        elif kind in {"str", "inlineStr"}:
            kind = "s"
        elif not value.strip() and self._has_formula:
            kind = "f"
        if value or kind == "f":
            if len(self._cells) >= _MAX_CELLS_OF_A_ROW:
                raise TooLargeWorkbook
            self._cells.append(StoredCell(self._column, kind, value, self._format()))

    def _format(self) -> str:
        style = self._style
        if style == "0" and not self._formats:
            return GENERAL
        if not style.isdecimal() or not int(style[:9]) < len(self._formats):
            raise DamagedWorkbook("a cell has no format")
        return self._formats[int(style[:9])]


def column_name(column: int) -> str:
    """The letters by which Excel names a column."""
    name = ""
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _column_of(place: str) -> int:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise DamagedWorkbook(f"{place[:20]!r} names no cell")
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _range(text: str) -> Range:
    first, _, last = text.partition(":")
    last = last or first
    places = [_PLACE.fullmatch(place) for place in (first, last)]
    if None in places:
        raise DamagedWorkbook(f"{text[:20]!r} names no range")
    (top, bottom) = (int(place[2]) for place in places if place)
    found = Range(top, _column_of(first), bottom, _column_of(last))
    if not (1 <= top <= bottom <= MAX_ROWS and found.left <= found.right <= MAX_COLUMNS):
        raise DamagedWorkbook(f"{text[:20]!r} names no range")
    return found


def _is_flat(size: str | None) -> bool:
    """Whether a row or a column is too small for anybody to see what it holds."""
    try:
        return size is not None and float(size) < _MIN_SIZE
    except ValueError:
        return False


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise DamagedWorkbook(f"{text[:20]!r} is no number of a row or a column")
    return int(text)


def _mentions(chunks: Iterator[bytes], name: bytes) -> bool:
    """Whether a name stands in a part. In an encoding other than UTF-8 it may."""
    before = b""
    for chunk in chunks:
        window = before + chunk
        if name in window or (not before and b"\0" in chunk[:64]):
            return True
        before = chunk[-len(name) :]
    return False


def _ignored(*_: object) -> None:
    pass
