"""Reading options travel as S3 metadata, and hostile metadata are no options."""

import json
from urllib.parse import quote

import pytest

from fleetgate.imports.options import HiddenCells, InvalidOptions, ReadingOptions

_ALL = ReadingOptions(sheet="Linie 4, März", hidden=HiddenCells.LEAVE_OUT, columns={"MAC-Adresse": "MAC Address"})


@pytest.mark.parametrize("options", [ReadingOptions(), _ALL, ReadingOptions(columns={"备注": ""})])
def test_options_come_back_as_they_were_sent(options: ReadingOptions) -> None:
    text = options.metadata()
    assert text is None or text.isascii()
    assert ReadingOptions.of_metadata(text) == options


def _document(**changes: object) -> str:
    return quote(json.dumps({"sheet": None, "hidden": "refuse", "columns": {}} | changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"colums": {}}',
        "[]",
        "%ff",
        "[" * 3000,
        _document(hidden="show"),
        _document(columns=["ab"]),
        _document(columns={"MAC": None}),
        _document(columns="MAC"),
        _document(sheet=4),
    ],
)
def test_metadata_that_are_no_options_are_an_error(text: str) -> None:
    with pytest.raises(InvalidOptions):
        ReadingOptions.of_metadata(text)


def test_options_that_s3_would_not_take_are_an_error() -> None:
    with pytest.raises(InvalidOptions, match="longer than S3 takes"):
        ReadingOptions(columns={"備考" * 200: ""}).metadata()
