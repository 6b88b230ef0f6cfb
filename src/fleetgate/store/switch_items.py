"""The kill switch in the allow-list table."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeSetAttribute, UTCDateTimeAttribute

from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.store.allow_list_items import AllowListItem

SWITCH_KEY = "gate#switch"


class SwitchItem(AllowListItem, discriminator="switch"):
    """The one switch of a stack; where it is missing the gate is open."""

    is_stopped = BooleanAttribute()
    manufacturers = UnicodeSetAttribute(null=True)
    imports = UnicodeSetAttribute(null=True)
    version = NumberAttribute()
    updated_at = UTCDateTimeAttribute()


def switch_from(item: SwitchItem) -> GateSwitch:
    """The switch of an item."""
    return GateSwitch(
        is_stopped=item.is_stopped,
        manufacturers=frozenset(item.manufacturers or ()),
        imports=frozenset(item.imports or ()),
        version=int(item.version),
    )
