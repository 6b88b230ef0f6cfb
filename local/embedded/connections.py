"""Teaches ministack to end the connection of an MQTT client: DeleteConnection of the AWS IoT data plane.

ministack 1.5.33 has no such call. With this, `DELETE /connections/{clientId}` closes the client's connection and
answers ResourceNotFoundException where nobody is connected; with AUTH=true it asks for `iot:DeleteConnection` on the
client's ARN. Run by the interpreter of the embedded AWS, before ministack starts.

Source: AWS IoT API reference, DeleteConnection; service authorization reference, "Actions defined by AWS IoT".
"""

import contextlib
from importlib import import_module
from typing import Any
from urllib.parse import unquote

_PATH = "/connections/"

# What this module stands around, and what it calls, by the SHA-256 of its source.
KNOWN = {
    "ministack.services.iot_data": {
        "handle_request": "4fbfe226ba7af7ccda8dc28035b0e83a9bedb713c19bfb31545eb22bb636883d",
    },
    "ministack.services.iot": {
        "_force_disconnect_duplicate": "4164b0238c1239d655acc308923f5e289f36ddf57a7b21a8557c0b7154a2735c",
        "_make_disconnect": "f6173995d242c972977d223f73888d06e7465e8112f03e6b7124c343030aae90",
        "_WSSession": "99987847fb7b516e032a7fdaacf7449e848b0565a361a0fb1d20b6800bfb221c",
    },
    "ministack.core.iam_actions": {
        "extract_iam_action": "ec476b92d969822b69c5b51b7c86cbc85794d3126a2f4c15f70f5444851cd5a6",
        "extract_resource_arn": "82f51700695c62fdca72583e1c264cc146fc22d5aa0a5faebabc3aa0a798f2e9",
    },
}


def install(iot: Any) -> None:
    """Make ministack serve DeleteConnection.

    Args:
        iot: The module `ministack.services.iot`.
    """
    iot_data: Any = import_module("ministack.services.iot_data")
    iam_actions: Any = import_module("ministack.core.iam_actions")
    handle, arn_of = iot_data.handle_request, iam_actions.extract_resource_arn

    async def handled(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        if method != "DELETE" or not path.startswith(_PATH):
            return await handle(method, path, headers, body, query_params)
        return await _end(iot, unquote(path.removeprefix(_PATH)))

    def resource_arn(*request: Any) -> Any:
        service, _method, path, _headers, _body, _params, region, account_id = request
        if service == "iot-data" and path.startswith(_PATH):
            return f"arn:aws:iot:{region}:{account_id}:client/{unquote(path.removeprefix(_PATH))}"
        return arn_of(*request)

    iot_data.handle_request, iam_actions.extract_resource_arn = handled, resource_arn


async def _end(iot: Any, client_id: str) -> Any:
    session = iot._connected_clients.get((iot.get_account_id(), iot.get_region(), client_id))
    if session is None:
        return iot.error_response_json("ResourceNotFoundException", "The client is not connected.", 404)
    # Whatever happens to the connection meanwhile, it is gone in the end.
    if session.protocol_version == iot.MQTT_5:
        with contextlib.suppress(Exception):
            await session.send_bytes(iot._make_disconnect(_ADMINISTRATIVE_ACTION))
    with contextlib.suppress(Exception):
        await session._send({"type": "websocket.close", "code": 1000})
    await session.cleanup()
    return 200, {"Content-Type": "application/json"}, b"{}"


# MQTT 5.0, section 3.14.2.1.
_ADMINISTRATIVE_ACTION = 0x98
