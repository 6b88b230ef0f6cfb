"""`fleetgate`: the operators' command."""

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from fleetgate_cli.commands.allow_list import allow_list
from fleetgate_cli.commands.audit import audit
from fleetgate_cli.commands.claim import claim
from fleetgate_cli.commands.device import device
from fleetgate_cli.commands.doctor import doctor
from fleetgate_cli.commands.gate import gate
from fleetgate_cli.commands.hook import hook
from fleetgate_cli.commands.imports import imports
from fleetgate_cli.commands.manufacturer import manufacturer
from fleetgate_cli.errors import CouldNotCheck, ExitCode, show
from fleetgate_cli.options import shared_options


class _RootGroup(click.Group):
    """The outermost command: however it ends, the exit code and the shape of the error are the promised ones."""

    def main(self, args: Sequence[str] | None = None, *positional: Any, **options: Any) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        # Asked for even where the command line as a whole cannot be read.
        as_json = "--json" in arguments
        try:
            ended = super().main(arguments, *positional, **{**options, "standalone_mode": False})
        except click.ClickException as error:
            failure = error
        except click.Abort:
            click.echo("Interrupted.", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - Python's own exit code for it, 1, would mean that the gate refused
            failure = _failure(error, with_traceback=not as_json)
        else:
            sys.exit(ended if isinstance(ended, int) else ExitCode.DONE)
        show(failure, as_json=as_json, stream=sys.stderr)
        sys.exit(failure.exit_code)


def _failure(error: Exception, *, with_traceback: bool) -> click.ClickException:
    from fleetgate_cli.failures import translated

    if foreseen := translated(error):
        return foreseen
    if with_traceback:
        traceback.print_exception(error, file=sys.stderr)
    return CouldNotCheck("unexpected", f"unexpected {type(error).__name__}: {error}. Please file an issue.")


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("fleetgate")
    except PackageNotFoundError:
        installed = "(not installed: running from its source tree)"
    click.echo(f"fleetgate {installed}")
    context.exit()


@click.group(
    cls=_RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@shared_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def root() -> None:
    """Operate the gate that AWS IoT Core asks before it gives a device its identity.

    Works on a stack in AWS (--stack-name, --profile, --region) or, with --local, on the embedded stack that
    make local runs in this folder. Every change is recorded in the audit trail with your AWS identity.

    \b
    Examples:
      fleetgate allow-list add SN-0001 --mac 00:1b:44:11:3a:b7 --manufacturer acme
      fleetgate --local device show SN-0001
      fleetgate audit list --json --profile operations | jq '.records[].reason'

    \b
    Exit codes:
      0  done, or nothing was to be done
      1  refused: denied, not found, conflict
      2  the command line is wrong
      3  could not check: AWS, the tables or the hook failed
    """


for _command in (allow_list, manufacturer, imports, claim, device, gate, audit, hook, doctor):
    root.add_command(_command)


def main() -> None:
    """The console script."""
    root(prog_name="fleetgate")
