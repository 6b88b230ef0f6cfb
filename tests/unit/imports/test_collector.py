"""The functions of the import look for garbage rarely, each in a process of its own."""

import subprocess
import sys

import pytest

_LOOK = """
import gc
from unittest import mock
from fleetgate.imports import {0} as function
with mock.patch.object(function.{1}, "from_environment"):
    function._settings()
print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000)
"""


@pytest.mark.parametrize(("module", "settings"), [("importer", "ImportSettings"), ("steps", "JournalSettings")])
def test_a_function_of_the_import_looks_for_garbage_rarely(module: str, settings: str) -> None:
    command = [sys.executable, "-c", _LOOK.format(module, settings)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.split() == ["50000", "True"]
