"""Who calls the HTTP API, as API Gateway has authenticated them, and how much of an answer they see."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fleetgate.api.problems import HttpProblem
from fleetgate.domain.audit import RecordKind

EVERYBODY = "*"
MASK = "(masked)"
# Identifiers of hardware and of people: what somebody who only counts denials has no need to know.
MASKED = frozenset(
    {
        "actor",
        "approved_by",
        "client_id",
        "mac_address",
        "mac_addresses",
        "presented",
        "presented_mac_address",
        "presented_serial_number",
        "rolled_back_by",
        "source_ip_address",
    }
)

_ROLE_SESSION = re.compile(r"arn:[^:]+:sts::\d*:assumed-role/([^/]+)/.+")
_USER = re.compile(r"arn:[^:]+:iam::\d*:user/(?:.*/)?([^/]+)")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls.

    Attributes:
        actor: As the audit trail names them: an ARN, or the issuer and the subject of a token.
        names: What they may be known by in settings: the role or user, or the scopes and groups of their token.
    """

    actor: str
    names: frozenset[str]

    @classmethod
    def of(cls, request_context: Mapping[str, Any]) -> "Caller":
        """The caller of an event of payload format 2.0.

        Raises:
            HttpProblem: API Gateway names none, which a route with an authoriser never lets happen.
        """
        authorizer = request_context.get("authorizer") or {}
        if iam := authorizer.get("iam"):
            arn = str(iam.get("userArn") or "")
            if arn:
                found = _ROLE_SESSION.fullmatch(arn) or _USER.fullmatch(arn)
                return cls(arn, frozenset({found[1]} if found else ()))
        if jwt := authorizer.get("jwt"):
            claims = jwt.get("claims") or {}
            if claims.get("iss") and claims.get("sub"):
                scopes = {*(jwt.get("scopes") or ()), *str(claims.get("scope", "")).split()}
                # API Gateway writes a list as "[a b]".
                groups = str(claims.get("cognito:groups", "")).strip("[]").replace(",", " ").split()
                return cls(f"{claims['iss']}#{claims['sub']}", frozenset({*scopes, *groups}))
        raise HttpProblem(HTTPStatus.FORBIDDEN, "caller_unknown", "API Gateway names nobody as the caller.")

    def sees_all(self, full_view: frozenset[str]) -> bool:
        """Whether they are among those who see every field."""
        return EVERYBODY in full_view or bool(self.names & full_view)


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document without the identifiers of hardware and of people; absent values stay absent."""
    # A question names what was asked for.
    names = MASKED | {"reason"} if document.get("kind") == RecordKind.QUERY else MASKED
    return {name: _mask(value) if name in names else _inner(value) for name, value in document.items()}


def _inner(value: Any) -> Any:
    match value:
        case dict():
            return masked(value)
        case list():
            return [_inner(one) for one in value]
        case _:
            return value


def _mask(value: Any) -> Any:
    match value:
        case None:
            return None
        case list():
            return [MASK for _ in value]
        case _:
            return MASK
