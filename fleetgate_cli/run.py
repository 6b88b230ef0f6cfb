"""One run of the command: its options, the stack it works on, and where its output goes.

All that is slow to load is loaded here when a command first asks for it, so that its help never waits.
"""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetgate.domain.audit import Clock, QueryAction
from fleetgate.domain.operator_action import Operator

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

    from fleetgate.imports.store.reader import ImportReader
    from fleetgate.imports.store.records import ImportRecords
    from fleetgate.operators.claim_store import ClaimStore
    from fleetgate.operators.device_store import DeviceStore
    from fleetgate.operators.manufacturer_store import ManufacturerStore
    from fleetgate.operators.switch_store import SwitchStore
    from fleetgate.store.allow_list import AllowList
    from fleetgate.store.tables import StackTables
    from fleetgate.trail.records import SubjectRecords
    from fleetgate.trail.store import AuditTrail
    from fleetgate_cli.target import Target

STACK_NAME_VARIABLE = "FLEETGATE_STACK_NAME"
DEFAULT_STACK_NAME = "fleetgate"


@dataclass
class Run:
    """What every command needs. The stack is looked up when a command first asks for it.

    Attributes:
        sleep: Waits some seconds, where a stop has to.
    """

    as_json: bool = False
    local: bool = False
    stack_name: str | None = None
    profile: str | None = None
    region: str | None = None
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def target(self) -> "Target":
        """The stack that the options name.

        Raises:
            CouldNotCheck: The stack does not exist.
            StackNotRunning: No embedded stack runs in the current folder.
            click.UsageError: The options contradict each other.
        """
        if self.local and (self.stack_name or self.profile or self.region):
            raise click.UsageError("--local is the embedded stack: leave --stack-name, --profile and --region out.")
        from fleetgate_cli.target import Target

        with self.progress("Looking up the stack"):
            if self.local:
                return Target.embedded(Path.cwd())
            stack_name = self.stack_name or os.environ.get(STACK_NAME_VARIABLE) or DEFAULT_STACK_NAME
            return Target.in_aws(stack_name, profile=self.profile, region=self.region)

    @property
    def stack_options(self) -> list[str]:
        """The options that name the stack, as they were given and quoted for a shell."""
        given = {"--stack-name": self.stack_name, "--profile": self.profile, "--region": self.region}
        named = [part for option, value in given.items() if value for part in (option, shlex.quote(value))]
        return ["--local", *named] if self.local else named

    @cached_property
    def tables(self) -> "StackTables":
        """The stack's tables, with the one client that all stores share."""
        from fleetgate.store.tables import StackTables

        return StackTables(self.target.table_settings())

    @cached_property
    def allow_list(self) -> "AllowList":
        """The stack's allow-list, read."""
        from fleetgate.store.allow_list import AllowList

        return AllowList(self.tables)

    @cached_property
    def devices(self) -> "DeviceStore":
        """The stack's devices, as operators change them."""
        from fleetgate.operators.device_store import DeviceStore

        return DeviceStore(self.tables)

    @cached_property
    def claims(self) -> "ClaimStore":
        """The stack's claim certificates, as operators change them."""
        from fleetgate.operators.claim_store import ClaimStore

        return ClaimStore(self.tables)

    @cached_property
    def manufacturers(self) -> "ManufacturerStore":
        """The stack's manufacturers, as operators change them."""
        from fleetgate.operators.manufacturer_store import ManufacturerStore

        return ManufacturerStore(self.tables)

    def check_manufacturer(self, name: str) -> None:
        """Turn down a manufacturer that is not registered, where the stack wants it to be.

        Raises:
            Refusal: It is not registered.
        """
        if self.target.requires_registered_manufacturers():
            self.manufacturers.reader.known(name)

    @cached_property
    def switch(self) -> "SwitchStore":
        """The stack's kill switch, as operators change it."""
        from fleetgate.operators.switch_store import SwitchStore

        return SwitchStore(self.tables)

    @cached_property
    def imports(self) -> "ImportReader":
        """The stack's imports, read."""
        from fleetgate.imports.store.reader import ImportReader

        return ImportReader(self.tables)

    @cached_property
    def import_records(self) -> "ImportRecords":
        """The stack's imports."""
        from fleetgate.imports.store.records import ImportRecords

        return ImportRecords(self.tables)

    @cached_property
    def trail(self) -> "AuditTrail":
        """The stack's audit trail."""
        from fleetgate.trail.store import AuditTrail

        return AuditTrail(self.tables)

    @cached_property
    def records(self) -> "SubjectRecords":
        """The audit records of one device, or of the gate."""
        from fleetgate.trail.records import SubjectRecords

        return SubjectRecords(self.tables)

    @property
    def clock(self) -> Clock:
        """This machine's clock, which numbers records as the hook does."""
        from fleetgate.store.audit_items import make_clock

        return make_clock()

    def caller(self) -> str:
        """The ARN of whoever runs this command, as AWS knows them."""
        return str(self.target.client("sts").get_caller_identity()["Arn"])

    def operator(self, reason: str) -> Operator:
        """Whoever runs this command, with their words."""
        return Operator(actor=self.caller(), reason=reason, clock=self.clock)

    def note(self, question: QueryAction, words: str) -> None:
        """Put the query on record. Call it before anything is printed; print nothing if it fails."""
        from fleetgate.trail.note_query import note_query

        note_query(question, words, actor=self.caller(), trail=self.trail, clock=self.clock)

    def emit(self, document: Mapping[str, Any], render: "Callable[[Console], None]") -> None:
        """Write the result: the document with `--json`, what `render` prints otherwise."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2))
        else:
            from fleetgate_cli.console import console_on

            render(console_on(sys.stdout))

    @contextmanager
    def progress(self, doing: str) -> Iterator[None]:
        """Show on stderr that something is going on, to a person at a terminal only."""
        if not self._has_audience:
            yield
            return
        from fleetgate_cli.console import console_on

        with console_on(sys.stderr).status(f"{doing} ..."):
            yield

    def progress_bar(self, *columns: "ProgressColumn") -> "Progress":
        """A bar on stderr for what takes long, shown to a person at a terminal only."""
        from rich.progress import Progress

        from fleetgate_cli.console import console_on

        return Progress(*columns, console=console_on(sys.stderr), transient=True, disable=not self._has_audience)

    @property
    def _has_audience(self) -> bool:
        return not self.as_json and sys.stderr.isatty()


def hint(command: str) -> str:
    """A command that may be next, as it has to be typed for the same stack.

    Args:
        command: Without `fleetgate`.
    """
    context = click.get_current_context(silent=True)
    run = context.find_object(Run) if context else None
    return " ".join(["fleetgate", command, *(run.stack_options if run else ())])


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)
