"""What Fleetgate did not make stays as it is: other things of the account, and a certificate that has its thing."""

import json
import secrets
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import SerialNumber
from harness.embedded import Embedded
from local.demo.device import Issued, Registered, RegistrationRefused
from tests.e2e.conftest import Ask

ROOT_ARN = "arn:aws:iam::000000000000:root"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def arn_of(embedded: Embedded, issued: Issued) -> str:
    """The ARN of a certificate."""
    found = embedded.client("iot").describe_certificate(certificateId=issued.certificate_id)
    return str(found["certificateDescription"]["certificateArn"])


@pytest.fixture
def as_provisioning_role(embedded: Embedded) -> Any:
    """AWS IoT as somebody reaches it who may do what the provisioning role may; that one trusts AWS IoT alone."""
    iam, name = embedded.client("iam"), f"probe-{secrets.token_hex(4)}"
    (stack,) = embedded.client("cloudformation").describe_stacks()["Stacks"]
    found = embedded.client("cloudformation").describe_stack_resource(
        StackName=stack["StackName"], LogicalResourceId="ProvisioningRole"
    )
    of_stack = found["StackResourceDetail"]["PhysicalResourceId"]
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]
    for policy in iam.list_role_policies(RoleName=of_stack)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=of_stack, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    return embedded.client("iot", embedded.credentials_of(role["Arn"]))


def test_a_list_that_names_a_foreign_thing_takes_nothing_over(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    iot, foreign = embedded.client("iot"), device.serial_number.value
    iot.create_thing(thingName=foreign, attributePayload={"attributes": {"Owner": "others"}})
    before = iot.describe_thing(thingName=foreign)
    _, answer = ask(device)

    assert isinstance(answer, Registered)
    assert answer.thing_name == embedded.thing_name(foreign) != foreign
    after = iot.describe_thing(thingName=foreign)
    assert (after["attributes"], after["version"]) == (before["attributes"], before["version"])
    assert iot.list_thing_principals(thingName=foreign)["principals"] == []
    assert iot.list_thing_groups_for_thing(thingName=foreign)["thingGroups"] == []


def test_the_provisioning_role_reaches_no_thing_without_the_prefix(
    embedded: Embedded, as_provisioning_role: Any
) -> None:
    foreign = f"E2E-{secrets.token_hex(6)}"
    for name in (foreign, embedded.thing_name(foreign)):
        embedded.client("iot").create_thing(thingName=name)
    changed = {"attributes": {"Owner": "fleetgate"}}

    as_provisioning_role.update_thing(thingName=embedded.thing_name(foreign), attributePayload=changed)
    with pytest.raises(ClientError) as refused:
        as_provisioning_role.update_thing(thingName=foreign, attributePayload=changed)
    assert code_of(refused) in ("AccessDenied", "AccessDeniedException", "UnauthorizedException")


def test_a_device_that_comes_back_keeps_the_groups_that_operators_gave_it(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    iot, group = embedded.client("iot"), f"pilot-{secrets.token_hex(4)}"
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    iot.create_thing_group(thingGroupName=group)
    iot.add_thing_to_thing_group(thingGroupName=group, thingName=answer.thing_name)

    assert ask(device, issued=issued)[1] == answer
    groups = iot.list_thing_groups_for_thing(thingName=answer.thing_name)["thingGroups"]
    assert {one["groupName"] for one in groups} == {"fleetgate-devices", group}


def test_a_certificate_of_a_device_is_attached_to_no_other_thing(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    iot = embedded.client("iot")
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    second = replace(device, serial_number=SerialNumber(f"{device.serial_number}-2"))
    embedded.put(second)

    assert isinstance(ask(second, issued=issued)[1], RegistrationRefused)
    foreign = f"E2E-{secrets.token_hex(6)}"
    iot.create_thing(thingName=foreign)
    with pytest.raises(ClientError) as refused:
        iot.attach_thing_principal(thingName=foreign, principal=arn_of(embedded, issued))
    assert code_of(refused) == "InvalidRequestException"
    assert iot.list_principal_things(principal=arn_of(embedded, issued))["things"] == [answer.thing_name]


def test_a_certificate_that_has_a_thing_is_not_made_a_devices_own(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    iot, foreign = embedded.client("iot"), f"E2E-{secrets.token_hex(6)}"
    issued, answer = ask(device, SerialNumber="E2E-unknown")
    assert isinstance(answer, RegistrationRefused)
    iot.create_thing(thingName=foreign)
    iot.attach_thing_principal(thingName=foreign, principal=arn_of(embedded, issued))

    assert isinstance(ask(device, issued=issued)[1], RegistrationRefused)
    assert iot.list_principal_things(principal=arn_of(embedded, issued))["things"] == [foreign]
    iot.detach_thing_principal(thingName=foreign, principal=arn_of(embedded, issued))
    assert isinstance(ask(device, issued=issued)[1], Registered)
