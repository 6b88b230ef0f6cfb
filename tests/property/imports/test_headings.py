"""Headings: a known one is known however it is written, and what restricts is never left out in silence."""

from hypothesis import assume, given
from hypothesis import strategies as st

from fleetgate.imports.reading import heading_words as words
from fleetgate.imports.reading.columns import Meaning, columns_of
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.headings import name_of
from tests.property.gate.strategies import spelled, unicast_octets
from tests.unit.imports.factory_files import judged, refusal

_HEADINGS = [(heading, name) for name, table in words.HEADINGS.items() for heading in words.headings_of(table)]
_RESTRICTING = [(heading, name) for heading, name in _HEADINGS if name in words.HINTS]
_ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5hkscs", "cp932", "cp949"]


def _written(heading: str, encoding: str) -> bytes | None:
    try:
        return heading.encode(encoding)
    except UnicodeEncodeError:
        return None


@given(
    known=st.sampled_from([one for one in _HEADINGS if one[1] != "Serial Number"]),
    encoding=st.sampled_from([*_ENCODINGS, "cp1252", "mac_roman", "cp850"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_a_known_heading_is_known_in_every_encoding_that_has_it(
    known: tuple[str, str], encoding: str, delimiter: str
) -> None:
    heading, _ = known
    content = _written(f"SN{delimiter}{heading}\r\nA-1{delimiter}\r\nA-2{delimiter}\r\n", encoding)
    assume(content is not None)
    read = judged(content or b"")
    assert read.file.header == ("SN", heading)
    assert read.serial_numbers == ["A-1", "A-2"]
    assert not read.file.unknown_columns


_NOISE = st.text(" ()[]{}*:.-_/#<>\u3000\uff08\uff09\u3010\u3011\u200b\n\"'", max_size=4)
_MARK = st.sampled_from(["", "", *words.MARKS.split(), "old", "PCB", "CET", "neu", "备注", "x"])


@given(
    known=st.sampled_from(_RESTRICTING),
    before=_NOISE,
    behind=_NOISE,
    mark=_MARK,
    end=_NOISE,
    change=st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_a_restricting_heading_is_never_left_out_in_silence(
    known: tuple[str, str], before: str, behind: str, mark: str, end: str, change: type[str]
) -> None:
    heading = f"{before}{change(known[0])} {behind}{mark}{end}"
    try:
        column = columns_of(["Device Serial Number", heading, "Model"])[1]
    except UnreadableFile:
        return
    assert column.meaning not in {Meaning.UNKNOWN, Meaning.LEFT_OUT, Meaning.ATTRIBUTE}
    assert name_of(heading) == known[1]


def _restricting_cells() -> st.SearchStrategy[str]:
    operations = st.sampled_from(words.OPERATION_CELLS.split()).flatmap(
        lambda word: st.sampled_from([word, word.upper(), word.title(), f" {word} "])
    )
    dates = st.dates().map(lambda day: day.replace(year=2000 + day.year % 100))
    formats = st.sampled_from(
        ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%d %B %Y", "%Y年%m月%d日"]
    )
    written = st.builds(lambda day, form: day.strftime(form), dates, formats)
    times = st.builds(lambda day, time: f"{day:%Y-%m-%d}T{time:%H:%M:%S}Z", dates, st.times())
    macs = unicast_octets().flatmap(spelled).filter(lambda text: any(mark in text for mark in ":-."))
    return operations | written | times | macs


@given(
    heading=st.sampled_from(["Remark", "Status", "", "Stav", "Info 2", "备注"]),
    cell=_restricting_cells(),
    before=st.lists(st.text("abcäß \"';", max_size=9), max_size=3),
    after=st.lists(st.just(""), max_size=3),
    as_json=st.booleans(),
)
def test_a_file_with_a_restricting_cell_under_an_unknown_heading_is_refused(
    heading: str, cell: str, before: list[str], after: list[str], *, as_json: bool
) -> None:
    assume(not (cell.isdigit() and any(one.strip() for one in before)))
    cells = [*before, cell, *after]
    if as_json:
        lines = [f'{{"sn": "A-{at}", "{heading}": {_quoted(one)}}}' for at, one in enumerate(cells)]
    else:
        lines = [
            f"SN,{heading},Model",
            *(f'A-{at},"{one.replace(chr(34), chr(34) * 2)}",' for at, one in enumerate(cells)),
        ]
    assert refusal("\n".join(lines))[0] is FileError.COLUMN_UNKNOWN


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
