"""Audit completeness under load and faults: every decision is in the table and in the archive exactly once.

    python -m harness.completeness.__main__ [SEED]

A seed makes the same load and the same choice of faults again; which request meets which is up to the machine.
"""

import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.figures import Amount, CouldNotMeasure, Count, Figure
from benchmarks.report import show
from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import DEFAULT_SETTLING_TIME, DIGESTS, HOUR, Folder, HourDigest, hour_of
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.store import Archive, SealingKey
from fleetgate.archive.verify import Verification, Verifier, verify_archive
from fleetgate.store.allow_list_items import AllowListItem, DeviceItem, entry_from
from fleetgate.store.audit_reader import document_from
from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate_cli.audit.signatures import TrustedKeys
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from harness.completeness.compare import compare
from harness.completeness.parts import SHARDS
from harness.completeness.run import ASKERS, Run
from harness.embedded import Embedded
from harness.hook_world import PARAMETERS, World
from local.embedded.stack import running_stack
from local.progress import step

_HOURS = 4
_DECISIONS_AN_HOUR = 1_000
# In the past by more than they take, so that nothing else of the stack is recorded in them.
_HOURS_AGO = 12

# What has to happen for the run to mean anything, with what it is called in the figures, and its unit.
_FAULTS = {
    "asker killed": ("hooks killed in mid-decision", "times"),
    "archiver killed": ("archivers killed in mid-batch", "times"),
    "sealer killed": ("sealers killed in mid-hour", "times"),
    "hook throttled": ("calls of the hook throttled", "times"),
    "answer to the hook lost": ("answers to the hook lost", "times"),
    "archiver throttled": ("calls of the archiver throttled", "times"),
    "read_refused": ("reads of the stream throttled", "times"),
    "in_part": ("batches archived in part", "times"),
    "read_again": ("reads of the stream repeated", "times"),
    "delivered again": ("delivered again", "records"),
    "late": ("sealed late", "records"),
}


def completeness_figures(seed: str | None = None) -> Iterator[Figure]:
    """Ask, kill, archive, repeat and seal on a stack of its own; then count what is there."""
    seed = seed or secrets.token_hex(4)
    with TemporaryDirectory() as folder, running_stack(Path(folder), parameters=PARAMETERS) as stack:
        embedded = Embedded(stack)
        run = Run(World.of(embedded), seed, hour_of(datetime.now(UTC)) - _HOURS_AGO * HOUR)
        with step("measuring audit completeness"):
            run.through(_HOURS, decisions_an_hour=_DECISIONS_AN_HOUR)
        yield from _figures(run, embedded)


def _figures(run: Run, embedded: Embedded) -> Iterator[Figure]:
    archive = Archive(embedded.stack.outputs["ArchiveName"], embedded.client("s3"))
    digests = [HourDigest.parse(content) for content in _contents(archive, DIGESTS)]
    records = sum(digest.record_count for digest in digests)
    happened = {
        **run.happened,
        "late": sum(one.record_count for digest in digests for one in digest.late),
        "delivered again": sum(one.record_count for digest in digests for one in digest.sources) - records,
    }
    if missing := [name for name in _FAULTS if not happened.get(name)]:
        raise CouldNotMeasure(f"there was no {', no '.join(missing)}")
    found = compare(
        run.told,
        reserved=_reserved(embedded),
        table=_table(embedded, run.first_hour),
        archive=[
            document for content in _contents(archive, f"{Folder.RECORDS.value}/") for _, document in unpacked(content)
        ],
    )
    yield Amount(
        name="audit completeness",
        what=f"decisions asked by {ASKERS} processes at once, archived by {SHARDS}; seed {run.seed}",
        amount=len(run.told),
        unit="decisions",
    )
    yield Amount(name="audit completeness", what="sealed", amount=records, unit="records")
    for name, (what, unit) in _FAULTS.items():
        yield Amount(name="audit completeness", what=what, amount=happened[name], unit=unit)
    for name, lost in (
        ("lost, audit table", found.lost_from_table),
        ("duplicated, audit table", found.duplicated_in_table),
        ("lost, archive", found.lost_from_archive),
        ("duplicated, archive", found.duplicated_in_archive),
        ("findings of the verification", tuple(str(one) for one in _verified(run, embedded, archive).findings)),
    ):
        yield Count(name=name, count=len(lost), detail=lost[:3], goal=0)


def _contents(archive: Archive, prefix: str) -> Iterator[bytes]:
    for key in archive.keys(prefix):
        stored = archive.get(key)
        if stored is None:
            raise CouldNotMeasure(f"{key} is gone")
        yield stored.content


def _table(embedded: Embedded, first_hour: datetime) -> list[dict[str, Any]]:
    """All records of the run's hours; setting up the stack has left some of the present hour."""
    end = f"{first_hour + (_HOURS + 1) * HOUR:%Y-%m-%dT%H}"
    items = _items(embedded, embedded.stack.outputs["AuditTableName"])
    return [document for document in map(document_from, items) if document["recorded_at"] < end]


def _reserved(embedded: Embedded) -> Iterator[str]:
    for raw in _items(embedded, embedded.stack.outputs["AllowListTableName"]):
        item = AllowListItem.from_raw_data(raw)
        if isinstance(item, DeviceItem) and (reservation := entry_from(item).reservation):
            yield reservation.decision_id


def _items(embedded: Embedded, table_name: str) -> Iterator[dict[str, Any]]:
    for page in embedded.dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        yield from page["Items"]


def _verified(run: Run, embedded: Embedded, archive: Archive) -> Verification:
    stack = embedded.stack
    public_key = SealingKey(stack.outputs["SealingKeyArn"], embedded.client("kms")).public_key()
    tables = TableSettings(
        allow_list_table=stack.outputs["AllowListTableName"],
        audit_table=stack.outputs["AuditTableName"],
        region=stack.region,
        endpoint_url=stack.endpoint_url,
        credentials=TableCredentials(access_key_id=ROOT_ACCESS_KEY_ID, secret_access_key=ROOT_SECRET_ACCESS_KEY),
    )
    verifier = Verifier(
        archive=archive,
        lines=AuditLines(tables),
        verify_signature=TrustedKeys([public_key]).verify,
        settling_time=DEFAULT_SETTLING_TIME,
    )
    end = run.first_hour + (_HOURS + 1) * HOUR
    return verify_archive(verifier, start=run.first_hour, end=end, now=end + DEFAULT_SETTLING_TIME)


if __name__ == "__main__":
    show(completeness_figures(*sys.argv[1:2]), Console(width=None if sys.stdout.isatty() else 120))
