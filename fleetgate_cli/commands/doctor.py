"""`fleetgate doctor`: is the gate shut, and does everything around it work?"""

from typing import TYPE_CHECKING

import click

from fleetgate_cli.options import with_run
from fleetgate_cli.run import Run

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@with_run
def doctor(run: Run) -> None:
    """Check that the gate is shut, and that what is around it works.

    Shows what the reconciler checks (template, hook, role, permission, claim policy, claim certificates, registry
    events), and the switch, blocked claim certificates, the last sealed hour, dead letters, alarms, Lambda concurrency
    and the quota of RegisterThing. It changes nothing. Exits with 1 when something is wrong, with 3 when nothing is
    wrong but something could not be checked.

    \b
    Example:
      fleetgate doctor --json
    """
    from fleetgate_cli.checkup.checks import check_up
    from fleetgate_cli.checkup.line import exit_code_of
    from fleetgate_cli.checkup.view import checkup_document, print_checkup

    run.target.output("StackName")  # that there is no such stack is no finding
    with run.progress("Checking the stack"):
        lines = check_up(run)

    def render(console: "Console") -> None:
        print_checkup(lines, console)

    run.emit(checkup_document(lines), render)
    click.get_current_context().exit(exit_code_of(lines))
