"""`fleetgate hook`: invoke the deployed hook as AWS IoT does."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetgate_cli.errors import CouldNotCheck, ExitCode
from fleetgate_cli.options import with_run
from fleetgate_cli.reasons import allow_rule, denial_reason, fault_reason
from fleetgate_cli.run import Run

if TYPE_CHECKING:
    from rich.console import Console


@click.group()
def hook() -> None:
    """Invoke the deployed hook.

    \b
    Example:
      fleetgate hook invoke --event events/hook/approved-device.json
    """


@hook.command()
@click.option(
    "--event",
    "event_path",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="A pre-provisioning hook event, in JSON.",
)
@with_run
def invoke(run: Run, *, event_path: Path) -> None:
    """Invoke the hook with an event, and print its answer.

    The decision is a real one: an allow reserves the serial number, and every decision is recorded. Exits with 0 for
    an allow, 1 for a denial, 3 when the hook failed. The events in events/hook name a template and a claim certificate
    that exist in the tests only: replace them with your own.

    \b
    Example:
      fleetgate hook invoke --event events/hook/approved-device.json
    """
    event = _event(event_path)
    client, function_name = run.target.client("lambda"), run.target.output("HookFunctionName")
    with run.progress("Invoking the hook"):
        response = client.invoke(FunctionName=function_name, LogType="Tail", Payload=json.dumps(event).encode())
    answer = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response or not isinstance(answer, dict):
        # The answer of a crashed function quotes the exception, and that may quote the event.
        raise CouldNotCheck("hook_failed", f"the hook {function_name} crashed: read its log, then its alarms.")
    logged = _logged(response.get("LogResult", ""))
    fault = logged.get("fault")
    if fault:
        known = fault_reason(fault)
        sentences = f"{known.meaning} {known.remedy}" if known else "Read its log."
        raise CouldNotCheck(fault, f"the hook denied because of a fault: {sentences}")
    allowed = answer.get("allowProvisioning") is True
    reason = logged.get("rule") if allowed else logged.get("reason")
    known_reason = (allow_rule(reason) if allowed else denial_reason(reason)) if reason else None

    def render(console: "Console") -> None:
        console.print(json.dumps(answer, indent=2))
        if reason:
            console.print(f"{'allowed' if allowed else 'denied'}: {reason}")
        if known_reason:
            console.print(f"{known_reason.meaning} {known_reason.remedy}")

    run.emit(
        {
            "answer": answer,
            "reason": reason,
            "meaning": known_reason and known_reason.meaning,
            "remedy": known_reason and known_reason.remedy,
            "decision_id": logged.get("decision_id"),
        },
        render,
    )
    if not allowed:
        click.get_current_context().exit(ExitCode.REFUSED)


def _event(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}.") from error


def _logged(log_result: str) -> dict[str, Any]:
    """The hook's log entry, from the end of the log that Lambda returns; empty if it is missing."""
    for line in reversed(base64.b64decode(log_result).decode("utf-8", "replace").splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and str(entry.get("message", "")).startswith("registration "):
            return entry
    return {}
