"""The two commands people start with, as they run them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetgate_cli.local_stack import StackDescription, StackNotRunning


def _environment(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLEETGATE_")}
    return {**own, **more}


def test_the_demo_ends_by_itself_and_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.demo"],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 5 lists, 29 devices and 5 findings of the security team are what they should be" in done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the stack runs."""
    return tmp_path


def test_a_local_stack_runs_until_it_is_interrupted_and_leaves_nothing_behind(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "up"], cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        description = _wait_for_description(folder, process)
        assert json.loads((folder / ".local" / "stack.json").read_text()).keys() >= {
            "endpoint_url",
            "region",
            "mqtt_host",
            "mqtt_port",
            "root_ca_path",
            "claim_certificate_path",
            "claim_private_key_path",
            "outputs",
        }
        assert description.is_reachable
        assert description.claim_private_key_path.stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()
    assert not description.is_reachable
    assert not (folder / ".local" / "stack.json").exists()
    assert not description.claim_private_key_path.exists()
    assert _processes_mentioning(str(folder)) == []


def _wait_for_description(folder: Path, process: subprocess.Popen[str]) -> StackDescription:
    ends = time.monotonic() + 90
    while time.monotonic() < ends and process.poll() is None:
        try:
            return StackDescription.load(folder)
        except StackNotRunning:
            time.sleep(0.1)
    pytest.fail("the local stack did not come up")


def _processes_mentioning(text: str) -> list[str]:
    return [
        path.read_bytes().replace(b"\0", b" ").decode()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if text.encode() in path.read_bytes()
    ]
