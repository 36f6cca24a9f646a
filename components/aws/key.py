"""The stack's KMS key: for the secrets of the cluster, its logs, its alarms and its images.

Node volumes are encrypted with the account's own EBS key instead: they hold scratch alone, and a key of ours would have
to name Auto Scaling's service-linked role in its policy, which an account has only once it has had a group.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.aws.policies import Document, alarms_use_key, document
from components.aws.scope import Scope

_DELETION_DAYS = 30


class Key(pulumi.ComponentResource):
    """A symmetric key that rotates every year, with the alias `biojobs-<stack>`.

    Once destroyed it can be restored for 30 days. Where logs outlive the stack, so does the key, without which nobody
    could read them.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, scope: Scope, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biojobs:aws:Key", name, None, opts)
        keep = scope.target.keep_logs
        key = aws.kms.Key(
            f"{name}-key",
            description=f"Secrets, logs and images of {scope.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_DAYS,
            policy=json.dumps(key_policy(scope)),
            tags={"Name": scope.cluster_name},
            opts=pulumi.ResourceOptions.merge(
                scope.child(self), pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)
            ),
        )
        aws.kms.Alias(
            f"{name}-alias", name=f"alias/{scope.cluster_name}", target_key_id=key.key_id, opts=scope.child(self)
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def key_policy(scope: Scope) -> Document:
    """The key's policy: IAM decides within the account; CloudWatch may use it for the stack's log groups and alarms.

    EKS and ECR work by grants that whoever creates the cluster or the repository gives them: no statement of theirs.
    """
    groups = (f"/aws/eks/{scope.cluster_name}/*", f"/aws/containerinsights/{scope.cluster_name}/*")
    own = [scope.arn("logs", f"log-group:{group}") for group in (*groups, f"/biojobs/{scope.stack}/*")]
    return document(
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{scope.partition}:iam::{scope.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{scope.region}.amazonaws.com"},
            "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": own}},
        },
        alarms_use_key(scope.account, scope.arn("cloudwatch", f"alarm:{scope.cluster_name}-*")),
    )
