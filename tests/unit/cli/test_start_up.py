"""The help of every command loads click and the rules of the domain: whoever asks for help does not wait for AWS."""

import json
import subprocess
import sys

import click
import pytest

from fleetgate_cli.main import root

# One help after the other, each as the command line gives it; then what all of them loaded.
SHOW_HELP = """
import sys
before = set(sys.modules)
import json
from fleetgate_cli.main import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["fleetgate", *words, "--help"]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0, words
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})), file=sys.stderr)
"""


def _commands(group: click.Group) -> list[list[str]]:
    found = []
    for name, command in group.commands.items():
        found.append([name])
        if isinstance(command, click.Group):
            found += [[name, *words] for words in _commands(command)]
    return found


@pytest.mark.parametrize(
    "commands", [[[]], [["device"]], _commands(root)], ids=["the root", "a group", "every command"]
)
def test_help_loads_no_library_but_click(commands: list[list[str]]) -> None:
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", SHOW_HELP, json.dumps(commands)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: fleetgate") == len(commands)
    loaded = set(json.loads(done.stderr)) - set(sys.stdlib_module_names)
    assert loaded == {"click", "fleetgate", "fleetgate_cli"}
