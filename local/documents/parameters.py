"""Writes docs/parameters.md from template.yaml: `python -m local.documents.parameters [--check]`."""

from collections.abc import Mapping
from typing import Any

import click

from local.embedded.template import load_template
from local.environments import REPOSITORY

PAGE = REPOSITORY / "docs" / "parameters.md"

_HEAD = """\
# Parameters of the stack

`sam deploy --parameter-overrides NAME=VALUE` sets them, and so does `samconfig.toml` for each environment. Every
parameter has a default.

This page is made from `template.yaml` by `python -m local.documents.parameters`. Change it there.
"""


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the page is out of date.")
def main(check: bool) -> None:
    """Write docs/parameters.md from the parameters in template.yaml."""
    if not check:
        PAGE.write_text(page())
    elif not PAGE.is_file() or PAGE.read_text() != page():
        raise click.ClickException(f"{PAGE.name} is out of date: run `python -m local.documents.parameters`")


def page() -> str:
    """The page, in Markdown: a table for each group of parameters that the console shows."""
    template = load_template()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    return "\n".join([_HEAD, *(_part(group, template["Parameters"]) for group in groups)])


def _part(group: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    lines = [_row(name, parameters[name]) for name in group["Parameters"]]
    head = "| Parameter | Default | Values | What it sets |\n|---|---|---|---|"
    return "\n".join([f"## {group['Label']['default']}\n", head, *lines, ""])


def _row(name: str, declared: Mapping[str, Any]) -> str:
    default = _code(declared["Default"]) if declared["Default"] != "" else "empty"
    return f"| `{name}` | {default} | {_values(declared)} | {declared['Description']} |"


def _values(declared: Mapping[str, Any]) -> str:
    if allowed := declared.get("AllowedValues"):
        return ", ".join(map(_code, allowed))
    if declared["Type"] == "Number":
        return f"{declared['MinValue']} to {declared['MaxValue']}"
    if described := declared.get("ConstraintDescription"):
        return str(described)
    return _code(declared["AllowedPattern"]) if "AllowedPattern" in declared else "text"


def _code(value: object) -> str:
    """Code in a cell of a table, where a bar would end the cell."""
    escaped = str(value).replace("|", r"\|")
    return f"`{escaped}`"


if __name__ == "__main__":
    main(prog_name="python -m local.documents.parameters")
