"""The package as somebody installs it who has only that: a bare virtual environment, far from the repository."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from local.environments import REPOSITORY, UV

PACKAGES = {"fleetgate", "fleetgate_cli"}
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
# Every module is imported, so that a dependency that the wheel does not declare is found out.
IMPORT_ALL = """
import importlib, pkgutil
for name in ("fleetgate", "fleetgate_cli"):
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        print(importlib.import_module(module.name).__name__)
"""


def _run(*command: str | Path, folder: Path) -> str:
    """What a command prints that has nothing of this process's environments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(  # noqa: S603 - our own tools
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what it declares, in the locked versions and nothing else of them."""
    folder = tmp_path_factory.mktemp("package")
    # First the source distribution, and of that the wheel, as for a release.
    _run(
        UV,
        "build",
        "--quiet",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        folder=REPOSITORY,
    )
    (wheel,) = folder.glob("*.whl")
    path = folder / "environment"
    _run(UV, "venv", "--quiet", "--no-project", "--python", sys.executable, path, folder=folder)
    versions = ("--only-binary", ":all:", "--constraint", REPOSITORY / "requirements" / "cli.txt")
    _run(UV, "pip", "install", "--quiet", "--python", path / "bin" / "python", *versions, wheel, folder=folder)
    return path


@pytest.fixture(scope="module")
def installed(environment: Path) -> Distribution:
    """The package as it was installed."""
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (found,) = (one for one in distributions(path=[str(site_packages)]) if one.name == "fleetgate")
    return found


def test_the_command_shows_its_help(environment: Path, tmp_path: Path) -> None:
    assert "fleetgate [OPTIONS] COMMAND" in _run(environment / "bin" / "fleetgate", "--help", folder=tmp_path)


def test_the_command_prints_the_version_of_the_package(environment: Path, tmp_path: Path) -> None:
    assert _run(environment / "bin" / "fleetgate", "--version", folder=tmp_path) == f"fleetgate {VERSION}\n"


def test_nothing_but_the_two_packages_is_installed(installed: Distribution) -> None:
    folders = {file.parts[0] for file in installed.files or ()}
    assert {folder for folder in folders if folder != ".."} == {*PACKAGES, f"fleetgate-{VERSION}.dist-info"}


def test_the_wheel_declares_all_that_its_modules_import(environment: Path, tmp_path: Path) -> None:
    imported = _run(environment / "bin" / "python", "-c", IMPORT_ALL, folder=tmp_path).split()
    files = {*(REPOSITORY / "src").rglob("*.py"), *(REPOSITORY / "fleetgate_cli").rglob("*.py")}
    assert len(imported) == len(files) - len(PACKAGES)  # the packages themselves are not walked to
