"""Unpacks and decodes a factory's file, and gives its text in blocks of whole lines."""

import codecs
import contextlib
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, cast

from fleetgate.imports.reading.columns import recognised
from fleetgate.imports.reading.errors import FileError, UnreadableFile

# Bytes that tell the encoding.
_SAMPLE = 65_536
# Bytes of one read. Larger blocks are slower: their objects live long enough for the garbage collector.
_CHUNK = 16_384
# Characters of a line. With a sample added it stays below csv's own limit of 131 072 for a field, and as JSON, of six
# bytes a character at worst, it fits a batch of the state machine.
MAX_CHARACTERS = 16_384

_GZIP = b"\x1f\x8b"
_UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Escapes of bytes that are no text, or what Shift_JIS has for them.
_DAMAGE = re.compile("[\udc80-\udcff\ufffd\uf8f0-\uf8f3]")
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_ENDS = re.compile(rb"[\r\n]+")

# Encodings that share ASCII with UTF-8, and that known headings tell apart.
_ENCODINGS = ("gb18030", "big5hkscs", "cp932", "cp949", "cp1252", "mac_roman", "cp850")
# Where headings are looked for.
_HEADING_BYTES, _HEADING_LINES = 8_192, 20
_BETWEEN_HEADINGS = re.compile(r'[,;|\t:{}"]')
NUL = "\0"
# Control characters that no text has. A file with a NUL is text that was damaged, unless it has many of them.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_MAX_NO_TEXT_SHARE = 0.05
# What DOS writes at the end of a file, and what may stand after it.
_END_MARK = "\x1a"
_AT_THE_END = "\x1a\r\n"


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What a file may hold when it is unpacked; None is no limit."""

    max_bytes: int | None = None
    max_lines: int | None = None


NO_LIMITS = ReadingLimits()


@dataclass(slots=True)
class LineCounts:
    """The physical lines of a file, counted as it is read. The others add up to the total.

    Attributes:
        total: Counted by line ends alone.
        heading: Lines of the heading, with a line that underlines it.
        rows: First lines of rows, sound or rejected.
        continuation: Further lines of rows, inside quoted cells.
        blank: Lines with nothing but space and separators.
        separator: Excel's own first line, `sep=;`.
    """

    total: int = 0
    heading: int = 0
    rows: int = 0
    continuation: int = 0
    blank: int = 0
    separator: int = 0


@dataclass(frozen=True, slots=True)
class FileText:
    """A file's text.

    Attributes:
        encoding: Of the whole file, as Python names it. The start of the file tells it: a byte order mark; UTF-16 if
            every other byte is zero; the encoding in which most headings are known; else UTF-8, or Windows-1252.
        is_guess: Whether nothing tells the encoding, so that text beyond ASCII may be wrong.
        blocks: Each ends where a line ends. Line ends are as delivered. A line of more than `MAX_CHARACTERS` may be
            cut there. Bytes that cannot be decoded are never guessed; `is_damaged` finds them.
    """

    encoding: str
    is_gzip: bool
    blocks: Iterator[str]
    is_guess: bool = False


def is_damaged(text: str) -> bool:
    """Whether the text has a place that could not be decoded, or a NUL."""
    return NUL in text or (not text.isascii() and _DAMAGE.search(text) is not None)


def open_text(stream: BinaryIO, *, limits: ReadingLimits, lines: LineCounts) -> FileText:
    """Recognise how a file is packed and encoded.

    Args:
        stream: Read once, forward only.
        lines: Gets the total as the blocks are read.

    Raises:
        UnreadableFile: The file is empty or not text; or, which shows while the blocks are read, its gzip is damaged or
            it holds more than it may.
    """
    start = _Rejoined(b"", stream).read(len(_GZIP))
    is_gzip = start == _GZIP
    source = _Rejoined(start, stream)
    unpacked = _unpacked(source) if is_gzip else iter(lambda: source.read(_CHUNK), b"")
    chunks = _within(unpacked, limits.max_bytes)
    sample = b"".join(islice(chunks, _SAMPLE // _CHUNK))
    if not sample:
        raise UnreadableFile(FileError.EMPTY)
    if is_gzip and sample.startswith(_GZIP):
        raise UnreadableFile(FileError.PACKED_TWICE)
    encoding, mark, is_guess = _encoding(sample, is_whole=len(sample) < _SAMPLE)
    texts = _without_end_mark(_decoded(sample[mark:], chunks, encoding))
    return FileText(encoding, is_gzip, _counted(_blocks(texts), lines, limits.max_lines), is_guess)


def _within(chunks: Iterator[bytes], max_bytes: int | None) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if max_bytes is not None and size > max_bytes:
            raise UnreadableFile(FileError.TOO_MANY_BYTES, f"The limit is {max_bytes:,} bytes.")
        yield chunk


def _counted(blocks: Iterator[str], lines: LineCounts, max_lines: int | None) -> Iterator[str]:
    for block in blocks:
        lines.total += block.count("\n") + block.count("\r") - block.count("\r\n") + (block[-1] not in "\r\n")
        if max_lines is not None and lines.total > max_lines:
            raise UnreadableFile(FileError.TOO_MANY_LINES, f"The limit is {max_lines:,} lines, blank ones too.")
        yield block


class _Rejoined:
    """A stream with the bytes that were read from its start put back; a read is short at its end only."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start, self._stream = start, stream

    def read(self, size: int = _CHUNK) -> bytes:
        parts = [self._start[:size]]
        self._start = self._start[size:]
        missing = size - len(parts[0])
        while missing > 0 and (part := self._stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _unpacked(source: _Rejoined) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=cast(BinaryIO, source), mode="rb") as unpacked:  # it only calls read
            buffered = _Rejoined(b"", cast(BinaryIO, unpacked))
            while chunk := buffered.read(_CHUNK):
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFile(FileError.GZIP_DAMAGED) from error


