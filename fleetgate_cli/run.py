"""One run of the command: its options, the stack it works on, and where its output goes."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from ulid import ULID

from fleetgate.domain.audit import Question
from fleetgate.domain.operator_action import Operator
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.stop_store import StopStore
from fleetgate.trail.note_query import note_question
from fleetgate.trail.store import AuditTrail
from fleetgate_cli.imports.deliveries import Watcher
from fleetgate_cli.target import Target, TargetOptions

# Wide enough for every table; a file or a pipe has no width of its own.
_COLUMNS_WITHOUT_TERMINAL = 100


@dataclass
class Run:
    """What every command needs. The stack is looked up when it is first asked for, so that `--help` never is."""

    as_json: bool = False
    options: TargetOptions = field(default_factory=TargetOptions)

    @cached_property
    def target(self) -> Target:
        """The stack."""
        with self.progress("Looking up the stack"):
            return Target.resolve(self.options, folder=Path.cwd())

    @cached_property
    def store(self) -> StopStore:
        """The stack's tables."""
        return StopStore(self.target.table_settings())

    @cached_property
    def import_records(self) -> ImportRecords:
        """The stack's imports."""
        return ImportRecords(self.target.table_settings())

    @cached_property
    def trail(self) -> AuditTrail:
        """The stack's audit trail."""
        return AuditTrail(self.target.table_settings())

    def caller(self) -> str:
        """The ARN of whoever runs this command, as AWS knows them."""
        return str(self.target.client("sts").get_caller_identity()["Arn"])

    def operator(self, reason: str) -> Operator:
        """Whoever runs this command, with their words."""
        return Operator(actor=self.caller(), reason=reason, now=now, new_record_id=new_record_id)

    def note(self, question: Question, words: str) -> None:
        """Put on record what whoever runs this command asks for. Nothing is to be printed before, nor if it fails."""
        moment = now()
        note_question(
            question, words, actor=self.caller(), trail=self.trail, now=moment, record_id=new_record_id(moment)
        )

    def emit(self, document: Mapping[str, Any], render: Callable[[Console], None]) -> None:
        """Write the result: the document with `--json`, what `render` prints otherwise."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2))
        else:
            render(_console(sys.stdout))

    def watcher(self) -> Watcher:
        """Shows how far an upload and its import are, to a person at a terminal only."""
        console = _console(sys.stderr)
        return Watcher(console, is_shown=console.is_terminal and not self.as_json)

    @contextmanager
    def progress(self, doing: str) -> Iterator[None]:
        """Show that something is going on, to a person at a terminal only."""
        console = _console(sys.stderr)
        if self.as_json or not console.is_terminal:
            yield
            return
        with console.status(f"{doing} ..."):
            yield


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


def new_record_id(moment: datetime) -> str:
    """A unique ID that sorts by time, as the hook makes them."""
    return str(ULID.from_datetime(moment))


def _console(stream: Any) -> Console:
    # Without markup: what devices present must not be able to colour, link or hide anything.
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        # A sentence stays one line for grep; print_table() says otherwise for tables.
        soft_wrap=True,
        width=None if stream.isatty() else _COLUMNS_WITHOUT_TERMINAL,
    )
