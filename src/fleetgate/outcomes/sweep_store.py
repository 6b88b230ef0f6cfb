"""Where the reconciler's sweeps are, and the audit records that come next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pynamodb.attributes import ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.outcomes.supersession import Use
from fleetgate.store.allow_list_items import AllowListItem, device_key
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.audit_reader import AuditReader, Index, UnreadableRecord, believed
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.tables import StackTables, TableSettings

_PAGE_ITEMS = 200
_SET_ASIDE = "reconciler#set-aside"


class Sweep(StrEnum):
    """What the reconciler sweeps through, bit by bit."""

    RESERVATIONS = "reservations"
    SUPERSEDED = "superseded"
    THINGS = "things"
    GATE = "gate"


class ReconcilerItem(AllowListItem, discriminator="reconciler"):
    """How far a sweep came: the last audit record that it is done with, or what comes next.

    That is AWS IoT's token for a page of things, or a claim certificate.
    """

    record_id = UnicodeAttribute(null=True)
    next_token = UnicodeAttribute(null=True)


class SetAsideAttribute(MapAttribute[str, Any]):
    """A certificate that came into use, to be looked at again."""

    serial_number = UnicodeAttribute()
    certificate_id = UnicodeAttribute()
    since = UTCDateTimeAttribute()


class SetAsideItem(AllowListItem, discriminator="reconciler_set_aside"):
    """What the sweep through superseded certificates comes back to."""

    uses: ListAttribute[SetAsideAttribute] = ListAttribute(of=SetAsideAttribute)
    version = NumberAttribute(null=True)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A certificate that came into use, where AWS IoT refused what had to be done about its predecessors.

    Attributes:
        since: Of the first refusal; aware UTC.
    """

    use: Use
    since: datetime


class SweepStore:
    """One stack's tables, as the reconciler sweeps them. Every method raises Fault when they cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._records = AuditReader(self._tables)

    def done_until(self, sweep: Sweep) -> str | None:
        """The ID of the last record that a sweep is done with; None before its first run."""
        found = self._place(sweep)
        return None if found is None else found.record_id

    def note_done(self, sweep: Sweep, record_id: str) -> None:
        """Remember how far a sweep came. Two of them at once may set it back, which costs looking again."""
        with self._tables.asked():
            ReconcilerItem(_key(sweep), record_id=record_id).save()

    def next_token(self, sweep: Sweep = Sweep.THINGS) -> str | None:
        """What comes next in a sweep through a list; None for its beginning."""
        found = self._place(sweep)
        return None if found is None else found.next_token

    def note_next_token(self, token: str | None, sweep: Sweep = Sweep.THINGS) -> None:
        """Remember what comes next in a sweep through a list."""
        with self._tables.asked():
            ReconcilerItem(_key(sweep), next_token=token).save()

    def records(self, after: str, before: datetime) -> Iterator[AuditRecord | UnreadableRecord]:
        """All audit records, oldest first, and items that are none to go by.

        Args:
            after: A record ID, exclusive.
            before: Aware UTC, exclusive.
        """
        day = ULID.from_str(after).datetime.astimezone(UTC).date()
        end = str(ULID.from_datetime(before))
        if after >= end:  # it has become more patient since, and DynamoDB refuses a range that ends before it begins
            return
        while day <= before.date():
            for page in self._records.pages(
                day.isoformat(),
                index=Index.BY_DAY,
                ids=AuditItem.record_id.between(after, end),
                page_items=_PAGE_ITEMS,
            ):
                found = map(believed, page)
                yield from (one for one in found if one.record_id is None or after < one.record_id < end)
            day += timedelta(days=1)

    def certificates_of(self, serial_number: SerialNumber) -> Iterator[AuditRecord]:
        """The audit records that say which certificates a device was given and lost, oldest first."""
        tells = (AuditItem.verdict == Verdict.ALLOWED.value) | AuditItem.superseded_certificate_id.exists()
        return self._records.records_under(device_key(serial_number), condition=tells)

    def set_aside(self) -> tuple[SetAside, ...]:
        """What the sweep through superseded certificates comes back to."""
        return tuple(self._set_aside()[0].values())

    def put_aside(self, one: SetAside) -> None:
        """Have the sweep through superseded certificates come back to a use; the first time counts."""

        def attempt() -> None:
            aside, version = self._set_aside()
            if one.use in aside or self._save_set_aside({**aside, one.use: one}, version):
                return
            raise Overtaken

        return until_written(attempt)

    def let_go(self, use: Use) -> None:
        """Have the sweep through superseded certificates come back to a use no more."""

        def attempt() -> None:
            aside, version = self._set_aside()
            if aside.pop(use, None) is None or self._save_set_aside(aside, version):
                return
            raise Overtaken

        return until_written(attempt)

    def _set_aside(self) -> tuple[dict[Use, SetAside], int | None]:
        """What is set aside, and the version of that; None where it has none yet."""
        found = self._tables.get(SetAsideItem, _SET_ASIDE)
        if found is None:
            return {}, None
        with self._tables.asked():
            aside = {one.use: one for one in map(_set_aside_from, found.uses)}
            return aside, None if found.version is None else int(found.version)

    def _save_set_aside(self, aside: dict[Use, SetAside], before: int | None) -> bool:
        """Write what is set aside, if nobody did since; whether it was written. Runs may overlap."""
        uses = [_attribute(one) for one in aside.values()]
        is_unchanged = SetAsideItem.version.does_not_exist() if before is None else SetAsideItem.version == before
        return self._tables.put_if(SetAsideItem(_SET_ASIDE, uses=uses, version=(before or 0) + 1), is_unchanged)

    def _place(self, sweep: Sweep) -> ReconcilerItem | None:
        return self._tables.get(ReconcilerItem, _key(sweep))


def _key(sweep: Sweep) -> str:
    return f"reconciler#{sweep}"


def _set_aside_from(stored: SetAsideAttribute) -> SetAside:
    use = Use(serial_number=SerialNumber(stored.serial_number), certificate_id=stored.certificate_id)
    return SetAside(use, stored.since)


def _attribute(one: SetAside) -> SetAsideAttribute:
    return SetAsideAttribute(
        serial_number=one.use.serial_number.value, certificate_id=one.use.certificate_id, since=one.since
    )
