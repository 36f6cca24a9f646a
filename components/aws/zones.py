"""Keeps Auto Scaling from moving nodes between zones for the sake of balance: it would end the steps that run on them.

EKS offers no way to say so of a managed node group, and itself suspends and resumes the process when it updates one.
A schedule that suspends it anew is idempotent, costs nothing and needs no code of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.aws.policies import Document, allow, document
from components.aws.scope import Scope

_EVERY = "rate(30 minutes)"


class SteadyZones(pulumi.ComponentResource):
    """Suspends AZRebalance of Auto Scaling groups, given by a name of ours each: now and every half hour."""

    def __init__(
        self,
        name: str,
        scope: Scope,
        groups: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:SteadyZones", name, None, opts)
        child = scope.child(self)
        role = aws.iam.Role(
            f"{name}-role",
            name=f"{scope.cluster_name}-zones",
            description=f"Suspends AZRebalance of node groups of {scope.cluster_name}",
            assume_role_policy=json.dumps(_trust(scope.account)),
            opts=child,
        )
        policy = aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=json.dumps(suspend(scope)), opts=child)
        for group, autoscaling_group in groups.items():
            aws.scheduler.Schedule(
                f"{name}-{group}",
                name=f"{scope.cluster_name}-{group}-zones",
                description=f"No rebalancing of {group} between zones",
                flexible_time_window={"mode": "OFF"},
                schedule_expression=_EVERY,
                target={
                    "arn": f"arn:{scope.partition}:scheduler:::aws-sdk:autoscaling:suspendProcesses",
                    "role_arn": role.arn,
                    "input": autoscaling_group.apply(_request),
                },
                opts=scope.child(self, policy),
            )
        self.register_outputs({})


def suspend(scope: Scope) -> Document:
    """May suspend processes of the groups that belong to this cluster, by the tag that EKS puts on them."""
    groups = scope.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{scope.cluster_name}": "owned"}}
    return document(allow("SuspendRebalancing", ["autoscaling:SuspendProcesses"], [groups], owned))


def _trust(account: str) -> Document:
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": ["sts:AssumeRole"],
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    )


def _request(autoscaling_group: str) -> str:
    return json.dumps({"AutoScalingGroupName": autoscaling_group, "ScalingProcesses": ["AZRebalance"]})
