"""The embedded tables as an import reaches them."""

from collections.abc import Mapping

from fleetgate.store.tables import TableCredentials, TableSettings
from harness.gate_world import GateWorld


def as_root(world: GateWorld) -> dict[str, str]:
    """The deployed hook's environment, but of root, who may write everywhere."""
    return {**world.embedded.hook_environment, **world.embedded.aws_environment()}


def tables(environment: Mapping[str, str], endpoint_url: str) -> TableSettings:
    """The tables of an environment, behind some endpoint."""
    return TableSettings(
        allow_list_table=environment["ALLOW_LIST_TABLE_NAME"],
        audit_table=environment["AUDIT_TABLE_NAME"],
        region=environment["AWS_DEFAULT_REGION"],
        endpoint_url=endpoint_url,
        credentials=TableCredentials(
            access_key_id=environment["AWS_ACCESS_KEY_ID"], secret_access_key=environment["AWS_SECRET_ACCESS_KEY"]
        ),
    )
