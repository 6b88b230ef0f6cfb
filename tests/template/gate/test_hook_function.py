"""The hook's place between AWS IoT and Lambda: in time, callable by this template and by nobody else."""

from typing import Any

from tests.template.intrinsics import Deployment

TEMPLATE_NAME = "factory-7"
TEMPLATE_ARN = f"arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/{TEMPLATE_NAME}"


def test_the_hook_is_cut_off_when_aws_iot_stops_waiting_and_gives_up_before(defaults: Deployment) -> None:
    hook = defaults.resource("HookFunction")
    answer_seconds = int(hook["Environment"]["Variables"]["ANSWER_MILLISECONDS"]) / 1000

    assert hook["Timeout"] == 5
    # A cold start of up to a second comes on top, and the answer has to travel.
    assert 0 < answer_seconds <= hook["Timeout"] - 1.5


def test_the_hook_runs_where_it_is_built_for(defaults: Deployment) -> None:
    hook = defaults.resource("HookFunction")

    assert (hook["Runtime"], hook["Architectures"]) == ("python3.13", ["arm64"])


def test_the_hook_logs_to_the_group_that_is_retained(defaults: Deployment) -> None:
    assert defaults.resource("HookFunction")["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "HookLogGroup"}


def test_concurrency_is_reserved_only_where_asked_for(template: dict[str, Any], defaults: Deployment) -> None:
    reserving = Deployment(template, {"HookReservedConcurrency": "20"})

    assert "ReservedConcurrentExecutions" not in defaults.resource("HookFunction")
    assert reserving.resource("HookFunction")["ReservedConcurrentExecutions"] == "20"


def test_only_this_accounts_template_may_invoke_the_hook(template: dict[str, Any]) -> None:
    deployment = Deployment(template, {"ProvisioningTemplateName": TEMPLATE_NAME})
    permissions = [
        name
        for name, found in template["Resources"].items()
        if found["Type"] == "AWS::Lambda::Permission"
        and deployment.resolve(found["Properties"]["FunctionName"]) == "HookFunction.Arn"
    ]

    assert permissions == ["HookPermission"]
    assert deployment.resource("HookPermission") == {
        "FunctionName": "HookFunction.Arn",
        "Action": "lambda:InvokeFunction",
        "Principal": "iot.amazonaws.com",
        "SourceAccount": "123456789012",
        "SourceArn": TEMPLATE_ARN,
    }
    assert not {"Events", "FunctionUrlConfig"} & set(deployment.resource("HookFunction"))


def test_the_provisioning_template_asks_the_hook_and_waits_for_its_permission(template: dict[str, Any]) -> None:
    provisioning = Deployment(template, {"ProvisioningTemplateName": TEMPLATE_NAME}).resource("ProvisioningTemplate")

    assert provisioning["TemplateName"] == TEMPLATE_NAME
    assert provisioning["TemplateType"] == "FLEET_PROVISIONING"
    assert provisioning["Enabled"] is True
    assert provisioning["PreProvisioningHook"] == {"PayloadVersion": "2020-04-01", "TargetArn": "HookFunction.Arn"}
    assert "HookPermission" in template["Resources"]["ProvisioningTemplate"]["DependsOn"]


def test_the_hook_judges_for_the_template_that_asks_it(template: dict[str, Any]) -> None:
    deployment = Deployment(template, {"ProvisioningTemplateName": TEMPLATE_NAME})

    assert deployment.resource("HookFunction")["Environment"]["Variables"]["PROVISIONING_TEMPLATE_ARN"] == TEMPLATE_ARN
