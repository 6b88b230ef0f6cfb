"""`python -m local`: run a local stack in the current folder, read its outputs, send a device to it."""

import signal
import time
from pathlib import Path
from textwrap import indent
from types import FrameType

import click
from rich.console import Console
from rich.table import Table

from fleetgate_cli.local_stack import FILE_NAME, FOLDER_NAME, LOG_NAME, StackDescription, StackNotRunning
from local.demo.device import RegistrationRefused
from local.demo.one_device import play
from local.embedded.aws import MQTT_PORT_VARIABLE, PORT_VARIABLE, NotStarted
from local.embedded.build import BuildFailed
from local.embedded.deploy import DeployFailed
from local.embedded.ports import PortTaken
from local.embedded.stack import StackAlreadyRunning, running_stack

# A list in, a device in, its story.
FIRST_WALK = r"""
PATH="$PWD/.venv/bin:$PATH"
printf 'Serial Number,MAC Address,Model\nSN-0001,00:1b:44:11:3a:b7,gateway-2\n' > .local/list.csv

fleetgate --local manufacturer add acme
fleetgate --local import upload .local/list.csv --manufacturer acme
python -m local device --serial-number SN-0001 --mac 00:1b:44:11:3a:b7
fleetgate --local device story SN-0001
""".strip()

_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.group(help="The embedded AWS on this machine.")
def main() -> None:
    """The commands of `python -m local`."""


@main.command(
    help=f"""Build, start the embedded AWS, deploy template.yaml to it, and stay until interrupted.

    Free ports are used, unless {PORT_VARIABLE} and {MQTT_PORT_VARIABLE} name some. {FOLDER_NAME}/{FILE_NAME} in the
    current folder tells how to reach the stack; it goes away with it."""
)
def up() -> None:
    """Run a local stack in the current folder until a signal ends it."""
    for number in _STOPPING_SIGNALS:
        signal.signal(number, _stop)
    try:
        with running_stack(Path.cwd()) as stack:
            _show(stack)
            while stack.is_reachable:
                time.sleep(1)
        raise click.ClickException(f"the embedded AWS has ended by itself; see {FOLDER_NAME}/{LOG_NAME}")
    except KeyboardInterrupt:
        click.echo("stopped; nothing is left running", err=True)
    except (StackAlreadyRunning, BuildFailed, PortTaken, NotStarted, DeployFailed) as failure:
        raise click.ClickException(str(failure)) from failure


@main.command(help="Send one device through the gate, as firmware does. Exits with 1 when it is denied.")
@click.option("--serial-number", required=True, help="The serial number that it presents.")
@click.option("--mac", required=True, help="The MAC address that it presents.")
def device(serial_number: str, mac: str) -> None:
    """Register one device with the stack's claim certificate and connect with what it got."""
    issued, answer = play(_running(), serial_number, mac)
    click.echo(f"device certificate {issued.certificate_id}")
    if isinstance(answer, RegistrationRefused):
        click.echo(f"denied: {answer.error_code}; for the reason: fleetgate --local device show {serial_number}")
        raise click.exceptions.Exit(1)
    click.echo(f"let in as thing {answer.thing_name}, and connected with its own certificate")


@main.command(help="Print one output of the running stack, such as DropBoxName.")
@click.argument("name")
def output(name: str) -> None:
    """Print an output of the stack in the current folder."""
    outputs = _running().outputs
    if name not in outputs:
        raise click.ClickException(f"the stack has no output {name}; it has {', '.join(sorted(outputs))}")
    click.echo(outputs[name])


def _running() -> StackDescription:
    try:
        return StackDescription.load(Path.cwd())
    except StackNotRunning as failure:
        raise click.ClickException(str(failure)) from failure


def _show(stack: StackDescription) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in {
        "AWS endpoint": stack.endpoint_url,
        "MQTT, mutual TLS": f"{stack.mqtt_host}:{stack.mqtt_port}",
        "claim certificate": _short(stack.claim_certificate_path),
        "its private key": _short(stack.claim_private_key_path),
        "root CA": _short(stack.root_ca_path),
        "provisioning template": stack.outputs["ProvisioningTemplateName"],
        "all of this as JSON": f"{FOLDER_NAME}/{FILE_NAME}",
    }.items():
        table.add_row(f"[dim]{name}[/]", value)
    console = Console(highlight=False, soft_wrap=True)
    console.print("\n[bold]Fleetgate is running on this machine.[/]\n", table, sep="\n")
    console.print("\nA first walk, in another terminal: a list in, a device in, its story.\n")
    console.print(indent(FIRST_WALK, "  "), markup=False)
    console.print("\n[dim]Ctrl-C stops it and removes what it made.[/]")


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()))


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Stopping takes its time; another signal must not leave it half done.
    for number in _STOPPING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(prog_name="python -m local")
