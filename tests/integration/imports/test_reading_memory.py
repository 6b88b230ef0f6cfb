"""How much memory reading a factory file takes, in a process of its own."""

import subprocess
import sys

import pytest

from local.environments import REPOSITORY
from tests.integration.imports.endless_file import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_ten_times_as_long_takes_no_more_memory(kind: str) -> None:
    command = [sys.executable, "-m", "tests.integration.imports.endless_file", kind]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own
    early, late = map(int, done.stdout.split())
    # Caches fill up; one text of each row that is kept would be more.
    assert late - early < 2_500_000
