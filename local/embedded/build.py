"""Build the one package of all Lambda functions for this machine, with the same Makefile that SAM uses for AWS."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local.environments import AWS_PYTHON, REPOSITORY, UV

_SOURCE = REPOSITORY / "src"
_BUILDS = REPOSITORY / ".local" / "build"
# src/Makefile builds every function by the same recipe.
_TARGET = "build-HookFunction"


class BuildFailed(Exception):
    """The functions cannot be built; the message ends with what make printed."""


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """The package of all functions, ready to run on this machine.

    Attributes:
        folder: Code and packages, as Lambda would find them in its task root.
        archive: The same as a zip file.
    """

    folder: Path
    archive: Path


def build_package() -> BuiltPackage:
    """Build the package that every function is, unless that was done already from what is there now.

    The packages in it are for the interpreter of the embedded AWS, since that is where functions run. Builds are shared
    by all the stacks of this working tree.

    Raises:
        BuildFailed: make failed.
    """
    built = BuiltPackage(folder=_BUILDS / "package", archive=_BUILDS / "package.zip")
    stamp = _BUILDS / "package.stamp"
    _BUILDS.mkdir(parents=True, exist_ok=True)
    with _only_one_builds():
        inputs = _digest_of_inputs()
        if not (stamp.is_file() and stamp.read_text() == inputs):
            stamp.unlink(missing_ok=True)
            _make(built.folder)
            _archive(built.folder, built.archive)
            stamp.write_text(inputs)
    return built


@contextmanager
def _only_one_builds() -> Iterator[None]:
    with (_BUILDS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest_of_inputs() -> str:
    digest = hashlib.sha256((AWS_PYTHON.parent.parent / "pyvenv.cfg").read_bytes())
    for path in sorted(_SOURCE.rglob("*")):
        relative = path.relative_to(_SOURCE)
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in relative.parts):
            digest.update(f"\0{relative}\0{path.stat().st_mode:o}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _make(folder: Path) -> None:
    with TemporaryDirectory(dir=_BUILDS) as temporary:
        artifacts = Path(temporary, "package")
        artifacts.mkdir()
        command = [
            "make",
            f"--directory={_SOURCE}",
            _TARGET,
            f"ARTIFACTS_DIR={artifacts}",
            f'INSTALL_PACKAGES="{UV}" pip install --quiet --no-deps --python "{AWS_PYTHON}"',
            f'BYTECODE_PYTHON="{AWS_PYTHON}"',
            f"BYTECODE_PYTHON={AWS_PYTHON}",
        ]
        # Flags of an outer make, such as its job server, are not for this one.
        environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
        done = subprocess.run(  # noqa: S603
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BuildFailed(f"the functions cannot be built:\n{done.stdout}{done.stderr}".rstrip())
        shutil.rmtree(folder, ignore_errors=True)
        artifacts.rename(folder)


def _archive(folder: Path, archive: Path) -> None:
    """Pack a folder without compression: it goes no further than this machine."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                # The default date of ZipInfo is a constant, so that the same files make the same archive.
                packed.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
