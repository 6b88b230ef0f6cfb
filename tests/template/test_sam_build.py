"""`sam build` makes a package that is whole and made for the processor and the Python that will run it."""

import re
import struct
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
from samtranslator.yaml_helper import yaml_parse

from local.embedded.template import TEMPLATE, function_ids
from local.environments import REPOSITORY, UV
from tests.template.commands import SAM, run

_SOURCE = REPOSITORY / "src"
FITTING_TAG = re.compile(r"py[23]-none-any|cp313-cp313-manylinux\w+_aarch64")
_AARCH64 = 183  # EM_AARCH64 in elf(5)
# Every function, with the services of AWS that it calls.
FUNCTIONS = {
    "HookFunction": ["dynamodb"],
    "ImportFunction": ["dynamodb", "events", "s3", "stepfunctions"],
    "ImportStepFunction": ["dynamodb", "events", "s3"],
    "OutcomeFunction": ["dynamodb"],
    "RegistryEventsFunction": ["iot"],
    "ReconcilerFunction": ["dynamodb", "iot"],
    "WatcherFunction": ["dynamodb", "events", "iot", "iot-data"],
    "ArchiverFunction": ["s3"],
    "SealerFunction": ["kms", "s3"],
    "QueryFunction": ["dynamodb", "secretsmanager"],
    "ActionFunction": ["dynamodb", "iot", "iot-data", "secretsmanager"],
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of `sam build`, called as `make build` calls it but for where things go."""
    folder = tmp_path_factory.mktemp("sam-build")
    (installer,) = re.findall(r"INSTALL_PACKAGES='(.+)'", (REPOSITORY / "Makefile").read_text())
    done = run(
        *(SAM, "build", "--no-cached", "--template-file", TEMPLATE, "--build-dir", folder / "build"),
        folder=folder,
        changes={"INSTALL_PACKAGES": installer.replace("$(UV)", str(UV))},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build"


@pytest.fixture(scope="module", params=FUNCTIONS)
def function(request: pytest.FixtureRequest, build: Path) -> Path:
    """The folder of one function."""
    return build / str(request.param)


def packages(function: Path) -> dict[str, Distribution]:
    """What is installed in a function's folder, by normalised name."""
    return {found.name.lower().replace("_", "-"): found for found in distributions(path=[str(function)])}


def binaries(function: Path) -> Iterator[tuple[Path, bytes]]:
    """Every ELF file with its header."""
    for path in function.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                header = file.read(20)
            if header.startswith(b"\x7fELF"):
                yield path, header


def test_every_function_is_built(build: Path, template: dict[str, Any]) -> None:
    built = yaml_parse((build / "template.yaml").read_text())
    functions = function_ids(template)

    assert functions == list(FUNCTIONS)  # the fixture `function` goes through these
    for logical_id in functions:
        properties = built["Resources"][logical_id]["Properties"]
        assert properties["CodeUri"] == logical_id
        module = properties["Handler"].rpartition(".")[0].replace(".", "/")
        assert (build / logical_id / f"{module}.py").is_file()


def test_all_functions_are_the_same_package(build: Path) -> None:
    # The embedded AWS gets one for all of them: local/embedded/build.py.
    one, *others = (
        {path.relative_to(build / name): path.stat().st_size for path in (build / name).rglob("*") if path.is_file()}
        for name in FUNCTIONS
    )
    assert all(other == one for other in others)


def test_the_package_holds_all_of_our_own_code(function: Path) -> None:
    ours = {
        path.relative_to(_SOURCE): path.read_bytes()
        for path in (_SOURCE / "fleetgate").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert Path("fleetgate/gate/hook.py") in ours
    assert {path: (function / path).read_bytes() for path in ours} == ours


def test_the_package_holds_the_locked_packages_and_no_others(function: Path) -> None:
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", (_SOURCE / "requirements.txt").read_text(), re.MULTILINE)
    installed = {name: package.version for name, package in packages(function).items()}

    assert installed == {name: version for name, version in locked if name in installed}
    assert {name for name, _ in locked} - set(installed) <= {"colorama", "tzdata"}  # for Windows only
    assert {"aws-lambda-powertools", "botocore", "pynamodb", "pydantic", "python-ulid"} <= set(installed)
    assert not {"boto3", "s3transfer", "aws-xray-sdk", "pip", "setuptools"} & set(installed)


def test_every_binary_is_for_the_functions_processor_and_python(function: Path) -> None:
    found = dict(binaries(function))

    assert any("pydantic_core" in path.parts for path in found)
    for path, header in found.items():
        assert struct.unpack_from("<H", header, 18) == (_AARCH64,), path
        assert re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", path.name), path
    assert {path.name.split(".")[-2] for path in function.rglob("*.pyc")} <= {"cpython-313"}


def test_every_wheel_was_meant_for_the_functions_processor_and_python(function: Path) -> None:
    tags = [
        line.removeprefix("Tag: ")
        for package in packages(function).values()
        for line in (package.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    ]
    assert len(tags) >= len(packages(function))
    assert [tag for tag in tags if not FITTING_TAG.fullmatch(tag)] == []


def test_the_package_needs_nothing_from_outside_to_start(
    function: Path, template: dict[str, Any], tmp_path: Path
) -> None:
    """But for the compiled part of pydantic, which is for another processor. The hook does without it."""
    module = template["Resources"][function.name]["Properties"]["Handler"].rpartition(".")[0]
    if function.name != "HookFunction":
        (tmp_path / "pydantic_core").symlink_to(Path(pydantic_core.__file__).parent)
    code = f"""
import sys
sys.dont_write_bytecode = True
sys.path[:0] = {[str(tmp_path), str(function)]!r}
import {module}
import botocore.session
for service in {FUNCTIONS[function.name]!r}:
    botocore.session.get_session().create_client(service)
"""
    done = run(sys.executable, "-I", "-S", "-c", code, folder=function)

    assert done.returncode == 0, done.stderr


def test_the_package_is_within_lambdas_limit(function: Path) -> None:
    # AWS Lambda quotas: 250 MB unzipped, layers included.
    assert sum(path.stat().st_size for path in function.rglob("*") if path.is_file()) < 250 * 1024 * 1024
