"""The security team's half of the demo: a thief, questions, a story, its proof, and a forged record."""

import gzip
import time
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleetgate.archive.digest import HOUR, Folder, hour_of
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.prove import prove_story
from fleetgate.archive.store import Archive
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.claim import ClaimStatus
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.imports.store.reader import ImportReader
from fleetgate.store.allow_list import AllowList
from fleetgate.trail.device_story import device_story
from fleetgate.trail.query import AuditQuery
from fleetgate.trail.store import AuditTrail
from fleetgate_cli.audit.archive import archive_of, lines_of, verifier_of
from fleetgate_cli.audit.proof_view import print_proofs
from fleetgate_cli.audit.story_view import print_story
from fleetgate_cli.main import root
from fleetgate_cli.target import Target
from local.demo.device import RegistrationRefused, connected
from local.demo.scenarios import Fleet
from local.demo.sealing import seal

_MAX_GUESSES = 200
_PATIENCE_SECONDS = 60.0
# How long nothing may happen before the trail is taken for whole.
_QUIET_SECONDS = 3.0
_CLONE = b'"mac_address_mismatch"'


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that the security team sees, and what it should be."""

    what: str
    saw: str
    as_expected: bool


@dataclass(frozen=True, slots=True)
class SecurityTeam:
    """Whoever asks who let a device in.

    Attributes:
        folder: Where the stack runs, for the command.
    """

    target: Target
    world: Fleet
    console: Console
    folder: Path

    def investigate(self) -> list[Observation]:
        """Do it all; what was seen."""
        found = [*self._thief()]
        self._run("device", "show", "ACME-0002", "--limit", "3")
        self._run("audit", "stats")
        found.append(self._sealed())
        self._tell("ACME-0001")
        found.append(self._verified("the archive, verified", 0))
        self._heading("Now somebody with every permission makes the clone's denial an allow, in the archive")
        self._tamper()
        found.append(self._verified("the same, after somebody made the clone's denial an allow", 1))
        return found

    def show(self, found: list[Observation]) -> int:
        """Print what was seen; how much of it is not as it should be."""
        table = Table(title="\nThe security team", title_justify="left", title_style="bold", pad_edge=False)
        table.add_column("What")
        table.add_column("What came of it", overflow="fold")
        for one in found:
            table.add_row(one.what, Text(one.saw, style="green" if one.as_expected else "bold red"))
        self.console.print(table)
        return sum(not one.as_expected for one in found)

    # ---- A thief ----------------------------------------------------------------------------------------------------

    def _thief(self) -> Iterator[Observation]:
        """Somebody has globex's claim certificate and guesses serial numbers, until nobody lets it in any more."""
        self._heading("Somebody has globex's claim certificate, and guesses serial numbers")
        world, genuine = self.world, self.world.devices["GLOBEX-0001"]
        claim_id, allow_list = world.globex_claim_id, AllowList(self.target.table_settings())
        started, guesses = time.monotonic(), 0
        with connected(world.broker, world.globex_claim, f"{world.client_id_prefix}thief") as session:
            issued = session.create_keys_and_certificate()
            while not _is_blocked(allow_list, claim_id) and guesses < _MAX_GUESSES:
                guesses += 1
                guess = {"SerialNumber": f"GLOBEX-{7000 + guesses}", "MacAddress": f"00:25:96:00:70:{guesses:02x}"}
                session.register_thing(world.template_name, issued, guess)
        seconds, is_blocked = time.monotonic() - started, _is_blocked(allow_list, claim_id)
        yield Observation(
            "a stolen claim certificate, and somebody who guesses",
            f"blocked without a person, {guesses} guesses and {seconds:.0f} s after the first"
            if is_blocked
            else f"NOT blocked after {guesses} guesses",
            is_blocked,
        )
        with connected(world.broker, world.globex_claim, f"{world.client_id_prefix}late") as session:
            issued = session.create_keys_and_certificate()
            presented = {"SerialNumber": genuine.serial_number, "MacAddress": genuine.mac_address}
            answer = session.register_thing(world.template_name, issued, presented)
        is_denied = isinstance(answer, RegistrationRefused)
        yield Observation(
            "an approved serial number with it, after that", "denied" if is_denied else "LET IN", is_denied
        )
        self.console.print("What the security team is told (the one denial before, with the same certificate, counts):")
        for notice in self._notices(claim_id):
            self.console.print(f"  {notice}")
        self.console.print()

    def _notices(self, claim_id: str) -> list[str]:
        now = datetime.now(UTC)
        query = AuditQuery(
            start=now - HOUR, end=now + HOUR, kinds=frozenset({RecordKind.NOTICE}), claim_certificate_id=claim_id
        )
        return [record.reason for record in AuditTrail(self.target.table_settings()).page(query, limit=3).records]

    # ---- The proof --------------------------------------------------------------------------------------------------

    def _sealed(self) -> Observation:
        """Have every record archived, and seal the hour that is not over yet."""
        archived = self._wait_until_archived()
        done = seal(
            self.target.session,
            str(self.target.endpoint_url),
            now=hour_of(datetime.now(UTC)) + 1.5 * HOUR,
        )
        records, digests = sum(digest.record_count for digest in done.digests), len(done.digests)
        said = f"{records} of {archived} records under {digests} signed digest{'' if digests == 1 else 's'}"
        return Observation("everything archived, and its hour sealed before its end", said, records == archived > 0)

    def _wait_until_archived(self) -> int:
        """Wait until the audit table and the archive have the same records, and no new ones; how many."""
        deadline, quiet_since, before = time.monotonic() + _PATIENCE_SECONDS, time.monotonic(), -1
        archive, lines = archive_of(self.target), lines_of(self.target)
        while time.monotonic() < deadline:
            today = datetime.now(UTC).date()
            table = {one["record_id"] for day in (today - timedelta(days=1), today) for one in lines.of_day(day)}
            if len(table) != before or table != _arrived(archive):
                before, quiet_since = len(table), time.monotonic()
            elif time.monotonic() - quiet_since > _QUIET_SECONDS:
                return len(table)
            time.sleep(0.3)
        return 0

    def _tell(self, serial_number: str) -> None:
        """What `fleetgate device story` prints, without the record that somebody asked: its hour is sealed already."""
        self._heading(f"$ fleetgate device story {serial_number}")
        settings, now = self.target.table_settings(), datetime.now(UTC)
        story = device_story(
            SerialNumber(serial_number),
            allow_list=AllowList(settings),
            trail=AuditTrail(settings),
            imports=ImportReader(settings),
            now=now,
        )
        verifier, _ = verifier_of(self.target, ())
        proofs = prove_story(story, verifier=verifier, now=now)
        print_story(story, proofs, self.console, now=now)
        print_proofs(proofs, self.console)

    def _verified(self, what: str, wanted: int) -> Observation:
        hour = hour_of(datetime.now(UTC))
        code = self._run("audit", "verify", "--from", f"{hour - HOUR:%Y-%m-%dT%H}", "--to", f"{hour:%Y-%m-%dT%H}")
        said = {0: "sound", 1: "tampered with, and the object is named"}.get(code, "could not be checked")
        return Observation(what, said, code == wanted)

    def _tamper(self) -> None:
        """Somebody with every permission turns the clone's denial into an allow, in the archive."""
        archive = archive_of(self.target)
        for key in archive.keys(Folder.RECORDS.value):
            stored = archive.get(key)
            if stored is None:
                continue
            lines = [line for line, _ in unpacked(stored.content)]
            forged = [line.replace(b'"denied"', b'"allowed"') if _CLONE in line else line for line in lines]
            if forged != lines:
                content = gzip.compress(b"".join(line + b"\n" for line in forged))
                archive.client.put_object(Bucket=archive.bucket, Key=key, Body=content, Metadata=dict(stored.metadata))

    # ---- How it is shown --------------------------------------------------------------------------------------------

    def _heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/]")

    def _run(self, *arguments: str) -> int:
        """Run the command, as an operator would; its exit code."""
        self._heading(f"$ fleetgate {' '.join(arguments)}")
        self.console.file.flush()
        with chdir(self.folder):
            try:
                root.main(["--local", *arguments], prog_name="fleetgate")
            except SystemExit as ended:
                return int(ended.code or 0)
        return 0


def _is_blocked(allow_list: AllowList, claim_id: str) -> bool:
    claim = allow_list.claim(claim_id)
    return claim is not None and claim.status is ClaimStatus.BLOCKED


def _arrived(archive: Archive) -> set[str]:
    return {
        str(document["record_id"])
        for key in archive.keys(Folder.ARRIVED.value)
        if (stored := archive.get(key))
        for _, document in unpacked(stored.content)
    }
