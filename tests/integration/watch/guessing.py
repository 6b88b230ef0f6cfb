"""Somebody guesses with a claim certificate; what the watcher did about it."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.watch import watcher
from fleetgate.watch.burst import WATCHER
from harness.denials import denial
from harness.embedded import Embedded

Invoke = Callable[..., list[str]]
MANY = 21  # one more than the stack's threshold
QUIET: list[str] = []


def forget() -> None:
    for cached in (watcher._settings, watcher._tables, watcher._iot, watcher._responder, watcher._reporter):
        cached.cache_clear()


def context() -> Any:
    return SimpleNamespace(
        function_name="watcher", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1"
    )


def guesses(claim: ClaimCertificate, count: int, moment: datetime, **changes: Any) -> list[AuditRecord]:
    """Denials of one identity each, a second apart."""
    return [
        denial(claim.certificate_id, f"GUESS-{secrets.token_hex(4)}", moment + timedelta(seconds=number), **changes)
        for number in range(count)
    ]


def is_blocked(embedded: Embedded, claim: ClaimCertificate) -> bool:
    return bool(embedded.claim_item(claim.certificate_id)["status"]["S"] == ClaimStatus.BLOCKED.value)


def done_about(embedded: Embedded, claim: ClaimCertificate) -> list[tuple[str, str | None]]:
    """What is on record about a claim certificate, decisions aside: action and actor, sorted."""
    records = embedded.records(f"claim#{claim.certificate_id}")
    return sorted((record.action or "", record.actor) for record in records if record.kind is not RecordKind.DECISION)


BLOCKED: list[tuple[str, str | None]] = [("block_claim", WATCHER), ("denial_burst", WATCHER)]
TOLD: list[tuple[str, str | None]] = [("denial_burst", WATCHER)]


def metrics_in(captured: str) -> dict[str, float]:
    """The metrics that were emitted, by name."""
    lines = [json.loads(line) for line in captured.splitlines()]
    return {
        metric["Name"]: sum(line[metric["Name"]])
        for line in lines
        for group in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in group["Metrics"]
    }


def acted(embedded: Embedded, claim: ClaimCertificate, action: str, status: ClaimStatus, moment: datetime) -> None:
    """An operator acted on a claim certificate."""
    embedded.put(replace(claim, status=status))
    embedded.put_record(
        AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.OPERATOR_ACTION,
            action=action,
            actor="arn:aws:iam::123456789012:user/alice",
            reason="case 4711",
            claim_certificate_id=claim.certificate_id,
        )
    )
