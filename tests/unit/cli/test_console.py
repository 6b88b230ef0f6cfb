"""What others wrote cannot control the terminal of whoever reads it."""

import io
import re
import sys

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fleetgate_cli.console import HarmlessConsole
from fleetgate_cli.errors import Refused, show
from fleetgate_cli.terminal import harmless

_ATTACKS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;https://example.com\x1b\\\\link",
    "\x9b2J",
    "shown\rhidden",
    "back\b\b\b\bover",
    "\u202egnp.exe",
    "\u2066isolated",
    "del\x7f",
]
_OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CONTROLS = frozenset(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F))) - {"\n"}


@pytest.mark.parametrize("attack", _ATTACKS)
@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_that_is_printed_controls_the_terminal(attack: str, is_terminal: bool) -> None:
    stream = io.StringIO()
    console = HarmlessConsole(file=stream, force_terminal=is_terminal, markup=False, width=80)
    table = Table("File")
    table.add_row(attack)
    console.print(attack, Text(attack, style="red"), table, Group(attack, table))

    assert not _CONTROLS & set(_OWN_COLOURS.sub("", stream.getvalue()))
    assert ("\x1b" in stream.getvalue()) is is_terminal


def test_only_its_own_colours_stand_in_what_is_printed() -> None:
    stream = io.StringIO()
    HarmlessConsole(file=stream, force_terminal=True, color_system="truecolor").print(
        Text("\x1b[32mforged", style="red")
    )

    assert _OWN_COLOURS.findall(stream.getvalue()) == ["\x1b[31m", "\x1b[0m"]
    assert "\u241b[32mforged" in stream.getvalue()


@pytest.mark.parametrize("attack", _ATTACKS)
def test_no_error_controls_the_terminal(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(Refused("refused", f"There is no {attack}"), as_json=False, stream=sys.stderr)

    assert not _CONTROLS & set(capsys.readouterr().err)


def test_every_control_character_has_its_picture_and_text_stays() -> None:
    assert harmless("\x00\x1b\x7f\x85") == "\u2400\u241b\u2421\ufffd"
    assert harmless("Gr\u00f6\u00dfe\t\u8bbe\u5907\r\n") == "Gr\u00f6\u00dfe\t\u8bbe\u5907\r\n"
