"""A command that follows an import: it waits as long as something moves, and says how to go on where nothing does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest
from rich.console import Console

from fleetgate.imports.delivery import Delivery, DroppedFile
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate_cli.commands import imports as commands
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.imports import deliveries
from fleetgate_cli.imports.views import print_import
from fleetgate_cli.run import Run

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
FILE = DroppedFile(bucket="b", key="incoming/acme/x.csv", version_id="1", stored_at=NOON, size_bytes=1)
RUNNING = ImportRecord(delivery=Delivery.of(FILE), started_at=NOON, status=ImportStatus.IMPORTING, total=1000)


def waited(records: Iterator[ImportRecord | None]) -> tuple[ImportRecord | Exception, float]:
    """How waiting ends, and after how many seconds."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    reader = cast(Any, SimpleNamespace(find=lambda _import_id: next(records)))
    try:
        end: ImportRecord | Exception = deliveries.wait(
            RUNNING.import_id, records=reader, watch=lambda _record: None, now=lambda: clock[0], sleep=sleep
        )
    except CouldNotCheck as silent:
        end = silent
    return end, clock[0]


def test_an_import_is_waited_for_as_long_as_rows_go_in() -> None:
    """A row every eight minutes, for five days."""
    rows = (replace(RUNNING, done=looks // 1000) for looks in range(1_000_000))

    def seen() -> Iterator[ImportRecord]:
        yield from rows
        yield replace(RUNNING, status=ImportStatus.FINISHED)

    end, seconds = waited(seen())
    assert isinstance(end, ImportRecord)
    assert end.status is ImportStatus.FINISHED
    assert seconds > timedelta(days=5).total_seconds()


@pytest.mark.parametrize(
    ("record", "said"), [(RUNNING, "has shown no progress for 17 minutes"), (None, "has not begun for 17 minutes")]
)
def test_an_import_where_nothing_moves_is_left_with_what_to_do(record: ImportRecord | None, said: str) -> None:
    end, _ = waited(record for _ in count())

    assert isinstance(end, CouldNotCheck)
    assert said in end.message
    assert f"fleetgate import show {RUNNING.import_id}" in end.message


def test_who_interrupts_is_told_how_to_follow_the_import(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    run.imports = cast(Any, None)
    with mock.patch.object(deliveries, "wait", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        commands._follow(run, RUNNING.import_id)

    assert f"The import goes on. Follow it: fleetgate import show {RUNNING.import_id}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (0, "0 of 1,000 rows are done."),
        (250, "250 of 1,000 rows are done; about 30 min left at this rate."),
        (990, "990 of 1,000 rows are done; less than a minute left at this rate."),
        (1000, "1,000 of 1,000 rows are done."),
    ],
)
def test_an_import_that_runs_is_shown_with_an_estimate(done: int, said: str) -> None:
    assert said in shown(replace(RUNNING, done=done))


def test_no_estimate_is_made_of_the_time_that_an_import_waited_for_approval() -> None:
    assert "left" not in shown(replace(RUNNING, done=250, approved_by="bob"))


def shown(record: ImportRecord) -> str:
    stream = StringIO()
    print_import(record, Console(file=stream, width=200), now=NOON + timedelta(minutes=10))
    return stream.getvalue()
