"""Who may call the HTTP API, what its functions may do, and that its document is the code's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fleetgate.domain.audit import QUERY_SUBJECT, AuditRecord, RecordKind
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import SWITCH_KEY, assignment_key, claim_key, device_key
from fleetgate.store.manufacturers import LISTING, manufacturer_key
from harness.builders import NOW
from harness.denials import image_of
from local.documents import openapi as openapi_document
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment

ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example"
TOKENS = {"ApiJwtIssuer": ISSUER, "ApiJwtAudience": "client-7", "ApiReadScope": "gate/look", "ApiActScope": "gate/act"}
API_ARN = "arn:aws:execute-api:eu-central-1:123456789012:Api"
ROUTES = {"QueryRoute": ("GET", "Query", "gate/look"), "ActionRoute": ("POST", "Action", "gate/act")}


@pytest.fixture(scope="module")
def granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


def of(role: str, granted: list[Statement]) -> dict[str, tuple[set[str], tuple[str, ...], Any]]:
    """What one role may do, by statement."""
    return {one.sid: (set(one.actions), one.resources, one.condition) for one in granted if one.role == role}


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_asks_who_calls(route: str, template: dict[str, Any], defaults: Deployment) -> None:
    method, integration, scope = ROUTES[route]
    signed, with_tokens = defaults.resource(route), Deployment(template, TOKENS).resource(route)

    assert signed["RouteKey"] == f"{method} /v1/{{proxy+}}"
    assert signed["Target"] == f"integrations/{integration}Integration"
    assert (signed["AuthorizationType"], signed.get("AuthorizerId")) == ("AWS_IAM", None)
    assert (with_tokens["AuthorizationType"], with_tokens["AuthorizerId"]) == ("JWT", "ApiTokens")
    assert with_tokens["AuthorizationScopes"] == [scope]


def test_there_is_no_other_route(template: dict[str, Any]) -> None:
    routes = {name for name, resource in template["Resources"].items() if resource["Type"].endswith("V2::Route")}
    assert routes == set(ROUTES)


def test_tokens_are_those_of_the_issuer_for_the_audience(template: dict[str, Any]) -> None:
    authorizer = Deployment(template, TOKENS).resource("ApiTokens")

    assert authorizer["JwtConfiguration"] == {"Issuer": ISSUER, "Audience": ["client-7"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert template["Resources"]["ApiTokens"]["Condition"] == "HasApiTokens"
    assert template["Conditions"]["HasApiTokens"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiJwtIssuer"}, ""]}]}


@pytest.mark.parametrize(("name", "function"), [("Query", "QueryFunction"), ("Action", "ActionFunction")])
def test_each_function_is_invoked_by_this_api_for_its_own_method_only(
    name: str, function: str, defaults: Deployment
) -> None:
    permission, integration = defaults.resource(f"{name}Permission"), defaults.resource(f"{name}Integration")
    method = ROUTES[f"{name}Route"][0]

    assert integration["IntegrationUri"] == permission["FunctionName"] == f"{function}.Arn"
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"] == f"{API_ARN}/*/{method}/v1/*"


def test_the_functions_answer_before_api_gateway_gives_up(defaults: Deployment) -> None:
    # API Gateway developer guide, "Quotas for configuring and running an HTTP API": 30 seconds.
    assert {defaults.resource(name)["Timeout"] for name in ("QueryFunction", "ActionFunction")} == {29}


def test_who_looks_may_ask_and_who_operates_may_act_as_well(granted: list[Statement]) -> None:
    ask, act = f"{API_ARN}/$default/GET/v1/*", f"{API_ARN}/$default/POST/v1/*"

    assert of("ApiReaderPolicy", granted) == {"Ask": ({"execute-api:Invoke"}, (ask,), {})}
    assert of("ApiOperatorPolicy", granted) == {"AskAndAct": ({"execute-api:Invoke"}, (ask, act), {})}


# With all that one can have: by the command it has no request ID.
A_QUESTION = AuditRecord(
    record_id="r",
    recorded_at=NOW,
    kind=RecordKind.QUERY,
    action="list_records",
    actor="arn:aws:iam::123456789012:user/alice",
    reason="verdict=denied",
    request_id="1",
)

LISTING_MANUFACTURERS: tuple[set[str], tuple[str, ...], Any] = (
    {"dynamodb:Query"},
    ("AllowListTable.Arn/index/by_listing",),
    {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": LISTING}},
)
SHARED: dict[str, tuple[set[str], tuple[str, ...], Any]] = {
    "SignCursors": ({"secretsmanager:GetSecretValue"}, ("CursorSecret.Id",), {}),
    "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("ApiLogGroup.Arn",), {}),
}


def test_who_answers_questions_may_change_nothing_but_note_them(granted: list[Statement]) -> None:
    assert of("QueryFunctionRole", granted) == {
        "ReadTheAuditTrail": ({"dynamodb:Query"}, ("AuditTable.Arn", "AuditTable.Arn/index/*"), {}),
        "RecordTheQuery": (
            {"dynamodb:PutItem"},
            ("AuditTable.Arn",),
            {
                "ForAllValues:StringEquals": {
                    "dynamodb:LeadingKeys": QUERY_SUBJECT,
                    "dynamodb:Attributes": sorted(image_of(A_QUESTION)),
                },
                "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
            },
        ),
        "TellTheStory": ({"dynamodb:GetItem"}, ("AllowListTable.Arn",), {}),
        "ListManufacturers": LISTING_MANUFACTURERS,
        **SHARED,
    }


def test_a_question_has_nothing_that_would_make_it_pass_for_a_decision() -> None:
    assert not {"verdict", "certificate_id", "claim_certificate_id", "serial_number"} & image_of(A_QUESTION).keys()


def test_people_who_only_ask_are_given_what_the_query_function_has(granted: list[Statement]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "adr" / "0016-asking-is-on-record.md").read_text()
    statement = json.loads(page.split("```json\n")[1].split("```")[0])
    actions, _, condition = of("QueryFunctionRole", granted)["RecordTheQuery"]

    assert ({statement["Action"]}, statement["Condition"]) == (actions, condition)


def test_who_acts_may_do_that_and_nothing_else(granted: list[Statement]) -> None:
    keys = [claim_key("*"), device_key(SerialNumber("*")), assignment_key("*")]

    assert of("ActionFunctionRole", granted) == {
        "FindTheTarget": ({"dynamodb:GetItem", "dynamodb:Scan"}, ("AllowListTable.Arn",), {}),
        "SetDevicesClaimsAndKeys": (
            {"dynamodb:UpdateItem"},
            ("AllowListTable.Arn",),
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}},
        ),
        "UpdateTheKillSwitch": (
            {"dynamodb:PutItem"},
            ("AllowListTable.Arn",),
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": SWITCH_KEY}},
        ),
        "SetManufacturers": (
            {"dynamodb:PutItem"},
            ("AllowListTable.Arn",),
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [manufacturer_key("*"), "manufacturer-look#*"]}},
        ),
        "ListManufacturers": LISTING_MANUFACTURERS,
        "FindWhatWasIssued": (
            {"dynamodb:Query"},
            ("AuditTable.Arn", "AuditTable.Arn/index/by_claim_certificate", "AuditTable.Arn/index/by_day"),
            {},
        ),
        "AppendToTheAuditTrail": ({"dynamodb:PutItem"}, ("AuditTable.Arn",), {}),
        "SwitchCertificates": (
            {"iot:DescribeCertificate", "iot:UpdateCertificate"},
            ("arn:aws:iot:eu-central-1:123456789012:cert/*",),
            {},
        ),
        "EndSessions": ({"iot:DeleteConnection"}, ("arn:aws:iot:eu-central-1:123456789012:client/fg-*",), {}),
        **SHARED,
    }


def test_the_log_of_calls_says_who_called_what_and_is_json(defaults: Deployment) -> None:
    settings = defaults.resource("ApiStage")["AccessLogSettings"]

    assert settings["DestinationArn"] == "ApiLogGroup.Arn"
    assert {"requestId", "caller", "routeKey", "status"} <= set(json.loads(settings["Format"]))


# ---- The document ---------------------------------------------------------------------------------------------------


def test_the_openapi_document_is_up_to_date() -> None:
    assert openapi_document.DOCUMENT.read_text() == openapi_document.text()


def test_a_document_that_is_out_of_date_is_found_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> int:
        return CliRunner().invoke(openapi_document.main, arguments).exit_code

    path = tmp_path / "openapi.json"
    monkeypatch.setattr(openapi_document, "DOCUMENT", path)
    assert run("--check") == 1
    path.write_text(openapi_document.text().replace('"maximum": 500', '"maximum": 501'))
    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0


def test_every_operation_has_a_name_of_its_own_and_lies_under_the_routes_of_the_stack() -> None:
    document = openapi_document.document()
    operations = [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]
    names = [one["operationId"] for _, _, one in operations]

    assert len(names) == len(set(names))
    assert {method for _, method, _ in operations} == {"get", "post"}
    assert all(path.startswith("/v1/") for path, _, _ in operations)


def test_every_error_is_a_problem_document() -> None:
    for path, item in openapi_document.document()["paths"].items():
        for operation in item.values():
            errors = {status: answer for status, answer in operation["responses"].items() if status != "200"}
            assert {"403", "422", "500", "503"} <= set(errors), path
            for answer in errors.values():
                assert answer["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
