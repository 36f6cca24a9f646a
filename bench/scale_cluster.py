"""The cluster of `bench scale`: a real control plane, nodes and pods that kwok simulates, and Argo's controller.

Everything runs in name spaces of its own for network and processes, and ends with the process that began it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import yaml

from bench.scale_nodes import ENV, kwok, node
from components.argo import chart_values
from components.contracts import Cloud, Cluster, Identity, Registry, Store
from components.controller import Controller
from components.names import ARGO_CONTROLLER, ARGO_NAMESPACE, NAMESPACE, RESTRICTED, RUNNER
from components.pipeline import argo_limits
from components.pools import placements
from sandbox import chart, layout, pki, probes, render, supervisor, tools
from sandbox.components import Binaries, Component, all_components
from sandbox.console import output_of
from sandbox.layout import NODE_ADDRESS, Layout
from settings import Settings
from workflows.types import LIMITS, StoreUris

TOOLS: Final = ("argo", "etcd", "helm", "kubernetes", "kwok")
CONTROLLER: Final = "workflow-controller"
STAGES: Final = (("etcd",), ("kube-apiserver",), ("kube-controller-manager", "kube-scheduler", "kwok"))
"""Processes that are started together."""
_HEALTH = "http://127.0.0.1:6060/healthz"


def cloud() -> Cloud:
    """A cloud of which nothing is made: the names and places that manifests and the chart's values are made from."""
    nowhere = cast(Any, None)
    return Cloud(
        Cluster(nowhere, placements(), (443,), nowhere),
        Registry("registry.example/biojobs"),
        Identity(),
        Store(StoreUris("s3://reads", "s3://reference", "s3://results"), "s3://results", {"AWS_REGION": "eu-west-1"}),
    )


