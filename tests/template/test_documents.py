"""The documents say what is so: links lead somewhere, and names, commands, outputs and alarms are the real ones."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.outcomes.attachment import GateFinding
from fleetgate_cli.main import root
from local.documents import denial_reasons as reasons_page
from local.documents import parameters as parameters_page
from local.environments import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
README = REPOSITORY / "README.md"
OPERATORS = REPOSITORY / "docs" / "operators.md"
RUNBOOK = REPOSITORY / "docs" / "runbook.md"
# Pages that are made from the sources, with a word that each has.
MADE_PAGES = {reasons_page: "quarantined", parameters_page: "MaxRowsPerFile"}

_SNAKE_CASE = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_FILE = re.compile(r"(?<![\w/.*-])(?:[\w.*-]+/)*[\w*-]+\.(?:csv|json|md|py|toml|txt|yaml)(?![\w/])")
_SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "Makefile",
    "src/**/*.py",
    *(f"{folder}/**/*.py" for folder in ("fleetgate_cli", "local", "harness", "tests", "benchmarks")),
)
# Written by people, and read for what they name.
_TEXTS = (*_SOURCES, "*.md", "docs/**/*.md", "*.toml", "requirements/*.in", ".github/**/*.yml", ".ci/*")
_FOLDERS = "src|fleetgate_cli|local|harness|tests|benchmarks|docs|cli"
# A folder of the repository, or a path below it.
_PATH = re.compile(rf"(?<![\w/.*$-])(?:{_FOLDERS})/[\w./*-]*")
_MODULE = re.compile(rf"-m[\"', ]+((?:{_FOLDERS})(?:\.\w+)*)")
# What the shell variables of the examples stand for; the others are certificate IDs.
_VARIABLES = {
    "IMPORT": "20260131T080000Z-0123456789ab",
    "LIST": "local/demo/factory_list.csv",
    "MAC": "00:1b:44:11:3a:b7",
    "SERIAL_NUMBER": "SN-0001",
}


@cache
def _tokens(document: Path) -> tuple[Token, ...]:
    """What a document consists of, in order, inline parts included."""
    blocks = MarkdownIt("commonmark").enable("table").parse(document.read_text())
    return tuple(token for block in blocks for token in (block, *(block.children or ())))


def _links(document: Path) -> Iterator[tuple[str, str]]:
    """Address and text of the links that stay in the repository."""
    tokens = _tokens(document)
    for position, token in enumerate(tokens):
        if token.type == "link_open" and not urlsplit(href := str(token.attrs["href"])).scheme:
            yield href, tokens[position + 1].content


def _headings(document: Path) -> list[str]:
    tokens = _tokens(document)
    return [
        "".join(part.content for part in heading.children or ())
        for opening, heading in pairwise(tokens)
        if opening.type == "heading_open"
    ]


def _anchors(document: Path) -> set[str]:
    """What a link may name after #, as GitHub makes it of a heading."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _headings(document)}


def _code(document: Path) -> list[str]:
    """The pieces of a document that are set as code."""
    return [token.content for token in _tokens(document) if token.type in ("code_inline", "fence")]


def _rows(document: Path) -> Iterator[list[str]]:
    """The rows of a document's tables, cells as written."""
    row: list[str] = []
    for token in _tokens(document):
        match token.type:
            case "tr_open":
                row = []
            case "inline":
                row.append(token.content)
            case "tr_close":
                yield row


def _commands(document: Path) -> Iterator[list[str]]:
    """The command lines of a document that run `fleetgate`, without that word, with a value for each shell variable."""
    for token in _tokens(document):
        if token.type == "fence" and token.info == "sh":
            for line in token.content.replace("\\\n", " ").splitlines():
                command = re.search(r"(?:^|\$\()fleetgate (.+?)(?= \|\|? |\)$|$)", line.strip())
                if command and not line.strip().endswith("{"):
                    yield shlex.split(re.sub(r"\$(\w+)", _value, command[1]), comments=True)


def _value(variable: re.Match[str]) -> str:
    return _VARIABLES.get(variable[1], "0" * 64)


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _leaves(inner)
    else:
        yield command


def _texts() -> list[Path]:
    return sorted({path for pattern in _TEXTS for path in REPOSITORY.glob(pattern) if path != Path(__file__)})


def gone_in(text: str) -> set[str]:
    """The paths and modules of the repository that a text names and that are not there."""
    named = {path.rstrip("./-") for path in _PATH.findall(text)}
    paths = {path for path in named if not any(REPOSITORY.glob(path)) and not _is_stem(path)}
    return paths | {module for module in _MODULE.findall(text) if not _can_be_run(module)}


def _is_stem(path: str) -> bool:
    """Whether a path is the start of a file's, which the code goes on to complete."""
    return any(REPOSITORY.glob(f"{path}.*"))


def _can_be_run(module: str) -> bool:
    path = REPOSITORY / module.replace(".", "/")
    return path.with_name(f"{path.name}.py").exists() or (path / "__main__.py").exists()


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def document(request: pytest.FixtureRequest) -> Path:
    """Each of the documents."""
    path: Path = request.param
    return path


def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for href, _ in _links(document):
        parts = urlsplit(href)
        target = (document.parent / parts.path).resolve() if parts.path else document
        assert target.exists(), href
        assert target.is_relative_to(REPOSITORY), href
        assert not parts.fragment or parts.fragment in _anchors(target), href


