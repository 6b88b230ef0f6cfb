"""The things of the stack in AWS IoT's own list, page by page."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

# AWS IoT API reference, ListThings: maxResults.
_MAX_THINGS_A_PAGE = 250


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as it is listed.

    Attributes:
        decision_id: The decision that it says it comes from.
    """

    name: str
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class ThingsPage:
    """Some of the things.

    Attributes:
        next_token: For the page that comes next; None at the end.
    """

    things: tuple[Thing, ...]
    next_token: str | None


class PlaceLost(Exception):
    """AWS IoT does not take a token any more, so that its list has to be read from the beginning."""


class Things:
    """The things of one thing type.

    Args:
        client: A botocore or boto3 client of AWS IoT.
    """

    def __init__(self, client: Any, thing_type_name: str) -> None:
        self._client = client
        self._thing_type_name = thing_type_name

    def page(self, token: str | None) -> ThingsPage:
        """A page of the list, in AWS IoT's own order.

        Args:
            token: Of the page; None for the first.

        Raises:
            PlaceLost: AWS IoT does not take the token any more.
            Fault: AWS IoT could not be asked.
        """
        place = {"nextToken": token} if token else {}
        try:
            found = self._client.list_things(
                thingTypeName=self._thing_type_name, maxResults=_MAX_THINGS_A_PAGE, **place
            )
        except ClientError as error:
            # How long a token is good for is not documented.
            if token and error.response.get("Error", {}).get("Code") == "InvalidRequestException":
                raise PlaceLost from error
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        except BotoCoreError as error:
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        return ThingsPage(
            tuple(Thing(one["thingName"], one.get("attributes", {}).get("DecisionId")) for one in found["things"]),
            found.get("nextToken"),
        )
