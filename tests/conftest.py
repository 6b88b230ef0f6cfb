"""Fixtures that start real parts: one embedded stack for the whole run."""

import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader

from fleetgate_cli.local_stack import StackDescription
from harness.embedded import Embedded
from local.embedded.stack import running_stack


class _ReadOnce(JSONFileLoader):
    """Reads each of botocore's files once, for whoever asks."""

    @staticmethod
    @cache
    def load_file(file_path: str) -> Any:
        return JSONFileLoader().load_file(file_path)


@pytest.fixture(scope="session", autouse=True)
def botocore_reads_its_files_once() -> Iterator[None]:
    """What AWS's services are like is megabytes of JSON, which each session of botocore would parse anew.

    Every command that a test runs has sessions of its own, and without this most of its time is theirs.
    """
    before = Loader.FILE_LOADER_CLASS
    Loader.FILE_LOADER_CLASS = _ReadOnce
    yield
    Loader.FILE_LOADER_CLASS = before


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose .local/stack.json describes the stack."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(stack_folder: Path) -> Iterator[StackDescription]:
    """A running embedded stack: the real template, IAM enforced."""
    with running_stack(stack_folder) as description:
        yield description


@pytest.fixture(scope="session")
def embedded(stack: StackDescription) -> Embedded:
    """Root's view of the stack, which knows two manufacturers."""
    embedded = Embedded(stack)
    for name in ("acme", "globex"):
        embedded.register_manufacturer(name)
    return embedded


@pytest.fixture
def serial_number() -> str:
    """A serial number nobody used before."""
    return f"SN-{secrets.token_hex(6)}"


@pytest.fixture
def certificate_ids() -> Iterator[str]:
    """Certificate IDs nobody used before, one at each next()."""
    return iter(lambda: secrets.token_hex(32), "")