def test_a_link_to_a_reason_is_written_as_its_code(document: Path) -> None:
    codes = {*DenialReason, *AllowRule, *FaultReason}
    for href, text in _links(document):
        if "denial-reasons.md#" in href:
            assert text == urlsplit(href).fragment
            assert text in codes


def test_every_name_set_as_code_is_one_of_the_sources(document: Path) -> None:
    named = {name for code in _code(document) for name in _SNAKE_CASE.findall(_FILE.sub("", code))}
    assert named <= _names_in_the_sources()


def test_every_file_set_as_code_exists(document: Path) -> None:
    named = {name for code in _code(document) for name in _FILE.findall(code)}
    # Paths in a room are written as the log writes them, and .local/ is what a local stack leaves behind.
    places = (REPOSITORY, REPOSITORY / "src" / "fleetgate")
    gone = {name for name in named if not any(any(place.glob(name)) for place in places)}
    assert {name for name in gone if not name.startswith(".local/")} == set()


def test_every_path_and_module_that_is_named_exists() -> None:
    gone = {str(path.relative_to(REPOSITORY)): gone_in(path.read_text()) for path in _texts()}
    assert {path: names for path, names in gone.items() if names} == {}


@pytest.mark.parametrize(
    "text", ["see src/fleetgate/no_such.py.", "cli/", "python -m harness.nobody", 'run("-m", "local.no")']
)
def test_a_path_that_is_gone_is_found(text: str) -> None:
    assert len(gone_in(text)) == 1


def test_every_make_target_set_as_code_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {target for code in _code(document) for target in re.findall(r"^make ([a-z]+)", code, re.MULTILINE)}
    assert named <= targets


def test_every_example_of_the_operators_command_can_be_run(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in _leaves(root):
        monkeypatch.setattr(command, "callback", lambda **_arguments: None)  # read the arguments, do nothing
    monkeypatch.chdir(REPOSITORY)
    for words in _commands(document):
        result = CliRunner().invoke(root, words)
        assert result.exit_code == 0, f"{shlex.join(words)}: {result.output}"


def test_the_page_for_operators_shows_every_command() -> None:
    shown = {tuple(words[:length]) for words in _commands(OPERATORS) for length in (1, 2)}
    groups = {name: command for name, command in root.commands.items() if isinstance(command, click.Group)}
    alone = {(name,) for name in root.commands.keys() - groups.keys()}
    assert shown >= alone | {(group, name) for group, inner in groups.items() for name in inner.commands}


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(README.read_text().splitlines()) <= 200
    linked = {(README.parent / urlsplit(href).path).resolve() for href, _ in _links(README)}
    assert {page for page in DOCUMENTS if page.parent == REPOSITORY / "docs"} - linked == set()


def test_every_output_that_is_named_is_one_of_the_stack(document: Path, template: dict[str, Any]) -> None:
    text = document.read_text()
    named = {*re.findall(r"output\s+`(\w+)`", text), *re.findall(r"\boutput ([A-Z]\w+)", text)}
    assert named <= set(template["Outputs"])


def test_examples_fit_into_a_terminal(document: Path) -> None:
    lines = [line for token in _tokens(document) if token.type == "fence" for line in token.content.splitlines()]
    assert [line for line in lines if len(line) > 120] == []


def test_every_alarm_has_its_entry_in_the_runbook(template: dict[str, Any]) -> None:
    alarms = {
        logical_id
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    }
    assert alarms
    assert {heading for heading in _headings(RUNBOOK) if heading.endswith("Alarm")} == alarms


def test_every_fault_has_its_line_in_the_runbook() -> None:
    text = RUNBOOK.read_text()
    assert [fault for fault in FaultReason if f"`{fault.value}`" not in text] == []


def test_every_finding_of_the_gate_has_its_row_in_the_runbook() -> None:
    named = [code for cells in _rows(RUNBOOK) if cells[1:] for code in re.findall(r"`(\w+)`", cells[0])]
    assert [finding for finding in GateFinding if named.count(finding.value) != 1] == []


@pytest.mark.parametrize("made", MADE_PAGES)
def test_a_page_that_is_made_from_the_sources_is_up_to_date(made: ModuleType) -> None:
    assert made.PAGE.read_text() == made.page()


@pytest.mark.parametrize(("made", "said"), MADE_PAGES.items())
def test_a_page_that_is_out_of_date_is_found_and_made_anew(
    made: ModuleType, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> int:
        return CliRunner().invoke(made.main, arguments).exit_code

    page = tmp_path / made.PAGE.name
    monkeypatch.setattr(made, "PAGE", page)
    assert run("--check") == 1
    page.write_text(made.page().replace(said, "something else"))
    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    assert page.read_text() == made.page()


def test_every_parameter_has_its_row_with_its_default(template: dict[str, Any]) -> None:
    listed = [(row[0].strip("`"), row[1].strip("`")) for row in _rows(parameters_page.PAGE) if row[0].startswith("`")]
    parameters = template["Parameters"].items()

    assert listed == [(name, str(parameter["Default"]) or "empty") for name, parameter in parameters]


@cache
def _names_in_the_sources() -> frozenset[str]:
    files = [path for pattern in _SOURCES for path in REPOSITORY.glob(pattern) if path != Path(__file__)]
    return frozenset(name for path in files for name in _SNAKE_CASE.findall(path.read_text()))
