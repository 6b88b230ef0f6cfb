"""What the gate decides reaches the archive by way of the stream, is sealed under the sealer's role, and is proven."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import DEFAULT_SETTLING_TIME, HOUR, Folder, hour_of
from fleetgate.archive.findings import FindingKind
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.store import Archive, SealingKey
from fleetgate.archive.verify import Verifier, verify_archive
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate_cli.audit.signatures import TrustedKeys
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, root_session
from harness.embedded import Embedded
from local.demo.sealing import seal
from tests.e2e.conftest import Ask
from tests.e2e.waiting import eventually


@pytest.fixture
def archive(embedded: Embedded) -> Archive:
    """The deployed archive, as root."""
    return Archive(embedded.stack.outputs["ArchiveName"], embedded.client("s3"))


@pytest.fixture
def seal_the_current_hour(embedded: Embedded, archive: Archive) -> Iterator[Callable[[], datetime]]:
    """Seals an hour before it is over, and unseals it: what the stack records later in that hour is not amiss."""
    before = frozenset(archive.keys(""))
    hour = hour_of(datetime.now(UTC))

    def run() -> datetime:
        seal(root_session(), embedded.stack.endpoint_url, now=hour + 1.5 * HOUR)
        return hour

    yield run
    s3 = embedded.client("s3")
    for key in set(archive.keys("")) - before:
        if not key.startswith(Folder.ARRIVED.value):
            for version_id in archive.versions(key)[key]:
                s3.delete_object(Bucket=archive.bucket, Key=key, VersionId=version_id, BypassGovernanceRetention=True)


def archived(archive: Archive, folder: str) -> Iterator[dict[str, Any]]:
    """Every record that lies under a folder."""
    for key in archive.keys(folder):
        stored = archive.get(key)
        assert stored is not None
        yield from (document for _, document in unpacked(stored.content))


def test_a_decision_reaches_the_archive_by_the_stream_and_is_sealed(
    ask: Ask,
    device: AllowListEntry,
    embedded: Embedded,
    archive: Archive,
    seal_the_current_hour: Callable[[], datetime],
) -> None:
    ask(device)
    ask(device, MacAddress="00:1b:44:00:00:00")
    subject = f"device#{device.serial_number}"
    # Outcomes add to them.
    decided = sorted(record.record_id for record in embedded.records(subject) if record.decision_id == record.record_id)
    assert len(decided) == 2

    def those_decisions(folder: str) -> list[str]:
        return sorted(found["record_id"] for found in archived(archive, folder) if found["record_id"] in decided)

    assert eventually(lambda: set(those_decisions("arrived/")) == set(decided) or None)
    hour = seal_the_current_hour()
    assert those_decisions("records/") == decided

    verifier = Verifier(
        archive=archive,
        lines=AuditLines(tables(embedded)),
        verify_signature=TrustedKeys([public_key(embedded)]).verify,
        settling_time=DEFAULT_SETTLING_TIME,
    )
    # The hour is not over, so the stack goes on recording into it; and other tests tamper with its table.
    done = verify_archive(verifier, start=hour - HOUR, end=hour + HOUR, now=hour + 2 * HOUR)
    by_others = {FindingKind.BATCH_NOT_SEALED, FindingKind.RECORD_NOT_ARCHIVED, FindingKind.TABLE_CHANGED}
    assert {found.kind for found in done.findings} <= by_others
    assert not {record_id for found in done.findings for record_id in found.record_ids} & set(decided)
    assert done.records >= len(decided)


def test_the_deployed_sealer_runs(embedded: Embedded) -> None:
    answer = embedded.client("lambda").invoke(FunctionName=embedded.resource("SealerFunction"), Payload=b"{}")

    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read())["is_done"] is True


def public_key(embedded: Embedded) -> bytes:
    """Of the deployed sealing key."""
    return SealingKey(embedded.stack.outputs["SealingKeyArn"], embedded.client("kms")).public_key()


def tables(embedded: Embedded) -> TableSettings:
    """The stack's tables, as root."""
    return TableSettings(
        allow_list_table=embedded.stack.outputs["AllowListTableName"],
        audit_table=embedded.stack.outputs["AuditTableName"],
        region=embedded.stack.region,
        endpoint_url=embedded.stack.endpoint_url,
        credentials=TableCredentials(access_key_id=ROOT_ACCESS_KEY_ID, secret_access_key=ROOT_SECRET_ACCESS_KEY),
    )
