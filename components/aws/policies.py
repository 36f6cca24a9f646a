"""IAM documents of the stack's identities: plain values in, plain documents out.

Every allowance names its actions and its resources; a wildcard stands only for what is inside a bucket or a prefix of
it, or where IAM knows no narrower resource. A role's inline policies may have 10,240 characters, all together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from components.identities import Workload
from components.storage import LOGS_PREFIX

Statement = dict[str, Any]
Document = dict[str, Any]
Conditions = Mapping[str, Mapping[str, str | list[str]]]

# By name and not by wildcard: S3 adds actions, and none of the new ones is meant here.
_READ: Final = ("s3:GetObject",)
# A head of an object that is not there is answered 403 instead of 404 without ListBucket, and "nobody has made this
# yet" would look like "not allowed". GetBucketLocation is how Argo's S3 client finds the bucket's region.
_LOOK: Final = ("s3:GetBucketLocation", "s3:ListBucket")
# PutObject covers all of a multipart upload but its end without a result.
_WRITE: Final = ("s3:AbortMultipartUpload", "s3:PutObject")


def document(*statements: Statement) -> Document:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> Statement:
    """A statement that allows actions on resources, both as lists, in order."""
    made: Statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": list(resources)}
    return (
        made if conditions is None else {**made, "Condition": {key: dict(found) for key, found in conditions.items()}}
    )


def managed(partition: str, name: str) -> str:
    """ARN of a policy that AWS keeps, such as `AmazonEKS_CNI_Policy` or `service-role/AmazonEBSCSIDriverPolicy`."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def pod_identity_trust(account: str, cluster_arn: str, workload: Workload) -> Document:
    """Lets EKS Pod Identity hand the role to one service account of one cluster, and to nothing else.

    The service sets `eks-cluster-arn` and the other tags itself in every request. They say all that `aws:SourceArn`
    could say of where a request comes from, and more.
    """
    return document(
        {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": account,
                    "aws:RequestTag/eks-cluster-arn": cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": workload.namespace,
                    "aws:RequestTag/kubernetes-service-account": workload.service_account,
                }
            },
        }
    )


def irsa_trust(provider_arn: str, issuer: str, workload: Workload) -> Document:
    """Lets tokens that the cluster signs for one service account take the role. `issuer` has no `https://`."""
    subject = f"system:serviceaccount:{workload.namespace}:{workload.service_account}"
    return document(
        {
            "Sid": "ServiceAccountToken",
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
        }
    )


def only_over_tls() -> Statement:
    """Denies S3 in clear. The stack's own buckets refuse it too; one that was there before may not."""
    return {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Action": ["s3:*"],
        "Resource": ["*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def runner(partition: str, buckets: Mapping[str, str], payers: Sequence[str] = ()) -> Document:
    """What steps do: read inputs, references and results, write references and results, withdraw their own records.

    `buckets` has the names of `reads`, `reference` and `results`; `payers` are buckets of others whose readers pay.
    Public ones are read without an identity. A step deletes nothing but the record that says its result is there, and
    the claim by which it builds an index (images/bwa-mem2/lease.sh), never a result.
    """
    own, paid = _buckets(partition, buckets.values()), _buckets(partition, payers)
    written = _buckets(partition, (buckets["reference"], buckets["results"]))
    reference, results = written
    statements = [
        allow("Look", _LOOK, own),
        allow("Read", _READ, _inside(own)),
        allow("Write", _WRITE, _inside(written)),
        allow("WithdrawRecords", ["s3:DeleteObject"], [f"{reference}/*/index.json", f"{results}/*/.steps/*.json"]),
        allow("WithdrawClaims", ["s3:DeleteObject"], [f"{reference}/*/.building/*.json"]),
    ]
    if paid:
        statements += [allow("LookAtPaid", _LOOK, paid), allow("ReadPaid", _READ, _inside(paid))]
    return document(*statements, only_over_tls())


def reader(partition: str, buckets: Mapping[str, str]) -> Document:
    """What people's notebooks do: look at reads, references and results."""
    own = _buckets(partition, buckets.values())
    return document(allow("Look", _LOOK, own), allow("Read", _READ, _inside(own)), only_over_tls())


def argo_logs(partition: str, results: str) -> Document:
    """What Argo itself reads: archived logs, and of the results nothing else."""
    (bucket,) = _buckets(partition, (results,))
    inside = {"StringLike": {"s3:prefix": [f"{LOGS_PREFIX}/*"]}}
    return document(
        allow("FindBucket", ["s3:GetBucketLocation"], [bucket]),
        allow("ListLogs", ["s3:ListBucket"], [bucket], inside),
        allow("ReadLogs", _READ, [f"{bucket}/{LOGS_PREFIX}/*"]),
        only_over_tls(),
    )


def autoscaler(partition: str, region: str, account: str, cluster: str) -> Document:
    """What the Cluster Autoscaler does: see groups and types, and set the size of this cluster's groups alone.

    EKS puts the tag that the second statement asks for on the groups of its node groups. The descriptions know no
    resources: IAM takes `*` only.
    """
    where = f"{region}:{account}"
    return document(
        allow(
            "See",
            [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            ["*"],
        ),
        allow("SeeNodeGroups", ["eks:DescribeNodegroup"], [f"arn:{partition}:eks:{where}:nodegroup/{cluster}/*/*"]),
        allow(
            "Scale",
            ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            [f"arn:{partition}:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/*"],
            {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}},
        ),
    )


def log_writer(groups: Sequence[str]) -> Document:
    """What writes pods' logs into groups that are there, given by their ARNs. It makes no groups: one that it made
    after the stack has gone would be kept for ever."""
    return document(allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{arn}:*" for arn in groups]))


def alarm_topic(account: str, topic_arn: str, alarm_arns: str) -> Document:
    """Policy of a topic that alarms publish to; `alarm_arns` is a pattern."""
    statement = allow("AlarmsPublish", ["sns:Publish"], [topic_arn], _on_behalf_of(account, alarm_arns))
    return document({**statement, "Principal": {"Service": "cloudwatch.amazonaws.com"}})


def alarms_use_key(account: str, alarm_arns: str) -> Statement:
    """A statement of the policy of a key that the alarms' topic is encrypted with: without it, alarms go nowhere.

    In a key's policy `*` is that key.
    """
    statement = allow(
        "AlarmsUseKey", ["kms:Decrypt", "kms:GenerateDataKey*"], ["*"], _on_behalf_of(account, alarm_arns)
    )
    return {**statement, "Principal": {"Service": "cloudwatch.amazonaws.com"}}


def _on_behalf_of(account: str, arns: str) -> Conditions:
    return {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": arns}}


def _buckets(partition: str, names: Iterable[str]) -> list[str]:
    return [f"arn:{partition}:s3:::{name}" for name in names]


def _inside(buckets: Sequence[str]) -> list[str]:
    return [f"{bucket}/*" for bucket in buckets]
