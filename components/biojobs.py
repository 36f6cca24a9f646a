"""The `biojobs` namespace: who may run there, how much they may use, and whom they may talk to."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.contracts import Cloud, Endpoint, Identity
from components.names import (
    NAMESPACE,
    NOTIFY_SECRET,
    NOTIFY_WEBHOOK,
    READER,
    RESTRICTED,
    RUNNER,
    STORE_ACCESS_KEY,
    STORE_SECRET,
    STORE_SECRET_KEY,
    labels,
)
from settings_notify import Notify
from settings_sizes import Quota

_DNS_PORTS = (("UDP", 53), ("TCP", 53))
_HTTPS = 443


class Biojobs(pulumi.ComponentResource):
    """Namespace, quota, limits, network policy, service account and the executor's RBAC.

    `ready` are the resources that must be there before a step can run.
    """

    namespace: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        stack: str,
        cloud: Cloud,
        quota: Quota,
        notify: Notify | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:platform:Biojobs", name, None, opts)
        self._name, self._stack = name, stack
        self._opts = pulumi.ResourceOptions(parent=self, provider=cloud.cluster.provider)
        created = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": NAMESPACE, "labels": {**labels(stack, "biojobs"), **RESTRICTED}},
            opts=self._opts,
        )
        self.namespace = created.metadata.name
        self.ready = [
            self._quota(quota),
            self._limit_range(),
            self._deny_by_default(),
            self._allow_egress(cloud, notify),
            *self._runner(cloud),
        ]
        if cloud.identity.reader is not None:
            self.ready.append(self._account(READER, cloud.identity.reader))
        if cloud.store.endpoint is not None:
            self.ready.append(self._store_secret(cloud.store.endpoint))
        if notify is not None:
            self.ready.append(self._notify_secret(notify))
        self.register_outputs({"namespace": self.namespace})

    def _meta(self, name: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(name=name, namespace=self.namespace, labels=labels(self._stack, "biojobs"))

    def _quota(self, quota: Quota) -> pulumi.Resource:
        return k8s.core.v1.ResourceQuota(
            f"{self._name}-quota",
            metadata=self._meta("biojobs"),
            spec={
                "hard": {
                    "requests.cpu": quota.cpu,
                    "requests.memory": quota.memory,
                    "limits.memory": quota.memory,
                    "pods": str(quota.pods),
                    "services.loadbalancers": "0",
                    "services.nodeports": "0",
                }
            },
            opts=self._opts,
        )

    def _limit_range(self) -> pulumi.Resource:
        """A pod that says nothing about resources gets little: the quota refuses pods without any."""
        return k8s.core.v1.LimitRange(
            f"{self._name}-limits",
            metadata=self._meta("biojobs"),
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default_request": {"cpu": "10m", "memory": "64Mi"},
                        "default": {"memory": "256Mi"},
                    }
                ]
            },
            opts=self._opts,
        )

    def _deny_by_default(self) -> pulumi.Resource:
        return k8s.networking.v1.NetworkPolicy(
            f"{self._name}-deny",
            metadata=self._meta("default-deny"),
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=self._opts,
        )

    def _allow_egress(self, cloud: Cloud, notify: Notify | None) -> pulumi.Resource:
        """Steps need names, the API server (to report results), the store, a webhook; nobody needs to reach a step."""
        tcp = {_HTTPS, *cloud.cluster.api_ports, *([notify.port] if notify else [])}
        if cloud.store.endpoint is not None:
            tcp.add(cloud.store.endpoint.port)
        allowed = [*_DNS_PORTS, *(("TCP", port) for port in sorted(tcp))]
        ports: list[pulumi.Input[k8s.networking.v1.NetworkPolicyPortArgsDict]] = [
            {"protocol": protocol, "port": port} for protocol, port in allowed
        ]
        return k8s.networking.v1.NetworkPolicy(
            f"{self._name}-egress",
            metadata=self._meta("steps-egress"),
            spec={
                "pod_selector": {},
                "policy_types": ["Egress"],
                "egress": [{"ports": ports}, *_to_agent(cloud.identity)],
            },
            opts=self._opts,
        )

    def _runner(self, cloud: Cloud) -> list[pulumi.Resource]:
        """The service account of steps: it writes task results for Argo, and sees which runs there are."""
        account = self._account(RUNNER, cloud.identity.runner)
        role = k8s.rbac.v1.Role(
            f"{self._name}-executor",
            metadata=self._meta("executor"),
            rules=[
                {
                    "api_groups": ["argoproj.io"],
                    "resources": ["workflowtaskresults"],
                    "verbs": ["create", "patch"],
                },
                # What is made of all samples waits until their runs have ended.
                {"api_groups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list"]},
            ],
            opts=self._opts,
        )
        binding = k8s.rbac.v1.RoleBinding(
            f"{self._name}-executor",
            metadata=self._meta("executor"),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": "executor"},
            subjects=[{"kind": "ServiceAccount", "name": RUNNER, "namespace": self.namespace}],
            opts=self._opts,
        )
        return [account, role, binding]

    def _account(self, name: str, annotations: Mapping[str, pulumi.Input[str]]) -> pulumi.Resource:
        metadata = self._meta(name)
        metadata.annotations = dict(annotations) or None
        return k8s.core.v1.ServiceAccount(f"{self._name}-{name}", metadata=metadata, opts=self._opts)

    def _store_secret(self, endpoint: Endpoint) -> pulumi.Resource:
        return k8s.core.v1.Secret(
            f"{self._name}-store",
            metadata=self._meta(STORE_SECRET),
            string_data={STORE_ACCESS_KEY: endpoint.access_key, STORE_SECRET_KEY: endpoint.secret_key},
            opts=self._opts,
        )

    def _notify_secret(self, notify: Notify) -> pulumi.Resource:
        webhook = pulumi.Output.secret(notify.webhook.get_secret_value())
        return k8s.core.v1.Secret(
            f"{self._name}-notify",
            metadata=self._meta(NOTIFY_SECRET),
            string_data={NOTIFY_WEBHOOK: webhook},
            opts=self._opts,
        )


def _to_agent(identity: Identity) -> list[k8s.networking.v1.NetworkPolicyEgressRuleArgsDict]:
    """To where the node hands out credentials: without it a step has none, and everything it does is refused."""
    if identity.agent is None:
        return []
    address, port = identity.agent
    return [{"to": [{"ip_block": {"cidr": f"{address}/32"}}], "ports": [{"protocol": "TCP", "port": port}]}]
