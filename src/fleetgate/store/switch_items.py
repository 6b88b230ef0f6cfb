"""The gate's switch in the allow-list table, and the fences that keep its stops from being lost to a race.

Every decision reads the switch, and so knows its version. A stop takes effect in two steps: the switch is written, then
the fences are raised to its version. An allow is committed only if its fence is not above the version that it was
judged by, so that none judged before a stop is committed after it.

The condition is not on the switch itself because DynamoDB cancels one of two transactions that are at the same item at
the same moment, also where both only check it: every allow of a fleet would wait for every other. There are many fences
instead; ADR 11 has the figures.
"""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeSetAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import AllowListItem

SWITCH_KEY = "gate#switch"
FENCE_PREFIX = "gate#fence#"
FENCES = 32


class SwitchItem(AllowListItem, discriminator="switch"):
    """The one switch of a stack; where it is missing the gate is open."""

    is_stopped = BooleanAttribute()
    manufacturers = UnicodeSetAttribute(null=True)
    imports = UnicodeSetAttribute(null=True)
    version = NumberAttribute()
    updated_at = UTCDateTimeAttribute()


class FenceItem(AllowListItem, discriminator="fence"):
    """The version of the switch below which nothing that was judged may be committed; missing until the first stop."""

    version = NumberAttribute()


def fence_key(number: int) -> str:
    """The key of a fence, 0 to FENCES - 1."""
    return f"{FENCE_PREFIX}{number:02}"


def fence_of(serial_number: SerialNumber) -> str:
    """The key of the fence that a device stands behind."""
    # Any even spread will do. hash() of a text differs from process to process, which does no harm here.
    return fence_key(hash(serial_number.value) % FENCES)


def judged_by(switch: GateSwitch) -> Condition:
    """The condition on a fence that lets what was judged by a version of the switch through."""
    condition: Condition = FenceItem.version.does_not_exist() | (FenceItem.version <= switch.version)
    return condition


def switch_from(item: SwitchItem) -> GateSwitch:
    """The switch of an item."""
    return GateSwitch(
        is_stopped=item.is_stopped,
        manufacturers=frozenset(item.manufacturers or ()),
        imports=frozenset(item.imports or ()),
        version=int(item.version),
    )
