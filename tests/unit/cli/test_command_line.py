"""The command line itself: what it teaches, what it takes, and how it turns wrong input down. No stack is asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fleetgate_cli.errors import ExitCode
from fleetgate_cli.main import root

CERTIFICATE_ID = "c1a1" * 16
ADD = ("allow-list", "add", "SN-1", "--manufacturer", "acme")
SHARED_OPTIONS = ("--json", "--local", "--stack-name", "--profile", "--region")


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL = dict(_commands(root))
LEAVES = [path for path, command in ALL.items() if not isinstance(command, click.Group)]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner in an empty folder, where no local stack runs."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_the_commands_are_the_promised_ones() -> None:
    assert {" ".join(path) for path in LEAVES} == {
        "allow-list add",
        "allow-list show",
        "allow-list list",
        "manufacturer add",
        "manufacturer change",
        "manufacturer show",
        "manufacturer list",
        "claim create",
        "claim register",
        "claim block",
        "claim release",
        "claim list",
        "device show",
        "device story",
        "device quarantine",
        "device release",
        "device reopen",
        "device retire",
        "gate stop",
        "gate start",
        "gate status",
        "gate quarantine",
        "gate release",
        "import upload",
        "import list",
        "import show",
        "import rejects",
        "import approve",
        "import rollback",
        "audit list",
        "audit export",
        "audit stats",
        "audit rearchive",
        "audit verify",
        "hook invoke",
        "doctor",
    }


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_of_every_command_teaches_by_example(path: tuple[str, ...], flag: str, runner: CliRunner) -> None:
    result = runner.invoke(root, [*path, flag], prog_name="fleetgate")
    assert result.exit_code == ExitCode.DONE
    assert "Example" in result.stdout
    assert " ".join(["  fleetgate", *path]).rstrip() in result.stdout


@pytest.mark.parametrize("path", [(), *LEAVES], ids=" ".join)
@pytest.mark.parametrize("option", SHARED_OPTIONS)
def test_every_command_takes_the_shared_options(path: tuple[str, ...], option: str, runner: CliRunner) -> None:
    assert option in runner.invoke(root, [*path, "--help"]).stdout


@pytest.mark.parametrize("code", [code for code in ExitCode if code is not ExitCode.INTERRUPTED])
def test_the_root_help_documents_the_exit_codes(code: ExitCode, runner: CliRunner) -> None:
    assert f"\n    {code}  " in runner.invoke(root, ["--help"]).stdout


def test_the_version_is_printed(runner: CliRunner) -> None:
    result = runner.invoke(root, ["--version"])
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.startswith("fleetgate ")


WRONG = {
    "no serial number": (["allow-list", "add", "--manufacturer", "acme"], "SERIAL"),
    "a serial number that cannot be a thing name": (["device", "show", "SN 1"], "1 to 128 characters"),
    "no manufacturer": (["allow-list", "add", "SN-1"], "--manufacturer"),
    "the stored sign for any manufacturer": (["allow-list", "add", "SN-1", "--manufacturer", "*"], "manufacturer"),
    "a manufacturer with a control character": (
        ["allow-list", "add", "SN-1", "--manufacturer", "ac\x1b[2Jme"],
        "1 to 63 characters",
    ),
    "a MAC address with mixed separators": (
        [*ADD, "--mac", "00:1b-44:11:3a:b7"],
        "one separator",
    ),
    "a multicast MAC address": (
        [*ADD, "--mac", "01:1b:44:11:3a:b7"],
        "multicast",
    ),
    "a time without its zone": (
        [*ADD, "--valid-from", "2026-01-31T08:00:00"],
        "zone",
    ),
    "a validity that ends before it starts": (
        [
            "allow-list",
            "add",
            "SN-1",
            "--manufacturer",
            "acme",
            "--valid-from",
            "2027-01-01",
            "--valid-until",
            "2026-01-01",
        ],
        "end before it starts",
    ),
    "an attribute without a value": (
        [*ADD, "--attribute", "Model"],
        "Model=thermostat-2",
    ),
    "an attribute with a space": (
        [*ADD, "--attribute", "Model=a b"],
        "no spaces",
    ),
    "an attribute twice": (
        [*ADD, "--attribute", "Model=a", "--attribute", "Model=b"],
        "twice",
    ),
    "neither serial number nor MAC address": (["allow-list", "show"], "--mac"),
    "both serial number and MAC address": (["allow-list", "show", "SN-1", "--mac", "001b44113ab7"], "--mac"),
    "a limit of nothing": (["allow-list", "list", "--limit", "0"], "--limit"),
    "a claim of nobody": (["claim", "register", CERTIFICATE_ID], "--any-manufacturer"),
    "a claim of one and any": (
        ["claim", "create", "--manufacturer", "acme", "--any-manufacturer"],
        "--any-manufacturer",
    ),
    "a short certificate ID": (["claim", "register", "c1a1", "--any-manufacturer"], "64"),
    "too little of a certificate ID": (["claim", "block", "c1a1", "--reason", "leak"], "8"),
    "a block without its reason": (["claim", "block", CERTIFICATE_ID], "--reason"),
    "an empty reason": (["device", "quarantine", "SN-1", "--reason", " "], "reason"),
    "a quarantine without its reason": (["device", "quarantine", "SN-1"], "--reason"),
    "a release without its reason": (["device", "release", "SN-1"], "--reason"),
    "a repair window without its length": (["device", "reopen", "SN-1", "--reason", "repair"], "--for"),
    "a repair window of a year": (["device", "reopen", "SN-1", "--for", "365d", "--reason", "repair"], "30 days"),
    "a repair window of nothing": (["device", "reopen", "SN-1", "--for", "0h", "--reason", "repair"], "2h"),
    "a repair window without a unit": (["device", "reopen", "SN-1", "--for", "2", "--reason", "repair"], "2h"),
    "a retirement without its reason": (["device", "retire", "SN-1"], "--reason"),
    "a stop without its reason": (["gate", "stop"], "--reason"),
    "a start without its reason": (["gate", "start"], "--reason"),
    "a quarantine of nobody": (["gate", "quarantine", "--reason", "leak"], "--manufacturer"),
    "a quarantine of two at once": (
        [
            *("gate", "quarantine", "--reason", "leak", "--manufacturer", "acme"),
            *("--import", "20260131T080000Z-0123456789ab"),
        ],
        "--manufacturer",
    ),
    "a release of nobody": (["gate", "release", "--reason", "found"], "--manufacturer"),
    "a day that is none": (["audit", "rearchive", "--day", "2026-02-30"], "2026-01-31"),
    "a time that is none": (["audit", "list", "--from", "2026-02-30"], "2026-01-31T08:15:00Z"),
    "a moment without its zone": (["audit", "export", "--to", "2026-01-31T08:15:00"], "2026-01-31T08:15:00Z"),
    "a time that ends before it starts": (
        ["audit", "stats", "--from", "2026-01-31", "--to", "2026-01-30"],
        "--from comes after --to",
    ),
    "a time that has not come": (["audit", "list", "--from", "9000-01-01"], "after now"),
    "a verdict that is none": (["audit", "list", "--verdict", "maybe"], "denied"),
    "a kind that is none": (["audit", "list", "--kind", "rumour"], "operator_action"),
    "a MAC address that is none": (["audit", "list", "--mac", "001b4411"], "MAC address"),
    "too little of a claim certificate's ID": (["audit", "list", "--claim", "c1a1"], "8"),
    "a text with a control character": (["audit", "list", "--client-id", "a\x1b[2J"], "printable"),
    "a format that is none": (["audit", "export", "--format", "xlsx"], "jsonl"),
    "a claim's release without its reason": (["claim", "release", CERTIFICATE_ID], "--reason"),
    "a key for no proof": (
        ["device", "story", "SN-1", "--no-proof", "--public-key", __file__],
        "--public-key applies to the proof",
    ),
    "a missing event file": (["hook", "invoke", "--event", "missing.json"], "does not exist"),
    "an unknown command": (["device", "reboot"], "reboot"),
    "an embedded stack with a profile": (["--local", "audit", "list", "--profile", "operations"], "--local"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_a_usage_error_that_says_what_is_wrong(
    arguments: list[str], said: str, runner: CliRunner
) -> None:
    result = runner.invoke(root, arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert said in result.stderr


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
def test_with_json_a_usage_error_is_one_json_document_on_stderr(
    arguments: list[str], said: str, runner: CliRunner
) -> None:
    result = runner.invoke(root, [*arguments, "--json"])
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "usage"
    assert said in error["message"]


def test_an_event_file_that_is_not_json_is_refused(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("{not json")
    result = runner.invoke(root, ["hook", "invoke", "--event", "event.json"])
    assert result.exit_code == ExitCode.USAGE
    assert "event.json is not JSON" in result.stderr


@pytest.mark.parametrize("name", ["claim-certificate.pem", "claim-private-key.pem"])
def test_an_existing_file_of_a_claim_is_never_overwritten(name: str, runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / name).write_text("somebody's")
    result = runner.invoke(root, ["claim", "create", "--manufacturer", "acme"])
    assert result.exit_code == ExitCode.USAGE
    assert name in result.stderr
    assert (tmp_path / name).read_text() == "somebody's"


def test_a_folder_for_a_claim_that_cannot_be_made_is_found_out_before_anything_is_issued(
    runner: CliRunner, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = runner.invoke(root, ["claim", "create", "--manufacturer", "acme", "--out", "file/folder"])
    assert result.exit_code == ExitCode.USAGE
    assert "cannot be created" in result.stderr


@pytest.mark.parametrize("arguments", [["--local", "audit", "list"], ["audit", "list", "--local"]], ids=" ".join)
def test_without_a_local_stack_the_command_says_how_to_start_one(arguments: list[str], runner: CliRunner) -> None:
    result = runner.invoke(root, arguments)
    assert result.exit_code == ExitCode.COULD_NOT_CHECK
    assert "make local" in result.stderr


def test_with_json_a_failure_is_one_json_document_on_stderr(runner: CliRunner) -> None:
    result = runner.invoke(root, ["--json", "audit", "list", "--local"])
    assert result.exit_code == ExitCode.COULD_NOT_CHECK
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "stack_not_running"


def test_an_unknown_profile_could_not_check(runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    result = runner.invoke(root, ["audit", "list", "--profile", "nobody", "--region", "eu-central-1"])
    assert result.exit_code == ExitCode.COULD_NOT_CHECK
    assert "nobody" in result.stderr
