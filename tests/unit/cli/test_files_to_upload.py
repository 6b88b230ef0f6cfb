"""What people give to `fleetgate import upload`: files, pipes, and what is neither."""

import os
import threading
from pathlib import Path

import click
import pytest

from fleetgate_cli.imports.deliveries import key_name, ready_file
from fleetgate_cli.main import root
from fleetgate_cli.run import Run, hint
from fleetgate_cli.terminal import harmless
from harness.command import run

LIST = b"Serial Number\nSN-1\n"


def _ready(file: str, name: str | None = None) -> tuple[str, bytes, int]:
    with ready_file(file, name=name) as ready:
        return ready.name, ready.content.read(), ready.size_bytes


def test_a_file_goes_under_its_name_or_another(tmp_path: Path) -> None:
    path = tmp_path / "line 4.csv"
    path.write_bytes(LIST)
    assert _ready(str(path)) == ("line 4.csv", LIST, len(LIST))
    assert _ready(str(path), "other.csv") == ("other.csv", LIST, len(LIST))
    link = tmp_path / "today.csv"
    link.symlink_to(path)
    assert _ready(str(link))[0] == "today.csv"


@pytest.mark.parametrize(
    ("content", "name"), [(LIST, "stdin.csv"), (b"PK\x03\x04...", "stdin.xlsx"), (b"", "stdin.csv")]
)
def test_a_pipe_is_read_to_its_end(content: bytes, name: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(content,))
    writer.start()
    assert _ready(str(fifo)) == (name, content, len(content))
    writer.join()
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    assert _ready(f"/dev/fd/{reading}") == (name, content, len(content))
    os.close(reading)


def test_the_standard_input_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    with path.open("rb") as stream:
        assert _ready(f"/dev/fd/{stream.fileno()}") == ("stdin.csv", LIST, len(LIST))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    for file, said in ((str(tmp_path), "Is a directory"), (str(tmp_path / "none.csv"), "No such file")):
        with pytest.raises(click.UsageError, match=said), ready_file(file, name=None):
            pass


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Größe 4.csv", "Größe 4.csv"),
        (os.fsdecode(b"Gr\xf6\xdfe.csv"), "Gr\ufffd\ufffde.csv"),
        ("a\x1b[31m\nb\u202e.csv", "a_[31m_b_.csv"),
        ("a/b\\c.csv", "a_b_c.csv"),
        ("x" * 300 + ".csv", "x" * 124 + ".csv"),
    ],
)
def test_a_name_becomes_a_key_that_harms_nobody(name: str, key: str) -> None:
    assert key_name(name) == key
    assert len(key.encode()) <= 512


def test_an_error_repeats_no_control_character_of_a_name() -> None:
    answer = run("import", "upload", "evil\x1b[31m\udcf6.csv", "--manufacturer", "acme")
    assert "cannot be read: No such file" in answer.stderr
    assert harmless(answer.stderr) == answer.stderr


@pytest.mark.parametrize("options", [["--sheet", "1"], ["--visible-only"], ["--include-hidden"]])
def test_options_of_workbooks_are_for_workbooks(options: list[str], tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(LIST)
    answer = run("import", "upload", str(path), "--manufacturer", "acme", *options)
    assert (answer.exit_code, "workbooks only" in answer.stderr) == (2, True)


def test_hidden_cells_are_either_left_out_or_taken(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(b"PK\x03\x04")
    answer = run("import", "upload", str(path), "--manufacturer", "acme", "--visible-only", "--include-hidden")
    assert (answer.exit_code, "give one of them" in answer.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (Run(), "fleetgate import show 17"),
        (Run(local=True), "fleetgate import show 17 --local"),
        (Run(stack_name="gate b", region="eu-1"), "fleetgate import show 17 --stack-name 'gate b' --region eu-1"),
        (Run(profile="ops"), "fleetgate import show 17 --profile ops"),
    ],
)
def test_a_hint_carries_the_options_that_were_given(given: Run, command: str) -> None:
    with click.Context(root, obj=given):
        assert hint("import show 17") == command
    assert hint("import show 17") == "fleetgate import show 17"
