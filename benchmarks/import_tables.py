"""The embedded tables as an import reaches them."""

from collections.abc import Mapping

from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from harness.hook_world import World


def as_root(world: World) -> dict[str, str]:
    """The deployed hook's environment, but of root, who may write everywhere."""
    others = {name: value for name, value in world.environment.items() if name != "AWS_SESSION_TOKEN"}
    return {**others, "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY}


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
