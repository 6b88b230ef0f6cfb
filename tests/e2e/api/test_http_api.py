"""The deployed API, called as a security team calls it: signed requests, or tokens, over HTTP."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fleetgate.domain.allow_list import AllowListEntry
from harness.embedded import ROOT, Embedded
from local.demo.device import RegistrationRefused
from local.embedded.template import load_template
from tests.e2e.conftest import Ask
from tests.template.intrinsics import Deployment

_TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}


@dataclass(frozen=True)
class Client:
    """Somebody who calls an API.

    Attributes:
        credentials: As boto3 keyword arguments; None signs nothing.
    """

    base_url: str
    region: str
    credentials: dict[str, str] | None = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request."""
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = AWSRequest(method=method, url=f"{self.base_url}{path}", data=content, headers=headers)
        if self.credentials:
            signer = Credentials(
                self.credentials["aws_access_key_id"],
                self.credentials["aws_secret_access_key"],
                self.credentials.get("aws_session_token"),
            )
            SigV4Auth(signer, "execute-api", self.region).add_auth(request)
        prepared = request.prepare()
        return requests.request(method, prepared.url, data=content, headers=dict(prepared.headers), timeout=60)


def base_url(embedded: Embedded, api_id: str) -> str:
    """Where the embedded AWS serves an API."""
    return f"{embedded.stack.endpoint_url}/_aws/execute-api/{api_id}/$default"


