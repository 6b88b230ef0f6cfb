"""How a past is made, and who asked about it."""

from collections.abc import Callable

from fleetgate.domain.audit import AuditRecord
from harness.embedded import Embedded

ROOT_ARN = "arn:aws:iam::000000000000:root"
Lived = Callable[..., list[AuditRecord]]


def questions(embedded: Embedded) -> list[AuditRecord]:
    """The questions on record, oldest first."""
    return embedded.records("queries")
