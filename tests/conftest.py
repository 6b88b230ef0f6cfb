"""Fixtures that start real parts: one embedded stack for the whole run."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.description import StackDescription
from local.stack import running_stack
from tests.embedded import Embedded


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
    """Root's view of the stack."""
    return Embedded(stack)


@pytest.fixture
def serial_number() -> str:
    """A serial number nobody used before."""
    return f"SN-{secrets.token_hex(6)}"


@pytest.fixture
def certificate_ids() -> Iterator[str]:
    """Certificate IDs nobody used before, one at each next()."""
    return iter(lambda: secrets.token_hex(32), "")
