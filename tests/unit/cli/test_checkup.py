"""How `fleetgate doctor` ends."""

import pytest

from fleetgate_cli.checkup.line import Line, State, exit_code_of
from fleetgate_cli.errors import ExitCode

OK, NOTE, WRONG, UNCHECKED = (Line(check="a", state=state, code="b", sentence="c.") for state in State)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], ExitCode.DONE),
        ([OK, NOTE], ExitCode.DONE),
        ([OK, UNCHECKED], ExitCode.COULD_NOT_CHECK),
        ([OK, WRONG], ExitCode.REFUSED),
        ([UNCHECKED, WRONG, NOTE], ExitCode.REFUSED),
    ],
)
def test_what_is_wrong_counts_for_more_than_what_could_not_be_checked(lines: list[Line], code: ExitCode) -> None:
    assert exit_code_of(lines) is code
