"""What `fleetgate audit verify` tells people: what was verified, and nothing else, is sound."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from fleetgate.archive.digest import HOUR
from fleetgate.archive.verify import Verification
from fleetgate_cli.audit.archive import print_verification, why_nothing_was_verified

BEGINNING = datetime(2026, 1, 31, 8, tzinfo=UTC)
A_DAY_BEFORE = BEGINNING - timedelta(days=1)


def verification(**changes: Any) -> Verification:
    """One of a day and two hours, as a fresh stack has it: the archive began an hour ago."""
    return Verification(**{"start": A_DAY_BEFORE + HOUR, "end": BEGINNING + 2 * HOUR, "beginning": BEGINNING} | changes)


def test_hours_that_were_not_verified_are_not_called_sound(capsys: pytest.CaptureFixture[str]) -> None:
    done = verification(
        verified_from=BEGINNING, verified_to=BEGINNING + HOUR, hours=1, open_hours=1, earlier_hours=23, objects=1
    )
    print_verification(done, 0.5, Console(soft_wrap=True, width=200))

    assert capsys.readouterr().out.splitlines() == [
        "The archive is sound: 1 hour from 2026-01-31T08:00:00Z to 2026-01-31T09:00:00Z, 0 records.",
        "Not verified: 1 hour that is not sealed yet; 23 hours before the archive begins.",
        "  1 object, 0 records in the audit table",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"end": BEGINNING, "earlier_hours": 23}, "the archive begins at 2026-01-31T08:00:00Z, after the time"),
        (
            {"start": BEGINNING, "open_hours": 2},
            "no hour of that time is sealed yet: an hour is sealed some minutes after",
        ),
        ({"beginning": None, "earlier_hours": 25}, "nothing is sealed yet: an hour is sealed some minutes after"),
    ],
)
def test_why_nothing_was_verified_is_told_by_when_the_archive_began(changes: dict[str, Any], said: str) -> None:
    assert why_nothing_was_verified(verification(**changes)).startswith(said)