class ScaleCluster:
    """A control plane and simulated nodes below `folder`; `controller` starts Argo's."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self.layout = Layout(layout.from_environment().cache, folder / "data", folder / "run")
        self._nodes = nodes

    def start(self, settings: Settings) -> None:
        """Starts everything but Argo's controller, and makes what the product makes besides Workflows."""
        for words in (["link", "set", "lo", "up"], ["address", "add", f"{NODE_ADDRESS}/32", "dev", "lo"]):
            output_of(["ip", *words])
        self._prepare()
        folders = {name: tools.folder(name) for name in TOOLS}
        known = {
            made.name: made
            for made in (
                *all_components(self.layout, Binaries(folders["kubernetes"], folders["etcd"], Path(), Path())),
                kwok(self.layout, folders["kwok"]),
            )
        }
        for stage in STAGES:
            supervisor.ensure_stage(self.layout, [_quick(known[name]) for name in stage])
        self._create(_namespaced(settings))
        self._create(node(number) for number in range(self._nodes))
        self._kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s")

    def controller(self, sized: Controller, *, argos_own: bool) -> None:
        """Starts Argo's controller anew, as the chart's values for this size have it.

        With `argos_own` it sends the events and reads the limits that it does unless it is told otherwise.
        """
        objects = self._rendered(sized, ("nodeEvents", "synchronization") if argos_own else ())
        (deployment,) = (
            made
            for made in objects
            if made["kind"] == "Deployment"
            and made["spec"]["template"]["spec"]["containers"][0]["name"] == "controller"
        )
        self._apply(made for made in objects if made["kind"] not in ("Deployment", "Service"))
        while not self._established():
            time.sleep(0.5)
        supervisor.stop(self.layout, CONTROLLER, grace=10)
        supervisor.ensure_stage(self.layout, [self._argo(deployment)])

    def pid(self, name: str) -> int:
        """The process of a component."""
        found = supervisor.pid_of(self.layout, name)
        if found is None:
            raise SystemExit(f"{name} has ended; its last lines:\n{supervisor.tail(self._log(name))}")
        return found

    def _established(self) -> bool:
        """Whether the API server serves all kinds of Argo's. `kubectl wait` fails on one that has no status yet."""
        found = json.loads(self._kubectl("get", "customresourcedefinitions", "--output=json"))["items"]
        return all(any(_is_established(each) for each in made["status"].get("conditions") or ()) for made in found)

    def _log(self, name: str) -> Path:
        return supervisor.log_file(self.layout, name)

    def _prepare(self) -> None:
        for folder in (self.layout.config, self.layout.logs, self.layout.run):
            folder.mkdir(parents=True)
        pki.ensure(self.layout.pki)
        for user in ("kube-controller-manager", "kube-scheduler"):
            (self.layout.config / f"{user}.kubeconfig").write_text(render.kubeconfig(self.layout.pki, user))
        self.layout.kubeconfig.write_text(render.kubeconfig(self.layout.pki, "admin"))

    def _rendered(self, sized: Controller, without: Sequence[str]) -> list[dict[str, Any]]:
        wanted = chart_values(cloud(), sized)
        wanted["controller"] = {key: value for key, value in wanted["controller"].items() if key not in without}
        values = self.layout.config / "values.json"
        values.write_text(json.dumps(wanted))
        found = chart.ensure(self.layout)
        words = ["template", "argo", str(found), "--namespace", ARGO_NAMESPACE, "--values", str(values)]
        text = output_of([tools.folder("helm") / "helm", *words])
        return [made for made in yaml.load_all(text, yaml.CSafeLoader) if made]

    def _argo(self, deployment: dict[str, Any]) -> Component:
        """The Deployment's only container, as a process that acts for the same service account."""
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        program = tools.folder("argo") / container["command"][0]
        known = {"metadata.namespace": ARGO_NAMESPACE, "metadata.name": "scale"}
        env = {
            each["name"]: each["value"] if "value" in each else known[each["valueFrom"]["fieldRef"]["fieldPath"]]
            for each in container["env"]
        }
        kubeconfig = self.layout.config / "argo.kubeconfig"
        words = (f"--kubeconfig={kubeconfig}", f"--namespace={ARGO_NAMESPACE}", *container["args"])
        return Component(
            CONTROLLER,
            (str(program), *words),
            probes.http_ok(_HEALTH),
            files={kubeconfig: self._account()},
            env=ENV | env,
        )

    def _account(self) -> str:
        token = self._kubectl("create", "token", ARGO_CONTROLLER, "-n", ARGO_NAMESPACE, "--duration=24h").strip()
        content = json.loads(render.kubeconfig(self.layout.pki, "admin"))
        content["users"][0]["user"] = {"token": token}
        return json.dumps(content)

    def _create(self, objects: Iterable[dict[str, Any]]) -> None:
        # Not applied: that would drop the status, which says what a node has.
        self._kubectl("create", "-f", "-", given=_list(objects))

    def _apply(self, objects: Iterable[dict[str, Any]]) -> None:
        self._kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=_list(objects))

    def _kubectl(self, *words: str, given: str = "") -> str:
        command = [tools.folder("kubernetes") / "kubectl", f"--kubeconfig={self.layout.kubeconfig}", *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


def _is_established(condition: dict[str, str]) -> bool:
    return (condition["type"], condition["status"]) == ("Established", "True")


def _quick(component: Component) -> Component:
    """With the garbage collector at ease: the sandbox's control plane is set to use little memory, not little time."""
    return replace(component, env={**component.env, "GOGC": "300"})


def _list(objects: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _namespaced(settings: Settings) -> Sequence[dict[str, Any]]:
    """Namespaces, the steps' account, and the limits of runs and of pods, as components/ makes them."""

    def named(kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}

    spaces = [named("Namespace", name) for name in (NAMESPACE, ARGO_NAMESPACE)]
    for space in spaces:
        space["metadata"]["labels"] = dict(RESTRICTED)
    return (
        *spaces,
        named("ServiceAccount", RUNNER, NAMESPACE),
        named("ConfigMap", LIMITS, NAMESPACE, data=argo_limits(settings)),
        named("ResourceQuota", "biojobs", NAMESPACE, spec={"hard": {"pods": str(settings.quota.pods)}}),
    )
