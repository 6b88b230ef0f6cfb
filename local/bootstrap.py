"""Set up the virtual environments of the project from locked, hash-checked requirements.

    python3 local/bootstrap.py SET...

Standard library only, since it runs before anything is installed. A set whose requirements, Python and place have not
changed is left alone. Nothing is compiled and no Python is downloaded: every requirement comes as a wheel.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)


class SetupFailed(Exception):
    """An environment cannot be set up; the message says what to do."""


@dataclass(frozen=True)
class RequirementSet:
    """One locked set of packages and the virtual environment it goes into.

    Attributes:
        has_project: The project itself is installed too, editable.
        contains: A smaller set for the same virtual environment, which this one includes.
    """

    name: str
    environment: str
    has_project: bool = False
    contains: str | None = None

    @property
    def path(self) -> Path:
        """The folder of the virtual environment."""
        return REPOSITORY / self.environment

    @property
    def python(self) -> str:
        """The interpreter of the virtual environment."""
        return str(self.path / "bin" / "python")

    @property
    def lock(self) -> Path:
        """The compiled requirements file."""
        return REPOSITORY / "requirements" / f"{self.name}.txt"

    @property
    def stamp(self) -> str:
        """What the virtual environment depends on: its packages, the Python and, since scripts name it, its place."""
        inputs = [self.name, sys.version, _base_python(), str(self.path), self.lock.read_text()]
        if self.has_project:
            inputs.append((REPOSITORY / "pyproject.toml").read_text())
        return hashlib.sha256("\0".join(inputs).encode()).hexdigest()

    @property
    def is_current(self) -> bool:
        """Whether the virtual environment holds just this."""
        stamp = self.path / ".stamp"
        return stamp.is_file() and stamp.read_text() == self.stamp

    @property
    def was_chosen(self) -> bool:
        """Whether the virtual environment was last set up for this set, up to date or not."""
        name = self.path / ".set"
        return name.is_file() and name.read_text() == self.name


TOOLS = RequirementSet("tools", ".venv-tools")
# What everything calls instead of uv itself: the same with the settings of this project.
UV = TOOLS.path / "uv"
SETS = {
    requirements.name: requirements
    for requirements in (
        RequirementSet("cli", ".venv", has_project=True),
        RequirementSet("dev", ".venv", has_project=True, contains="cli"),
        RequirementSet("aws", ".venv-aws"),
        RequirementSet("sam", ".venv-sam"),
        RequirementSet("checkov", ".venv-checkov"),
        RequirementSet("ric", ".venv-ric"),
    )
}


def main() -> int:
    """Set up what the command line names."""
    if sys.version_info < OLDEST_PYTHON:
        found, needed = (".".join(map(str, version)) for version in (sys.version_info[:3], OLDEST_PYTHON))
        _say(f"Fleetgate needs Python {needed} or later, and {sys.executable} is {found}.\n")
        _say("If you have a later one, name it: make PYTHON=python3.13 ...\n")
        return 1
    parser = argparse.ArgumentParser(description="Set up the virtual environments of the project.")
    parser.add_argument("sets", nargs="+", choices=[TOOLS.name, *SETS], metavar="SET", help=", ".join(SETS))
    try:
        set_up(parser.parse_args().sets)
    except SetupFailed as failure:
        _say(f"set-up failed: {failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def set_up(names: list[str]) -> None:
    """Bring the named sets up to date, and uv with them, which builds also need.

    Raises:
        SetupFailed: One cannot be installed.
    """
    if not TOOLS.is_current:
        _need_ensurepip()
        _install(TOOLS, with_=_pip)
    for requirements in _wanted(names):
        if not requirements.is_current:
            _install(requirements, with_=_uv)


def _wanted(names: list[str]) -> list[RequirementSet]:
    """The sets to install; a larger one, asked for now or there already, stands for the one that it contains."""
    stands_for = {larger.contains: larger.name for larger in SETS.values() if larger.name in names or larger.was_chosen}
    return [SETS[name] for name in dict.fromkeys(stands_for.get(name, name) for name in names) if name in SETS]


def _install(requirements: RequirementSet, *, with_: Callable[[RequirementSet], None]) -> None:
    packages = sum(1 for line in requirements.lock.read_text().splitlines() if line[:1].isalnum())
    started = time.monotonic()
    _say(f"setting up {requirements.name}: {packages} package{'s'[: packages != 1]} ... ")
    try:
        (requirements.path / ".stamp").unlink(missing_ok=True)
        with_(requirements)
        (requirements.path / ".set").write_text(requirements.name)
        (requirements.path / ".stamp").write_text(requirements.stamp)
    except BaseException:
        _say("\n")
        raise
    _say(f"{time.monotonic() - started:.1f} s\n")


def _pip(requirements: RequirementSet) -> None:
    shutil.rmtree(requirements.path, ignore_errors=True)
    _run(_base_python(), "-m", "venv", str(requirements.path))
    pip = (requirements.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", str(requirements.lock))
    UV.write_text(
        "#!/bin/sh\n"
        "export UV_PYTHON_DOWNLOADS=never\n"
        f"export UV_SYSTEM_CERTS=${{UV_SYSTEM_CERTS-{str(_has_system_certificates()).lower()}}}\n"
        f"exec '{requirements.path}/bin/uv' \"$@\"\n"
    )
    UV.chmod(0o755)


def _uv(requirements: RequirementSet) -> None:
    uv = str(UV)
    into = ("--quiet", "--python", requirements.python)
    _run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", _base_python(), str(requirements.path))
    _run(uv, "pip", "sync", *into, "--require-hashes", "--only-binary", ":all:", str(requirements.lock))
    if requirements.has_project:
        # hatchling is in the lock file, so that building the project downloads nothing that is not locked.
        _run(uv, "pip", "install", *into, "--no-deps", "--no-build-isolation", "--editable", str(REPOSITORY))


def _need_ensurepip() -> None:
    """Debian's python3 cannot make a virtual environment until python3-venv is installed; install it where that can be.

    Raises:
        SetupFailed: It is not there and cannot be installed.
    """
    if _has_ensurepip():
        return
    apt_get, as_root = shutil.which("apt-get"), _as_root()
    if apt_get is None or as_root is None or not _base_python().startswith("/usr/bin/"):
        raise SetupFailed(
            f"{_base_python()} has no ensurepip and cannot make virtual environments; "
            "on Debian and Ubuntu: apt-get install python3-venv"
        )
    _say("python3 cannot make virtual environments yet; installing python3-venv with apt-get ... ")
    started = time.monotonic()
    _run(*as_root, apt_get, "update")
    _run(*as_root, "env", "DEBIAN_FRONTEND=noninteractive", apt_get, "install", "--yes", "python3-venv")
    if not _has_ensurepip():
        raise SetupFailed(f"python3-venv is installed, and still {_base_python()} has no ensurepip")
    _say(f"{time.monotonic() - started:.1f} s\n")


def _has_ensurepip() -> bool:
    return _succeeds(_base_python(), "-c", "import ensurepip, venv")


def _as_root() -> list[str] | None:
    """What stands before a command to run it as root without being asked for a password; None if nothing does."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and _succeeds(sudo, "-n", "true") else None


def _has_system_certificates() -> bool:
    """Whether this machine has certificates that it trusts; uv then goes by them, and a company's proxy works."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _base_python() -> str:
    """The interpreter itself, also when this one is of a virtual environment that is active."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _succeeds(*command: str) -> bool:
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603
    return done.returncode == 0


def _run(*command: str) -> None:
    """Run a command quietly.

    Raises:
        SetupFailed: It failed; the message ends with what it printed.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(  # noqa: S603 - the commands of this file, without a shell
        command,
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupFailed(f"{' '.join(command)}\n{done.stdout.strip()}")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
