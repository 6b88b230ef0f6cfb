"""Teaches ministack what an exclusive attachment of a certificate to a thing is.

ministack 1.5.33 takes `ThingPrincipalType` in a provisioning template and `thingPrincipalType` of AttachThingPrincipal
and ignores both. With this, a certificate that is attached exclusively is attached to no other thing, and one that is
attached to a thing already is attached exclusively to no other, as AWS IoT has it (developer guide, "Associating an
AWS IoT thing to an MQTT client connection"). Run by the interpreter of the embedded AWS, before ministack starts.
"""

import json
from typing import Any

EXCLUSIVE = "EXCLUSIVE_THING"

# What this module stands around, by the SHA-256 of its source.
KNOWN = {
    "ministack.services.iot": {
        "_provisioning_plan": "df08cca2b39b125ed8259b41f1afa38678211f8c0016016921026493e3dd96fc",
        "_apply_provisioning_plan": "35e6e62079807f1abf6b9a1c2150ee5d5c1a35965412bc7dc35c212585da69f2",
        "_handle_thing_principals": "6543399e455a67bd5227889b9133bea0bc2d868705b9834c9d312ba3556fcc3d",
    },
}


def install(iot: Any) -> None:
    """Make ministack hold exclusive attachments.

    Args:
        iot: The module `ministack.services.iot`.
    """
    attachments = _Attachments()
    plan, apply, handle = iot._provisioning_plan, iot._apply_provisioning_plan, iot._handle_thing_principals

    def planned(template: dict[str, Any], *rest: Any) -> Any:
        return {**plan(template, *rest), "exclusive": _asks_for_exclusive(iot._provisioning_template_body(template))}

    async def applied(found: dict[str, Any], cert: dict[str, Any], role_arn: str) -> Any:
        if found["thing"] is None:
            return await apply(found, cert, role_arn)
        thing_arn = iot._thing_arn(found["thing"][0].get("ThingName"))
        if why := attachments.conflict(cert, thing_arn, exclusive=found["exclusive"]):
            raise iot._provisioning_failed(f"Register thing workflow execution terminates due to: {why}")
        name = await apply(found, cert, role_arn)
        attachments.note(cert, thing_arn, exclusive=found["exclusive"])
        return name

    def handled(method: str, path: str, headers: dict[str, str], body: bytes, qp: dict[str, Any]) -> Any:
        name = path[len("/things/") : -len("/principals")]
        principal = headers.get("x-amzn-principal") or qp.get("principal") or ""
        cert = iot._certificates.get(principal.rsplit("/", 1)[-1])
        if method != "PUT" or cert is None or iot._things.get(name) is None:
            return handle(method, path, headers, body, qp)
        exclusive = qp.get("thingPrincipalType") == EXCLUSIVE
        if why := attachments.conflict(cert, iot._thing_arn(name), exclusive=exclusive):
            return iot.error_response_json("InvalidRequestException", why, 400)
        attachments.note(cert, iot._thing_arn(name), exclusive=exclusive)
        return handle(method, path, headers, body, qp)

    iot._provisioning_plan, iot._apply_provisioning_plan, iot._handle_thing_principals = planned, applied, handled


class _Attachments:
    """Which certificate is attached exclusively, by its ARN, and to which thing."""

    def __init__(self) -> None:
        self._exclusive: dict[str, str] = {}

    def conflict(self, cert: dict[str, Any], thing_arn: str, *, exclusive: bool) -> str | None:
        """Why a certificate may not be attached to a thing; None where it may."""
        others = [arn for arn in cert.get("attachedThings", []) if arn != thing_arn]
        held_by = self._exclusive.get(cert["certificateArn"])
        if held_by in others:
            return f"The principal {cert['certificateArn']} is attached exclusively to {held_by}."
        if exclusive and others:
            return f"The principal {cert['certificateArn']} is attached to {others[0]}."
        return None

    def note(self, cert: dict[str, Any], thing_arn: str, *, exclusive: bool) -> None:
        """Remember how a certificate was attached; what was exclusive stays so until it is detached."""
        if exclusive:
            self._exclusive[cert["certificateArn"]] = thing_arn


def _asks_for_exclusive(body: Any) -> bool:
    """Whether a provisioning template attaches its certificate exclusively."""
    found = json.loads(body) if isinstance(body, str) else body
    return any(
        resource.get("Type") == "AWS::IoT::Certificate"
        and resource.get("Properties", {}).get("ThingPrincipalType") == EXCLUSIVE
        for resource in found.get("Resources", {}).values()
    )
