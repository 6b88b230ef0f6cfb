"""How many devices AWS lets through at once: Lambda concurrency, and the quota of RegisterThing."""

from collections.abc import Iterator

from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.run import hint

# AWS Lambda: a new account may run ten functions at once, which is less than a stack with some imports needs.
_FEW_AT_ONCE = 100
# "Fleet Provisioning RegisterThing MQTT API TPS". Not "RegisterThing API TPS", which is of the control plane.
_SERVICE, _QUOTA = "iotcore", "L-B2BBBD8C"


def concurrency(stack: DeployedStack, name: str) -> Iterator[Line]:
    """How many functions the account may run at once, and how many of them are reserved for the hook."""
    functions, hook = stack.client("lambda"), stack.output("HookFunctionName")
    limit = int(functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    reserved = functions.get_function_concurrency(FunctionName=hook).get("ReservedConcurrentExecutions")
    if reserved == 0:
        yield Line(
            check=name,
            state=State.WRONG,
            code="hook_may_not_run",
            about=hook,
            sentence="The reserved concurrency of the hook is 0: every device is denied.",
            remedy="aws lambda delete-function-concurrency, or put-function-concurrency. "
            f"To close the gate, use {hint('gate stop')}.",
        )
        return
    few = reserved is None and limit < _FEW_AT_ONCE
    yield Line(
        check=name,
        state=State.NOTE if few else State.OK,
        code="few_executions" if few else "executions",
        sentence=f"Executions at once in the account: {limit:,}; reserved for the hook: {reserved or 0:,}.",
        remedy="Ask AWS for more, then set HookReservedConcurrency." if few else "",
    )


def register_thing_quota(stack: DeployedStack, name: str) -> Iterator[Line]:
    """How many RegisterThing requests of devices AWS IoT takes a second."""
    quotas = stack.client("service-quotas")
    try:
        quota = quotas.get_service_quota(ServiceCode=_SERVICE, QuotaCode=_QUOTA)["Quota"]
        whose = "of this account"
    except quotas.exceptions.NoSuchResourceException:
        # Service Quotas knows no applied value of some quotas.
        quota = quotas.get_aws_default_service_quota(ServiceCode=_SERVICE, QuotaCode=_QUOTA)["Quota"]
        whose = "by default"
    sentence = f"{quota['QuotaName']}: {quota['Value']:g} {whose}."
    yield Line(check=name, state=State.OK, code="quota", about=quota["QuotaCode"], sentence=sentence)
