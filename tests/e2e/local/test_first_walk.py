"""The first walk works as it is printed: by README, and by `make local`."""

import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from fleetgate_cli.local_stack import StackDescription
from local.__main__ import FIRST_WALK
from local.environments import REPOSITORY

README = REPOSITORY / "README.md"


def _first_walk_of_readme() -> str:
    """The shell block of README that works on the stack of `make local`."""
    blocks = [token.content for token in MarkdownIt("commonmark").parse(README.read_text()) if token.type == "fence"]
    (block,) = (block for block in blocks if "fleetgate --local" in block)
    return block


@pytest.fixture
def folder(stack: StackDescription, stack_folder: Path) -> Path:
    """A working tree in which a local stack runs, as far as the commands see."""
    environment = stack_folder / ".venv"
    if not environment.exists():
        environment.symlink_to(sys.prefix)
    return stack_folder


def _paste(script: str, folder: Path) -> str:
    """Run a script as one who pastes it into a shell, but stop at the first command that fails; returns its output."""
    done = subprocess.run(  # noqa: S603 - the commands of the documents
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_walk_of_readme_can_be_pasted(folder: Path, stack: StackDescription) -> None:
    walk = _first_walk_of_readme().replace("SN-0001", "SN-README").replace("00:1b:44:11:3a:b7", "00:1b:44:11:3b:01")

    said = _paste(walk, folder)

    for step in (
        "1  added",
        "let in as thing fg-SN-README",
        "first_reservation",
        "denied: AccessDenied",
        "as expected",
        stack.outputs["DropBoxName"],
    ):
        assert step in said, said


def test_the_first_walk_that_make_local_prints_can_be_pasted(folder: Path) -> None:
    walk = FIRST_WALK.replace("SN-0001", "SN-PRINTED").replace("00:1b:44:11:3a:b7", "00:1b:44:11:3b:02")

    said = _paste(walk, folder)

    for step in ("1  added", "let in as thing fg-SN-PRINTED", "first_reservation"):
        assert step in said, said


def test_a_device_that_nobody_approved_is_told_of_no_more_than_its_denial(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "device", "--serial-number", "SN-NOBODY", "--mac", "00:1b:44:11:3b:03"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "denied: AccessDenied" in done.stdout
    assert "not_on_allow_list" not in done.stdout
