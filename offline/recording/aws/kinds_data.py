"""Resource types of data, keys, images and what watches them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from offline.recording.strict.kind import Kind, Ref

_BUCKET = Ref("bucket", "bucket.id")
_LOG_DAYS: Final = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def _of_bucket(name: str, called: str, **more: Any) -> Kind:
    token = f"aws:s3/{name[0].lower()}{name[1:]}:{name}"
    return Kind(token, called, "{bucket}", unique=("bucket",), replace=("bucket",), refs=(_BUCKET,), **more)


_SSE: Mapping[str, frozenset[str]] = {
    "rules[].applyServerSideEncryptionByDefault.sseAlgorithm": frozenset({"AES256", "aws:kms", "aws:kms:dsse"})
}
_STORAGE: Final = frozenset(
    {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}
)

KINDS = (
    Kind(
        "aws:kms/key:Key",
        "key",
        "{uuid}",
        arn="arn:{partition}:kms:{region}:{account}:key/{id}",
        replace=("keyUsage", "customerMasterKeySpec", "multiRegion", "customKeyStoreId"),
        ranges={"deletionWindowInDays": (7, 30), "rotationPeriodInDays": (90, 2560)},
        policies={"policy": 32_768},
        outputs={"keyId": "{id}", "keyUsage": "ENCRYPT_DECRYPT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT"},
    ),
    Kind(
        "aws:kms/alias:Alias",
        "alias",
        "{name}",
        arn="arn:{partition}:kms:{region}:{account}:{name}",
        name_key="name",
        longest=256,
        charset=r"alias/(?!aws/)[A-Za-z0-9/_\-]+",
        unique=("name",),
        replace=("name", "namePrefix"),
        refs=(Ref("targetKeyId", "key.id"),),
        outputs={"targetKeyArn": "arn:{partition}:kms:{region}:{account}:key/{targetKeyId}"},
    ),
    Kind(
        "aws:s3/bucket:Bucket",
        "bucket",
        "{bucket}",
        arn="arn:{partition}:s3:::{bucket}",
        name_key="bucket",
        longest=63,
        charset=r"(?!xn--|sthree-|\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]",
        unique=("bucket",),
        replace=("bucket", "bucketPrefix", "objectLockEnabled"),
        outputs={
            "bucketDomainName": "{bucket}.s3.amazonaws.com",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
            "bucketRegion": "{region}",
            "hostedZoneId": "Z1BKCTXD74EZPE",
        },
    ),
    _of_bucket("BucketPolicy", "bucket-policy", policies={"policy": 20_480}),
    _of_bucket("BucketPublicAccessBlock", "bucket-public-access"),
    _of_bucket(
        "BucketOwnershipControls",
        "bucket-ownership",
        enums={"rule.objectOwnership": frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})},
    ),
    _of_bucket(
        "BucketVersioning",
        "bucket-versioning",
        enums={"versioningConfiguration.status": frozenset({"Enabled", "Suspended", "Disabled"})},
    ),
    _of_bucket("BucketServerSideEncryptionConfiguration", "bucket-encryption", enums=_SSE),
    _of_bucket(
        "BucketLifecycleConfiguration",
        "bucket-lifecycle",
        enums={
            "rules[].status": frozenset({"Enabled", "Disabled"}),
            "rules[].transitions[].storageClass": _STORAGE,
            "rules[].noncurrentVersionTransitions[].storageClass": _STORAGE,
        },
    ),
    Kind(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "object",
        "{bucket}/{key}",
        arn="arn:{partition}:s3:::{bucket}/{key}",
        replace=("bucket", "key"),
        refs=(_BUCKET,),
        outputs={"etag": "{hex}", "storageClass": "STANDARD"},
    ),
    Kind(
        "aws:ecr/repository:Repository",
        "repository",
        "{name}",
        arn="arn:{partition}:ecr:{region}:{account}:repository/{name}",
        name_key="name",
        longest=256,
        charset=r"(?=.{2,})(?:[a-z0-9]+(?:[._\-][a-z0-9]+)*/)*[a-z0-9]+(?:[._\-]+[a-z0-9]+)*",
        unique=("name",),
        replace=("name", "encryptionConfigurations"),
        enums={
            "imageTagMutability": frozenset(
                {"MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"}
            ),
            "encryptionConfigurations[].encryptionType": frozenset({"AES256", "KMS", "KMS_DSSE"}),
        },
        refs=(Ref("encryptionConfigurations[].kmsKey", "key.arn"),),
        outputs={
            "registryId": "{account}",
            "repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}",
            "imageTagMutability": "MUTABLE",
        },
    ),
    Kind(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "repository-lifecycle",
        "{repository}",
        unique=("repository",),
        replace=("repository", "policy"),
        refs=(Ref("repository", "repository.name"),),
        outputs={"registryId": "{account}"},
    ),
    Kind(
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "repository-policy",
        "{repository}",
        unique=("repository",),
        replace=("repository",),
        policies={"policy": 10_240},
        refs=(Ref("repository", "repository.name"),),
        outputs={"registryId": "{account}"},
    ),
    Kind(
        "aws:cloudwatch/logGroup:LogGroup",
        "log-group",
        "{name}",
        arn="arn:{partition}:logs:{region}:{account}:log-group:{name}",
        name_key="name",
        longest=512,
        charset=r"[A-Za-z0-9._/#\-]+",
        unique=("name",),
        replace=("name", "namePrefix", "logGroupClass"),
        enums={
            "retentionInDays": frozenset(map(str, _LOG_DAYS)),
            "logGroupClass": frozenset({"STANDARD", "INFREQUENT_ACCESS", "DELIVERY"}),
        },
        refs=(Ref("kmsKeyId", "key.arn"),),
        outputs={"logGroupClass": "STANDARD"},
    ),
    Kind(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        "metric-filter",
        "{name}",
        name_key="name",
        longest=512,
        unique=("logGroupName", "name"),
        replace=("name", "logGroupName"),
        refs=(Ref("logGroupName", "log-group.name"),),
    ),
    Kind(
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
        "log-policy",
        "{policyName}",
        unique=("policyName",),
        replace=("policyName",),
        policies={"policyDocument": 5120},
    ),
    Kind(
        "aws:cloudwatch/dashboard:Dashboard",
        "dashboard",
        "{dashboardName}",
        arn="arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}",
        name_key="dashboardName",
        longest=255,
        charset=r"[A-Za-z0-9_\-]+",
        unique=("dashboardName",),
        replace=("dashboardName",),
        outputs={"dashboardArn": "{arn}"},
    ),
    Kind(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "alarm",
        "{name}",
        arn="arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        name_key="name",
        longest=255,
        unique=("name",),
        replace=("name",),
        enums={
            "comparisonOperator": frozenset(
                {
                    *("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"),
                    *("LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold"),
                    *("LessThanLowerThreshold", "GreaterThanUpperThreshold"),
                }
            ),
            "statistic": frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"}),
            "treatMissingData": frozenset({"missing", "ignore", "breaching", "notBreaching"}),
        },
        refs=(Ref("alarmActions[]", "topic.arn"), Ref("okActions[]", "topic.arn")),
    ),
    Kind(
        "aws:sns/topic:Topic",
        "topic",
        "{arn}",
        arn="arn:{partition}:sns:{region}:{account}:{name}",
        name_key="name",
        longest=256,
        charset=r"[A-Za-z0-9_\-]+(\.fifo)?",
        unique=("name",),
        replace=("name", "namePrefix", "fifoTopic"),
        policies={"policy": 30_720},
        outputs={"owner": "{account}"},
    ),
    Kind(
        "aws:sns/topicPolicy:TopicPolicy",
        "topic-policy",
        "{arn}",
        unique=("arn",),
        replace=("arn",),
        policies={"policy": 30_720},
        refs=(Ref("arn", "topic.arn"),),
        outputs={"owner": "{account}"},
    ),
    Kind(
        "aws:sns/topicSubscription:TopicSubscription",
        "subscription",
        "{arn}",
        arn="{topic}:{uuid}",
        replace=("topic", "protocol", "endpoint", "subscriptionRoleArn"),
        enums={"protocol": frozenset({"email", "email-json", "http", "https", "sqs", "lambda", "sms", "firehose"})},
        refs=(Ref("topic", "topic.arn"),),
        outputs={"ownerId": "{account}", "pendingConfirmation": True},
    ),
    Kind(
        "aws:budgets/budget:Budget",
        "budget",
        "{account}:{name}",
        arn="arn:{partition}:budgets::{account}:budget/{name}",
        name_key="name",
        longest=100,
        charset=r"[^:\\]+",
        unique=("name",),
        replace=("accountId", "name", "namePrefix"),
        enums={
            "budgetType": frozenset({"COST", "USAGE", "RI_UTILIZATION", "RI_COVERAGE"}),
            "timeUnit": frozenset({"DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY"}),
            "notifications[].comparisonOperator": frozenset({"GREATER_THAN", "LESS_THAN", "EQUAL_TO"}),
            "notifications[].notificationType": frozenset({"ACTUAL", "FORECASTED"}),
            "notifications[].thresholdType": frozenset({"PERCENTAGE", "ABSOLUTE_VALUE"}),
        },
        outputs={"accountId": "{account}"},
    ),
    Kind(
        "aws:autoscaling/tag:Tag",
        "asg-tag",
        "{autoscalingGroupName},{tag.key}",
        unique=("autoscalingGroupName", "tag.key"),
        replace=("autoscalingGroupName", "tag.key"),
        refs=(Ref("autoscalingGroupName", "asg.name"),),
    ),
)
