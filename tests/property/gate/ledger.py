"""What a bystander with a good memory knows of one device, kept apart from its allow-list entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One new promise that was made and committed.

    Attributes:
        is_comeback: Whether it let a provisioned device return through a shared claim certificate.
    """

    certificate_id: str
    key: str
    decision_id: str
    overrides: Mapping[str, str]
    granted_at: datetime
    deadline: datetime
    is_comeback: bool


@dataclass(kw_only=True)
class Ledger:
    """The history of one device.

    Attributes:
        pending: The newest grant whose outcome was not seen.
        current: The grant whose certificate was seen in use last.
        grants_in_a_row: How many grants of another key were made since the device last finished one.
        unhelped_in_a_row: Those of them that no repair window helped.
        comebacks: Returns through a shared claim certificate, those in a repair window included.
    """

    pending: Grant | None = None
    current: Grant | None = None
    grants_in_a_row: int = 0
    unhelped_in_a_row: int = 0
    comebacks: int = 0
    comebacks_in_repair_windows: int = 0
    repair_window_until: datetime | None = None
    is_quarantined: bool = False
    is_retired: bool = False

    @property
    def is_stopped(self) -> bool:
        """Whether an operator stopped the device."""
        return self.is_quarantined or self.is_retired

    @property
    def own_certificate_ids(self) -> set[str]:
        """The certificates by which the device proves to be itself."""
        return {grant.certificate_id for grant in (self.pending, self.current) if grant is not None}

    def holding(self, certificate_id: str) -> Grant | None:
        """The grant that a certificate may ask for again."""
        held = (grant for grant in (self.pending, self.current) if grant is not None)
        return next((grant for grant in held if grant.certificate_id == certificate_id), None)

    def is_repair_window_open(self, now: datetime) -> bool:
        """Whether an operator expects the device back."""
        return self.repair_window_until is not None and now < self.repair_window_until

    def finish(self) -> None:
        """Note that the pending grant's certificate was seen in use."""
        self.current, self.pending, self.grants_in_a_row, self.unhelped_in_a_row = self.pending, None, 0, 0

    def grant(
        self,
        *,
        certificate_id: str,
        key: str,
        claim_certificate_id: str,
        decision_id: str,
        overrides: Mapping[str, str],
        granted_at: datetime,
        deadline: datetime,
    ) -> None:
        """Note a new grant."""
        if self.pending is not None and self.pending.certificate_id == claim_certificate_id:
            self.finish()
        is_comeback = self.current is not None and claim_certificate_id not in self.own_certificate_ids
        if is_comeback and not (self.pending is not None and self.pending.is_comeback):
            self.comebacks += 1
            self.comebacks_in_repair_windows += self.is_repair_window_open(granted_at)
        # A device that asks again with its own key is no contest, so it is no attempt.
        is_attempt = self.pending is None or self.pending.key != key
        self.grants_in_a_row += is_attempt
        self.unhelped_in_a_row += is_attempt and not self.is_repair_window_open(granted_at)
        self.pending = Grant(
            certificate_id=certificate_id,
            key=key,
            decision_id=decision_id,
            overrides=overrides,
            # Its place is protected since it first asked.
            granted_at=granted_at if self.pending is None or is_attempt else self.pending.granted_at,
            deadline=deadline,
            is_comeback=is_comeback,
        )
