"""Parameter types: what a person types becomes a value of the domain."""

from datetime import UTC, date, datetime

import click
import pytest

from fleetgate_cli import parameters


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
    ],
)
def test_a_time_is_aware_utc(text: str, moment: datetime) -> None:
    read = parameters.INSTANT.convert(text, None, None)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-31T08:00:00", "20260131T08", "2026-01-31 08:00", "yesterday", ""])
def test_a_time_without_its_zone_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parameters.INSTANT.convert(text, None, None)


def test_a_day_is_a_date() -> None:
    assert parameters.DAY.convert("2026-01-31", None, None) == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-01-31T23", datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (
            "2026-01-31T08:15:00+02:00",
            datetime(2026, 1, 31, 6, 15, tzinfo=UTC),
            datetime(2026, 1, 31, 6, 15, tzinfo=UTC),
        ),
    ],
)
def test_a_day_and_an_hour_last_and_a_moment_does_not(text: str, start: datetime, end: datetime) -> None:
    assert parameters.TIME.convert(text, None, None) == (start, end)


@pytest.mark.parametrize("text", ["2026-01-31T08:15:00", "2026-01-31T24", "yesterday", ""])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parameters.TIME.convert(text, None, None)


def test_an_attribute_keeps_what_follows_the_first_equals_sign() -> None:
    assert parameters.ATTRIBUTE.convert("Site=a=b", None, None) == ("Site", "a=b")


def test_a_certificate_id_is_in_lower_case() -> None:
    assert parameters.CERTIFICATE_ID.convert("C1A1" * 16, None, None) == "c1a1" * 16


@pytest.mark.parametrize("text", ["", " acme", "acme ", "a\nb", "*", "a" * 129])
def test_a_manufacturer_has_a_name(text: str) -> None:
    for parameter in (parameters.MANUFACTURER, parameters.MANUFACTURER_ON_RECORD):
        with pytest.raises(click.BadParameter):
            parameter.convert(text, None, None)


def test_what_is_on_record_of_earlier_manufacturers_can_be_stopped_and_found() -> None:
    assert parameters.MANUFACTURER_ON_RECORD.convert("Müller & Söhne", None, None) == "Müller & Söhne"
    with pytest.raises(click.BadParameter, match="1 to 63 characters"):
        parameters.MANUFACTURER.convert("Müller & Söhne", None, None)


def test_a_heading_is_mapped_to_a_column_or_to_nothing() -> None:
    assert parameters.COLUMN_MAPPING.convert("MAC=Adresse = MAC Address", None, None) == ("MAC=Adresse", "MAC Address")
    assert parameters.COLUMN_MAPPING.convert("Farbe=", None, None) == ("Farbe", "")
    with pytest.raises(click.BadParameter):
        parameters.COLUMN_MAPPING.convert("=MAC Address", None, None)


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[2J", "a" * 501])
def test_a_reason_is_a_printable_line(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parameters.REASON.convert(text, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::123456789012:root",
        "https://cognito-idp.eu-central-1.amazonaws.com/pool#bob",
        "AWS:AROAJQABLZS4A3QDU576Q:alice",
        "AIDAJQABLZS4A3QDU576Q",
        "fleetgate-watcher",
    ],
)
def test_an_actor_is_named_as_the_records_name_them(text: str) -> None:
    assert parameters.ACTOR.convert(text, None, None) == text


@pytest.mark.parametrize("text", ["root", "assumed-role/Operators/alice", "bob", "", "#\n"])
def test_the_end_of_an_actors_name_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parameters.ACTOR.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "heading", "column"),
    [
        ("MAC-Adresse=mac address", "MAC-Adresse", "MAC Address"),
        ("Remark=", "Remark", ""),
        ("a=b=serial no", "a=b", "Serial Number"),
    ],
)
def test_a_column_mapping_says_what_a_heading_means(text: str, heading: str, column: str) -> None:
    assert parameters.COLUMN_MAPPING.convert(text, None, None) == (heading, column)


@pytest.mark.parametrize("text", ["Remark", "=Model", "Remark=Colour", "Remark=rejected line"])
def test_a_column_mapping_that_maps_nothing_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="HEADING=COLUMN"):
        parameters.COLUMN_MAPPING.convert(text, None, None)