@pytest.fixture(scope="module")
def signed_by(embedded: Embedded) -> Iterator[Callable[[str | None], Client]]:
    """Gives a client that signs as a role with one of the stack's policies; None is a role without any."""
    iam, made = embedded.client("iam"), []

    def make(policy: str | None) -> Client:
        name = f"caller-{secrets.token_hex(4)}"
        trust = json.dumps({"Version": "2012-10-17", "Statement": [_TRUST]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        made.append((name, policy))
        if policy:
            iam.attach_role_policy(RoleName=name, PolicyArn=embedded.stack.outputs[policy])
        return Client(
            base_url(embedded, embedded.resource("Api")),
            embedded.stack.region,
            embedded.credentials_of(role["Arn"]),
        )

    yield make
    for name, policy in made:
        if policy:
            iam.detach_role_policy(RoleName=name, PolicyArn=embedded.stack.outputs[policy])
        iam.delete_role(RoleName=name)


def test_who_may_look_sees_how_a_device_came_in(
    ask: Ask, device: AllowListEntry, signed_by: Callable[[str | None], Client], embedded: Embedded
) -> None:
    issued, _ = ask(device)
    client = signed_by("ApiReaderPolicyArn")
    story = client.call("GET", f"/v1/devices/{device.serial_number}/story").json()
    allows = client.call("GET", f"/v1/records?certificate_id={issued.certificate_id}&verdict=allowed")

    assert [one["certificate_id"] for one in story["admissions"]] == [issued.certificate_id]
    assert [record["reason"] for record in allows.json()["records"]] == ["first_reservation"]
    asked = [record for record in embedded.records("queries") if record.action == "read_story"]
    assert any(record.actor and "assumed-role/caller-" in record.actor for record in asked)


def test_who_may_look_may_not_act(
    device: AllowListEntry, signed_by: Callable[[str | None], Client], embedded: Embedded
) -> None:
    answer = signed_by("ApiReaderPolicyArn").call(
        "POST", f"/v1/devices/{device.serial_number}/quarantine", {"reason": "a test"}
    )
    assert answer.status_code == 403
    assert embedded.entry(device.serial_number).hold == device.hold


def test_who_may_act_stops_a_device_at_the_gate(
    ask: Ask, device: AllowListEntry, signed_by: Callable[[str | None], Client]
) -> None:
    client = signed_by("ApiOperatorPolicyArn")
    answer = client.call("POST", f"/v1/devices/{device.serial_number}/quarantine", {"reason": "a test"})
    assert (answer.status_code, answer.json()["result"]) == (200, "quarantined")

    _, denied = ask(device)
    assert isinstance(denied, RegistrationRefused)
    (record,) = client.call("GET", f"/v1/records?serial_number={device.serial_number}&verdict=denied").json()["records"]
    assert record["reason"] == "quarantined"


def test_who_has_no_permission_or_no_signature_learns_nothing(signed_by: Callable[[str | None], Client]) -> None:
    stranger = signed_by(None)
    nobody = Client(stranger.base_url, stranger.region)

    for client in (stranger, nobody):
        answer = client.call("GET", "/v1/records")
        assert answer.status_code == 403
        assert "records" not in answer.text


# ---- Tokens, where the stack has an issuer ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Issuer:
    """A user pool that issues tokens.

    Attributes:
        token: Gives one with these scopes.
    """

    url: str
    client_id: str
    token: Callable[..., str]


@pytest.fixture(scope="module")
def issuer(embedded: Embedded) -> Issuer:
    """Cognito, with a client for programs."""
    cognito = embedded.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="security")["UserPool"]["Id"]
    domain = f"security-{secrets.token_hex(4)}"
    cognito.create_user_pool_domain(UserPoolId=pool_id, Domain=domain)
    scopes = [{"ScopeName": name, "ScopeDescription": name} for name in ("read", "act")]
    cognito.create_resource_server(UserPoolId=pool_id, Identifier="fleetgate", Name="fleetgate", Scopes=scopes)
    client = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="console",
        GenerateSecret=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["fleetgate/read", "fleetgate/act"],
        AllowedOAuthFlowsUserPoolClient=True,
    )["UserPoolClient"]

    def token(*wanted: str) -> str:
        answer = requests.post(
            f"{embedded.stack.endpoint_url}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": " ".join(wanted)},
            auth=(client["ClientId"], client["ClientSecret"]),
            headers={"Host": f"{domain}.auth.{embedded.stack.region}.amazoncognito.com"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    url = f"https://cognito-idp.{embedded.stack.region}.amazonaws.com/{pool_id}"
    return Issuer(url, client["ClientId"], token)


@pytest.fixture(scope="module")
def token_api(embedded: Embedded, issuer: Issuer) -> Iterator[Client]:
    """An API with the routes and the authoriser that the template has where there is an issuer."""
    declared = Deployment(load_template(), {"ApiJwtIssuer": issuer.url, "ApiJwtAudience": issuer.client_id})
    gateway, functions = embedded.client("apigatewayv2"), embedded.client("lambda")
    api_id = gateway.create_api(Name="tokens", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    authorizer = declared.resource("ApiTokens")
    authorizer_id = gateway.create_authorizer(
        ApiId=api_id,
        Name=authorizer["Name"],
        AuthorizerType=authorizer["AuthorizerType"],
        IdentitySource=authorizer["IdentitySource"],
        JwtConfiguration=authorizer["JwtConfiguration"],
    )["AuthorizerId"]
    for name in ("Query", "Action"):
        function = functions.get_function(FunctionName=embedded.resource(f"{name}Function"))
        integration_id = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function["Configuration"]["FunctionArn"],
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        route = declared.resource(f"{name}Route")
        gateway.create_route(
            ApiId=api_id,
            RouteKey=route["RouteKey"],
            Target=f"integrations/{integration_id}",
            AuthorizationType=route["AuthorizationType"],
            AuthorizerId=authorizer_id,
            AuthorizationScopes=route["AuthorizationScopes"],
        )
    yield Client(base_url(embedded, api_id), embedded.stack.region)
    gateway.delete_api(ApiId=api_id)


def test_a_token_may_do_what_its_scope_says(
    token_api: Client, issuer: Issuer, device: AllowListEntry, embedded: Embedded
) -> None:
    path, order = f"/v1/devices/{device.serial_number}/quarantine", {"reason": "a test"}
    looking, acting = (f"Bearer {issuer.token(scope)}" for scope in ("fleetgate/read", "fleetgate/act"))

    assert token_api.call("GET", "/v1/gate", Authorization=looking).status_code == 200
    assert token_api.call("POST", path, order, Authorization=looking).status_code == 403
    assert token_api.call("GET", "/v1/gate", Authorization=acting).status_code == 403
    assert token_api.call("POST", path, order, Authorization=acting).json()["result"] == "quarantined"
    (record,) = [one for one in embedded.records(f"device#{device.serial_number}") if one.action == "quarantine"]
    assert record.actor == f"{issuer.url}#{issuer.client_id}"


def test_without_a_sound_token_there_is_no_answer(token_api: Client, issuer: Issuer) -> None:
    token = issuer.token("fleetgate/read")
    forged = f"{token[:-8]}{'A' * 8}"

    assert token_api.call("GET", "/v1/gate").status_code == 401
    assert token_api.call("GET", "/v1/gate", Authorization=f"Bearer {forged}").status_code == 401
    signed = Client(token_api.base_url, token_api.region, ROOT)
    assert signed.call("GET", "/v1/gate").status_code == 401
