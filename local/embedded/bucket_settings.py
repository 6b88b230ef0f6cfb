"""Sets what ministack's CloudFormation takes and ignores in S3 buckets: what becomes of old objects.

It ignores encryption and object ownership too (1.5.33), and does by itself what the template declares; a test of the
running stack compares.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from fleetgate_cli.local_session import CLIENT_OPTIONS
from local.embedded.made_resources import SettingNotKept, made_resources

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import LifecycleRuleOutputTypeDef, LifecycleRuleTypeDef

# Parts of a rule that CloudFormation and S3 call the same.
_SAME = ("Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")


def settle_buckets(session: boto3.Session, endpoint_url: str, stack_name: str, template: Mapping[str, Any]) -> None:
    """Give every bucket of a stack the lifecycle that its template declares, by API, and read it back.

    Raises:
        SettingNotKept: It reads differently.
    """
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    s3 = session.client("s3", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    for bucket, properties in made_resources(cloudformation, stack_name, template, "AWS::S3::Bucket"):
        if lifecycle := properties.get("LifecycleConfiguration"):
            rules = [lifecycle_rule(declared) for declared in lifecycle["Rules"]]
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
            found: list[LifecycleRuleOutputTypeDef] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
            if found != rules:
                raise SettingNotKept(f"the lifecycle of {bucket} is {found}")


def lifecycle_rule(declared: Mapping[str, Any]) -> "LifecycleRuleTypeDef":
    """A rule in S3's own words.

    Raises:
        ValueError: It has a part that this module does not know.
    """
    if unknown := set(declared) - {"Id", "Prefix", "ExpirationInDays", *_SAME}:
        raise ValueError(f"a lifecycle rule has {', '.join(sorted(unknown))}, which nobody here translates")
    rule: dict[str, Any] = {"ID": declared["Id"], "Filter": {"Prefix": declared.get("Prefix", "")}}
    if "ExpirationInDays" in declared:
        rule["Expiration"] = {"Days": declared["ExpirationInDays"]}
    rule |= {name: declared[name] for name in _SAME if name in declared}
    return rule  # type: ignore[return-value]
