"""What somebody needs in AWS to run this program, as IAM policies; and the role by which a CI may preview it.

    python -m components.aws.permissions                      all policies, for every stack: docs/aws-permissions.json
    python -m components.aws.permissions network --stack aws  one of them, for one stack
    python -m components.aws.permissions preview              what a preview takes: nothing that changes anything
    python -m components.aws.permissions trust --account 123456789012 --subject repo:OWNER/NAME:environment:preview

A managed policy has 6,144 characters at most, so there are several. Where IAM knows names, resources are limited to
those of the stack (`biojobs-<stack>...`); where it knows tags alone (EC2, KMS, Auto Scaling), to what the stack has
tagged. Whoever has these policies can write the policies of the stack's roles: an account that must not trust them
with that should have a permissions boundary for `role/biojobs-*`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.aws.actions import ACTIONS, IMAGES, PROGRAM, STATE
from components.aws.policies import Document, Statement, allow, document, managed
from components.permissions import needed

MANAGED: Final = (
    "AmazonEBSCSIDriverPolicyV2",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
)
"""Policies of AWS's own that roles of the stack may be given, and no others."""

_SERVICES: Final = ("ec2", "eks", "pods.eks", "scheduler", "vpc-flow-logs")
"""That roles of the stack may be passed to."""
_LINKED: Final = ("autoscaling", "eks", "eks-nodegroup", "spot")
"""Services whose own role an empty account does not have yet."""

_OURS: Final = {"aws:ResourceTag/project": "biojobs"}
_TO_BE_OURS: Final = {"aws:RequestTag/project": "biojobs"}
_READS: Final = re.compile(r":(BatchCheck|BatchGet|Describe|Get|List|View)")
# IAM knows no resource for these, or none that could be told before it is there.
_WITHOUT_RESOURCE: Final = re.compile(
    r"(autoscaling|ec2|sts|servicequotas|tag):(Describe|Get)|cloudwatch:Describe|ecr:GetAuthorizationToken"
    r"|eks:(Describe(Addon|Cluster)Versions|ListClusters)|iam:ListRoles|kms:ListAliases|logs:Describe"
    r"|s3:ListAllMyBuckets|sns:(Get|Set)SubscriptionAttributes|sns:Unsubscribe"
)
_CREATES: Final = re.compile(r"ec2:(Allocate|Create(?!Tags$|Route$|LaunchTemplateVersion$))")
_MADE_IN_EC2: Final = (
    *("elastic-ip", "internet-gateway", "launch-template", "natgateway", "route-table", "security-group"),
    *("security-group-rule", "subnet", "vpc", "vpc-endpoint", "vpc-flow-log"),
)
_STATE_KEY: Final = "alias/biojobs-state"
_GITHUB: Final = "token.actions.githubusercontent.com"
_SUBJECT: Final = re.compile(r"repo:[^*?:\s]+:(environment:[^*?:\s]+|ref:refs/heads/[^*?:\s]+)")


