"""Starts the execution environments of a local stack's functions before the first device is there."""

from concurrent.futures import ThreadPoolExecutor

import boto3

from fleetgate_cli.local_session import CLIENT_OPTIONS

# Each is a process on this machine here. Who finds none free is throttled, as at the limit of AWS Lambda, and tries
# again, as devices must anyway.
_EXECUTION_ENVIRONMENTS = 4


def warm_up(session: boto3.Session, endpoint_url: str, function_name: str) -> None:
    """Invoke a function several times at once, with an event that it refuses and keeps no record of.

    On this machine execution environments all start on the same few cores, which for a crowd takes longer than
    AWS IoT waits; AWS Lambda starts each on its own.
    """
    client = session.client("lambda", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    # By API, since ministack's CloudFormation ignores ReservedConcurrentExecutions.
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=_EXECUTION_ENVIRONMENTS)
    with ThreadPoolExecutor(_EXECUTION_ENVIRONMENTS) as pool:
        started = [
            pool.submit(client.invoke, FunctionName=function_name, Payload=b"{}")
            for _ in range(_EXECUTION_ENVIRONMENTS)
        ]
    for one in started:
        one.result()
