"""Writes docs/openapi.json from the routes of the HTTP API: `python -m local.documents.openapi [--check]`."""

import json
from typing import Any

import click

from fleetgate.api import actions as action_api
from fleetgate.api import queries as query_api
from local.environments import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "openapi.json"
# Of the API, which is not the application's; raised when callers have to change.
API_VERSION = "1"

_DESCRIPTION = """\
What the security team asks of the audit trail, and does. Requests are signed with AWS Signature Version 4 for the
service execute-api, or carry a token of the stack's issuer. Every question and every action is itself on record, with
the caller's name. Errors are problem documents (RFC 9457); 503 says that something could not be checked or done, which
is never the same as a no. What API Gateway itself refuses (401, 403, 429) has a message only. Every action may be sent
again.
"""
_SERVER = {
    "url": "https://{api_id}.execute-api.{region}.amazonaws.com",
    "description": "The stack's output ApiEndpoint",
    "variables": {"api_id": {"default": "a1b2c3d4"}, "region": {"default": "eu-central-1"}},
}
_SCHEMES = {
    "signature": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "AWS Signature Version 4",
    },
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the document is out of date.")
def main(check: bool) -> None:
    """Write docs/openapi.json from the routes in src/fleetgate/api."""
    if not check:
        DOCUMENT.write_text(text())
    elif not DOCUMENT.is_file() or DOCUMENT.read_text() != text():
        raise click.ClickException(f"{DOCUMENT.name} is out of date: run `python -m local.documents.openapi`")


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2) + "\n"


def document() -> dict[str, Any]:
    """One OpenAPI document of both functions."""
    parts = [
        json.loads(module.app.get_openapi_json_schema(title="Fleetgate", version=API_VERSION))
        for module in (query_api, action_api)
    ]
    schemas = {name: schema for part in parts for name, schema in part["components"]["schemas"].items()}
    paths = {path: _path(item) for part in parts for path, item in sorted(part["paths"].items())}
    whole = {
        "openapi": parts[0]["openapi"],
        "info": {"title": "Fleetgate", "version": API_VERSION, "description": _DESCRIPTION.replace("\n", " ").strip()},
        "servers": [_SERVER],
        "security": [{name: []} for name in _SCHEMES],
        "paths": paths,
    }
    whole["components"] = {"schemas": _referred(whole, schemas), "securitySchemes": _SCHEMES}
    return whole


def _path(item: dict[str, Any]) -> dict[str, Any]:
    for operation in item.values():
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = _not_null(parameter["schema"])
    return item


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that may be left out: there is no null in a query."""
    alternatives = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    return {**(alternatives[0] if alternatives else {}), **schema}


def _referred(whole: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas that the document refers to; Powertools brings some of its own."""
    found: dict[str, Any] = {}
    waiting = json.dumps(whole)
    while new := sorted(name for name in schemas if name not in found and f'schemas/{name}"' in waiting):
        found |= {name: _described(schemas[name]) for name in new}
        waiting += json.dumps([schemas[name] for name in new])
    return dict(sorted(found.items()))


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with the first line of its class's docstring; the rest is for those who read the code."""
    if "description" in schema:
        schema["description"] = schema["description"].partition("\n")[0]
    return schema


if __name__ == "__main__":
    main(prog_name="python -m local.documents.openapi")