@dataclass(frozen=True)
class Place:
    """What policies are limited to; `*` is any. `sources` are buckets beside the stack's own that are read, other than
    public ones."""

    account: str = "*"
    region: str = "*"
    stack: str = "*"
    partition: str = "aws"
    sources: Sequence[str] = ()

    @property
    def own(self) -> str:
        """What names of the stack begin with."""
        return f"biojobs-{self.stack}"

    def arn(self, service: str, resource: str) -> str:
        """An ARN in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def worldwide(self, service: str, resource: str) -> str:
        """An ARN of a service that knows no regions."""
        return f"arn:{self.partition}:{service}::{self.account}:{resource}"

    def bucket(self, name: str) -> str:
        """The ARN of a bucket, or of what is in it."""
        return f"arn:{self.partition}:s3:::{name}"


def documents(place: Place) -> dict[str, Document]:
    """The policies for `preview`, `up`, `refresh` and `destroy`, by name; all of them are needed."""
    return {
        "look": document(*_look(place)),
        "network": document(*_network(place)),
        "cluster": document(*_cluster(place)),
        "identity": document(*_identity(place)),
        "data": document(*_data(place)),
        "telemetry": document(*_telemetry(place)),
    }


def preview_policy(place: Place) -> Document:
    """What `pulumi preview` of a stack takes, its state included: reading, and of data the reads and references."""
    seen = [*_cluster(place), *_identity(place), *_data(place), *_telemetry(place)]
    return document(*_look(place), *(found for each in seen if (found := _reads_of(each))))


def preview_role_trust(account: str, subject: str, partition: str = "aws") -> Document:
    """Lets one branch or environment of one GitHub repository take the preview's role.

    `subject` is what GitHub says of it, such as `repo:OWNER/NAME:environment:preview` or, for repositories made since
    July 2026, `repo:OWNER@1/NAME@2:environment:preview`. Raises ValueError for one that others could have too: with a
    wildcard, or of pull requests, which anybody may open.
    """
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(
            f"subject {subject!r}: write repo:OWNER/NAME:environment:NAME or repo:OWNER/NAME:ref:refs/heads/BRANCH in "
            "full, without wildcards; pull requests must not be trusted"
        )
    return document(
        {
            "Sid": "PreviewOfTrustedBranches",
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{_GITHUB}"},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {"StringEquals": {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": subject}},
        }
    )


def _actions(service: str, want: Callable[[str], object] = bool) -> list[str]:
    """Actions of a service that have resources, of all types of the stack."""
    own = needed(ACTIONS, want=lambda action: action.startswith(f"{service}:"))
    return [action for action in own if not _WITHOUT_RESOURCE.match(action) and want(action)]


def _look(place: Place) -> list[Statement]:
    unbound = needed(ACTIONS, PROGRAM, _WITHOUT_RESOURCE.match)
    inputs = [f"{place.own}-reads-*", f"{place.own}-reference-*", *place.sources]
    return [
        allow("Look", [action for action in unbound if is_read(action)], ["*"]),
        allow("FindInputs", ["s3:GetObject"], [place.bucket(f"{name}/*") for name in inputs]),
        allow("ListInputs", ["s3:GetBucketLocation", "s3:ListBucket"], [place.bucket(name) for name in inputs]),
    ]


def _network(place: Place) -> list[Statement]:
    made = [place.arn("ec2", f"{kind}/*") for kind in _MADE_IN_EC2]
    creates = [*_actions("ec2", _CREATES.match), "ec2:AuthorizeSecurityGroupIngress"]
    changes = _actions("ec2", lambda action: action != "ec2:RunInstances")
    by_creation = {"ec2:CreateAction": [action.removeprefix("ec2:") for action in (*creates, "ec2:RunInstances")]}
    groups = [place.arn("ec2", "security-group/*")]
    return [
        allow("Create", creates, made, {"StringEquals": _TO_BE_OURS}),
        # What is made in something of ours, such as a subnet in a VPC, is a change of that too.
        allow("Change", changes, made, {"StringEquals": _OURS}),
        allow("TagWhatIsMade", ["ec2:CreateTags"], [place.arn("ec2", "*/*")], {"StringEquals": by_creation}),
        # The VPC's default group comes without tags.
        allow("AdoptDefaultGroup", ["ec2:CreateTags"], groups, {"StringEquals": _TO_BE_OURS}),
    ]


def _cluster(place: Place) -> list[Statement]:
    own = place.own
    parts = ("cluster/{}", "nodegroup/{}/*", "addon/{}/*", "access-entry/{}/*", "podidentityassociation/{}/*")
    template = {"ArnLike": {"ec2:LaunchTemplate": place.arn("ec2", "launch-template/*")}}
    groups = [place.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/eks-*")]
    return [
        allow("Cluster", _actions("eks"), [place.arn("eks", part.format(own)) for part in parts]),
        allow("TryLaunchTemplates", ["ec2:RunInstances"], ["*"], template),
        allow(
            "TagGroups",
            _actions("autoscaling"),
            groups,
            {"StringLike": {"aws:ResourceTag/eks:cluster-name": own}},
        ),
        allow("Schedules", _actions("scheduler"), [place.arn("scheduler", f"schedule/default/{own}-*")]),
    ]


def _identity(place: Place) -> list[Statement]:
    roles = [place.worldwide("iam", f"role/{place.own}-*")]
    alone = ("iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "iam:PassRole")
    policies = [managed(place.partition, name) for name in MANAGED]
    providers = [place.worldwide("iam", "oidc-provider/oidc.eks.*")]
    linked = [place.worldwide("iam", f"role/aws-service-role/{name}.amazonaws.com/*") for name in _LINKED]
    services = [f"{name}.amazonaws.com" for name in _SERVICES]
    issuer = "OpenIDConnectProvider"
    return [
        allow("Roles", _actions("iam", lambda action: issuer not in action and action not in alone), roles),
        allow("KnownPolicies", ["iam:AttachRolePolicy"], roles, {"ArnEquals": {"iam:PolicyARN": policies}}),
        allow("PassRoles", ["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": services}}),
        allow("Issuer", _actions("iam", lambda action: issuer in action), providers),
        allow("ServiceRoles", ["iam:CreateServiceLinkedRole", "iam:GetRole"], linked),
    ]


def _data(place: Place) -> list[Statement]:
    on_objects = ACTIONS["aws:s3/bucketObjectv2:BucketObjectv2"]
    of_buckets = _actions("s3", lambda action: action not in on_objects or action == "s3:ListBucket")
    images = [*_actions("ecr"), *IMAGES]
    return [
        allow("Buckets", of_buckets, [place.bucket(f"{place.own}-*")]),
        allow(
            "Uploads",
            [each for each in on_objects if each != "s3:ListBucket"],
            [place.bucket(f"{place.own}-reads-*/*")],
        ),
        allow("Images", images, [place.arn("ecr", f"repository/{place.own}/*")]),
        *_keys(place),
        *_state(place),
    ]


def _keys(place: Place) -> list[Statement]:
    """Tags of a key may take minutes to count, so that what is done to a new key cannot ask for them."""
    keys, names = [place.arn("kms", "key/*")], ("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias")
    for_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    harmless = ("kms:CreateAlias", "kms:EnableKeyRotation")
    at_once = _actions("kms", lambda action: is_read(action) or action in harmless)
    later = _actions("kms", lambda action: action not in (*at_once, "kms:CreateKey", "kms:CreateGrant"))
    return [
        allow("CreateKey", ["kms:CreateKey", "kms:TagResource"], ["*"], {"StringEquals": _TO_BE_OURS}),
        allow("NewKey", at_once, keys),
        allow("KeyForServices", ["kms:CreateGrant"], keys, for_services),
        allow("Key", later, keys, {"StringEquals": _OURS}),
        allow("Alias", names, [place.arn("kms", f"alias/{place.own}")]),
    ]


def _state(place: Place) -> list[Statement]:
    objects = [action for action in STATE if action.startswith("s3:") and action != "s3:ListBucket"]
    ours = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": _STATE_KEY}}
    crypt = [action for action in STATE if action.startswith("kms:")]
    return [
        allow("State", objects, [place.bucket("biojobs-state-*/*")]),
        allow("ListState", ["s3:ListBucket"], [place.bucket("biojobs-state-*")]),
        allow("StateSecrets", crypt, [place.arn("kms", "key/*")], ours),
    ]


def _telemetry(place: Place) -> list[Statement]:
    own = place.own
    groups = (f"/aws/eks/{own}/*", f"/aws/containerinsights/{own}/*", f"/biojobs/{place.stack}/*")
    dashboards, alarms = place.worldwide("cloudwatch", f"dashboard/{own}"), place.arn("cloudwatch", f"alarm:{own}-*")
    unbound = [
        action for action in ACTIONS["aws:sns/topicSubscription:TopicSubscription"] if _WITHOUT_RESOURCE.match(action)
    ]
    return [
        allow("Logs", _actions("logs"), [place.arn("logs", f"log-group:{group}") for group in groups]),
        allow("Alarms", _actions("cloudwatch"), [alarms, dashboards]),
        allow("Topic", _actions("sns"), [place.arn("sns", f"{own}-*")]),
        allow("Subscription", [action for action in unbound if not is_read(action)], ["*"]),
        allow("Budget", _actions("budgets"), [place.worldwide("budgets", f"budget/{own}")]),
    ]


def is_read(action: str) -> bool:
    """Whether an action changes nothing, by its name."""
    return bool(_READS.search(action))


def _reads_of(statement: Statement) -> Statement | None:
    """The statement without what changes anything; of keys, decryption alone."""
    actions = [action for action in statement["Action"] if is_read(action) or action == "kms:Decrypt"]
    return {**statement, "Action": actions} if actions else None


def main(arguments: Sequence[str]) -> None:
    """Prints what is asked for, as JSON."""
    names = list(documents(Place()))
    parser = argparse.ArgumentParser(prog="python -m components.aws.permissions", description="IAM policies, as JSON.")
    parser.add_argument("policy", nargs="?", default="all", choices=["all", *names, "preview", "trust"])
    for name, what in (("account", "account id"), ("region", "region"), ("stack", "stack")):
        parser.add_argument(f"--{name}", default="*", help=f"{what} that the policies are limited to")
    parser.add_argument("--partition", default="aws", help="aws, aws-cn or aws-us-gov")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket of yours that is read; repeatable")
    parser.add_argument("--subject", default="", help="for `trust`: GitHub's subject of the branch or environment")
    found = parser.parse_args(arguments)
    place = Place(found.account, found.region, found.stack, found.partition, tuple(found.bucket))
    made: Mapping[str, Document] | Document = documents(place)
    if found.policy == "preview":
        made = preview_policy(place)
    elif found.policy == "trust":
        if not re.fullmatch(r"\d{12}", found.account):
            parser.error("trust takes --account with twelve digits")
        try:
            made = preview_role_trust(found.account, found.subject, found.partition)
        except ValueError as error:
            parser.error(str(error))
    elif found.policy != "all":
        made = made[found.policy]
    print(json.dumps(made, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