def _encoding(sample: bytes, *, is_whole: bool) -> tuple[str, int, bool]:
    """The encoding, the length of the byte order mark, and whether the encoding is a guess."""
    if sample.startswith(_UTF_32):
        raise UnreadableFile(FileError.NOT_TEXT, "It starts as UTF-32 does.")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding, len(mark), False
    if utf_16 := _utf_16(sample):
        return utf_16, 0, False
    if _is_no_text(sample):
        raise UnreadableFile(FileError.NOT_TEXT)
    if sample.isascii():
        return "utf-8", 0, False
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(sample, final=is_whole)
    damaged = len(_DAMAGE.findall(text))
    decoded = sum(not character.isascii() for character in text) - damaged
    # Text in Windows-1252 has next to no byte sequence that is UTF-8; UTF-8 with a damaged place has many.
    fallback = "utf-8" if decoded >= damaged else "cp1252"
    lines = _LINE_ENDS.split(sample[:_HEADING_BYTES], _HEADING_LINES)[:_HEADING_LINES]
    said = {encoding: _headings_said(lines, encoding) for encoding in (fallback, *_ENCODINGS)}
    best = max(said, key=lambda encoding: said[encoding])
    return best, 0, best != "utf-8" and not said[best]


def _utf_16(sample: bytes) -> str | None:
    """The kind of UTF-16 without a byte order mark; None if the text is something else."""
    even, odd = sample[0:256:2], sample[1:256:2]
    if odd and odd.count(0) * 10 >= len(odd) * 9 and 0 not in even:
        return "utf-16-le"
    if odd and even.count(0) * 10 >= len(even) * 9 and 0 not in odd:
        return "utf-16-be"
    if b"\0" not in sample:
        return None
    # Headings in Chinese, Japanese or Korean have few zero bytes.
    said = {
        encoding: sum(map(_known_in, sample[:_HEADING_BYTES].decode(encoding, "replace").splitlines()[:_HEADING_LINES]))
        for encoding in ("utf-16-le", "utf-16-be")
    }
    best = max(said, key=lambda encoding: said[encoding])
    return best if said[best] else None


def _headings_said(lines: Sequence[bytes], encoding: str) -> int:
    """How many headings beyond ASCII are known if the lines have this encoding, in the line that has most of them."""
    most = 0
    for line in lines:
        if not line.isascii():
            with contextlib.suppress(UnicodeDecodeError):
                most = max(most, _known_in(line.decode(encoding), is_ascii=False))
    return most


def _known_in(line: str, *, is_ascii: bool | None = None) -> int:
    headings = _BETWEEN_HEADINGS.split(line[:_HEADING_BYTES])
    return recognised([one for one in headings if one.strip() and is_ascii in (None, one.isascii())])


def _is_no_text(sample: bytes) -> bool:
    return b"\0" in sample and len(_NO_TEXT.findall(sample)) > len(sample) * _MAX_NO_TEXT_SHARE


def _decoded(sample: bytes, chunks: Iterator[bytes], encoding: str) -> Iterator[str]:
    # UTF-16 has no surrogate escapes.
    errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
    # Keeps a CR back until it is known whether LF follows.
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate=False)
    first = (sample[place : place + _CHUNK] for place in range(0, len(sample), _CHUNK))
    for chunk in chain(first, chunks):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _without_end_mark(texts: Iterator[str]) -> Iterator[str]:
    """The text without the mark of DOS at its very end."""
    kept = ""
    for text in texts:
        whole = kept + text
        mark = whole.find(_END_MARK, len(whole.rstrip(_AT_THE_END)))
        if mark < 0 or len(kept) > _CHUNK:
            yield whole
            kept = ""
        else:
            yield whole[:mark]
            kept = whole[mark:]


def _blocks(texts: Iterator[str]) -> Iterator[str]:
    rest, is_cut = "", False
    for text in texts:
        if is_cut:
            line_end = _LINE_END.search(text)
            if line_end is None:
                continue
            block, is_cut = rest + text[line_end.start() :], False
        else:
            block = rest + text
        end = max(block.rfind("\n"), block.rfind("\r")) + 1
        rest = block[end:]
        if len(rest) > MAX_CHARACTERS:
            rest, is_cut = rest[: MAX_CHARACTERS + 1], True
        if end:
            yield block[:end]
    if rest:
        yield rest
