"""Writes docs/denial-reasons.md from the reasons: `python -m local.documents.denial_reasons [--check]`."""

from collections.abc import Iterable

import click

from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from local.environments import REPOSITORY

PAGE = REPOSITORY / "docs" / "denial-reasons.md"

_HEAD = """\
# Why a device was let in, turned away, or could not be judged

Every decision has one reason. Devices never see it: they learn that they were denied, and no more. People find it in
the audit trail (`fleetgate device show`, `fleetgate audit list`) and in the hook's log.

This page is made from `src/fleetgate/domain/reasons.py` by `python -m local.documents.denial_reasons`. Change it there.
"""

_PARTS = (
    ("Denials", "The gate judged the request, and the answer is no.", DenialReason),
    ("Allows", "The gate judged the request, and this rule let the device in.", AllowRule),
    (
        "Faults",
        "The gate could not judge the request. The device is denied and the fault alarm goes off. There is a log\n"
        "entry, but no audit record, since the tables may be what failed.",
        FaultReason,
    ),
)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the page is out of date.")
def main(check: bool) -> None:
    """Write docs/denial-reasons.md from the reasons in src/fleetgate/domain/reasons.py."""
    if not check:
        PAGE.write_text(page())
    elif not PAGE.is_file() or PAGE.read_text() != page():
        raise click.ClickException(f"{PAGE.name} is out of date: run `python -m local.documents.denial_reasons`")


def page() -> str:
    """The page, in Markdown: a heading for each code, so that each can be linked to."""
    return "\n".join([_HEAD, *(_part(title, says, reasons) for title, says, reasons in _PARTS)])


def _part(title: str, says: str, reasons: Iterable[DenialReason | AllowRule | FaultReason]) -> str:
    return "\n".join([f"## {title}\n", f"{says}\n", *map(_entry, reasons)])


def _entry(reason: DenialReason | AllowRule | FaultReason) -> str:
    return f"### `{reason.value}`\n\n{reason.meaning}\n\n*What to do:* {reason.remedy}\n"


if __name__ == "__main__":
    main(prog_name="python -m local.documents.denial_reasons")
