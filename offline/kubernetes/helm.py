"""`helm.sh/v3:Release` through the helm binary."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import threading
from collections.abc import Iterable
from functools import cached_property
from typing import Any, cast

import yaml

from offline.engine import Engine
from offline.kubernetes.api import ApiServer, Cluster, Kind
from offline.kubernetes.charts import chart_words
from offline.kubernetes.errors import DELETE_UNREACHABLE
from offline.kubernetes.helmcli import Helm, HelmError
from offline.kubernetes.reasons import why_not
from offline.paths import differences, get
from offline.resource import Change, Diff, InvalidInputsError, Made, NotReadyError, Request, ResourceError
from offline.values import Map, Unknown, contains, mark_like, reveal

TIMEOUT = 300  # seconds, helm's own and the official provider's
OWNER = "biojobs-resource"  # a label of the release: which resource of which stack made it

# Inputs that are a flag of `helm upgrade --install`, by their names there.
_SWITCHES = {
    "atomic": "--atomic",
    "cleanupOnFail": "--cleanup-on-fail",
    "createNamespace": "--create-namespace",
    "dependencyUpdate": "--dependency-update",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "forceUpdate": "--force",
    "renderSubchartNotes": "--render-subchart-notes",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
    "skipCrds": "--skip-crds",
    "waitForJobs": "--wait-for-jobs",
}
_OTHERS = frozenset(
    (
        *("chart", "version", "repositoryOpts", "name", "namespace", "values"),
        *("timeout", "skipAwait", "description", "maxHistory"),
        *("compat", "allowNullValues"),  # the SDK always sends the first; the second has no effect in 4.34 either
    )
)


class ReleaseHandler:
    """The `Handler` of Helm releases."""

    def __init__(self, cluster: Cluster, namespace: str, engine: Engine | None, cancelled: threading.Event) -> None:
        """`namespace` is the one of releases that name none."""
        self._cluster = cluster
        self._namespace = namespace
        self._engine = engine
        self._cancelled = cancelled
        self._helm = Helm(cluster, cancelled)

    @cached_property
    def _api(self) -> ApiServer:
        return ApiServer(self._cluster)

    def check(self, request: Request) -> Map:
        """Name and namespace filled in; inputs without a meaning here are refused."""
        inputs = {key: value for key, value in copy.deepcopy(request.inputs).items() if value is not None}
        problems = [
            (key, "is not understood by the stand-in provider")
            for key, value in inputs.items()
            if key not in _OTHERS and key not in _SWITCHES and value not in (False, [], {})
        ]
        problems += [] if inputs.get("chart") else [("chart", "a release needs a chart")]
        options: Any = inputs.get("repositoryOpts") or {}
        if isinstance(options, dict):
            unknown = sorted(cast(Map, options).keys() - {"repo"})
            problems += [(f"repositoryOpts.{key}", "is not understood by the stand-in provider") for key in unknown]
        if problems:
            raise InvalidInputsError(problems)
        if inputs.get("name") is None:
            inputs["name"] = request.old_inputs.get("name") or f"{request.name}-{request.suffix()}"
        if inputs.get("namespace") is None:
            inputs["namespace"] = self._namespace
        return inputs

    def diff(self, request: Request) -> Diff:
        """Differences of the inputs, and of the release as it is in the cluster."""
        changes = [
            Change(c.path, c.kind, c.path[0] in ("name", "namespace"))
            for c in differences(request.old_inputs, request.inputs)
        ]
        if not changes and not contains(request.inputs, Unknown):
            changes = list(self._drift(reveal(request.inputs)))
        return Diff(tuple(changes))

    def _drift(self, inputs: Map) -> Iterable[Change]:
        namespace, name = inputs["namespace"], inputs["name"]
        try:
            release = self._helm.release(namespace, name)
            if release is None:
                return [Change(("status",), "add", of_inputs=False)]
            values = self._helm.values(namespace, name)
        except HelmError as error:
            if error.unreachable:
                return []
            raise
        drift = [Change(("status", "status"), "update", of_inputs=False)] if release["status"] != "deployed" else []
        found = differences(values, inputs.get("values") or {}, ("values",))
        return [*drift, *(Change(c.path, c.kind, of_inputs=False) for c in found)]

    def create(self, request: Request) -> Made:
        """Install and wait. A release that is there already must be one that an interrupted `up` of ours left."""
        if request.preview:
            return Made("", self._preview(request))
        inputs = reveal(request.inputs)
        namespace, name = inputs["namespace"], inputs["name"]
        existing = self._helm.release(namespace, name)
        if existing is not None and not self._helm.labelled(namespace, name, _owner(request)):
            raise ResourceError(
                f"the Helm release {namespace}/{name} exists already, and is not in this stack. Give the resource "
                f"another name, or remove it: helm uninstall {name} --namespace {namespace}"
            )
        return self._upgrade(request, inputs, existing)

    def update(self, request: Request) -> Made:
        """Upgrade and wait; a release that has gone is installed again."""
        if request.preview:
            return Made(request.id, self._preview(request))
        inputs = reveal(request.inputs)
        return self._upgrade(request, inputs, self._helm.release(inputs["namespace"], inputs["name"]))

    def _preview(self, request: Request) -> Map:
        """Render the chart, which refuses values that it does not know; nothing is asked of the cluster."""
        if not contains(request.inputs, Unknown):
            inputs = reveal(request.inputs)
            chart = chart_words(inputs, self._engine, request.urn)
            words = ["template", inputs["name"], *chart, "--namespace", inputs["namespace"], "--values", "-"]
            self._helm.run(words, stdin=json.dumps(inputs.get("values") or {}))
        return request.inputs

    def _upgrade(self, request: Request, inputs: Map, existing: Map | None) -> Made:
        namespace, name = inputs["namespace"], inputs["name"]
        if existing is not None and str(existing["status"]).startswith("pending"):
            self._recover(namespace, name)
        words = ["upgrade", name, *chart_words(inputs, self._engine, request.urn), "--install"]
        words += [
            "--namespace",
            namespace,
            "--values",
            "-",
            "--labels",
            _owner(request),
            *_flags(inputs, request),
        ]
        values = json.dumps(inputs.get("values") or {})
        try:
            self._helm.run(words, stdin=values, progress=lambda seconds: self._tell(request, inputs, seconds))
        except HelmError as error:
            self._fail(request, inputs, error)
        return Made(f"{namespace}/{name}", self._state(request, inputs))

    def _recover(self, namespace: str, name: str) -> None:
        """A helm that was killed leaves its release locked: go back to what was, or to nothing."""
        revision = self._helm.last_good_revision(namespace, name)
        if revision is None:
            self._helm.run(["uninstall", name, "--namespace", namespace, "--no-hooks", "--wait"])
        else:
            self._helm.run(["rollback", name, str(revision), "--namespace", namespace, "--no-hooks"])

    def _fail(self, request: Request, inputs: Map, error: HelmError) -> None:
        """Keep a release that exists but is not well in the state, with what its pods say."""
        namespace, name = inputs["namespace"], inputs["name"]
        try:
            release = self._helm.release(namespace, name)
        except HelmError:
            release = None
        if release is None:
            raise error
        reasons = [str(error), *self._why_not(inputs)]
        raise NotReadyError(f"{namespace}/{name}", self._state(request, inputs, release), reasons) from None

    def _tell(self, request: Request, inputs: Map, seconds: float) -> None:
        if self._engine:
            words = [f"{seconds:.0f} s: helm installs {inputs['name']}", *self._why_not(inputs)][:2]
            self._engine.status(request.urn, "; ".join(words))

    def _why_not(self, inputs: Map) -> list[str]:
        """What the release's workloads say, which helm does not: it only tells that it timed out."""
        pods = Kind("v1", "Pod", "pods", namespaced=True)
        selector = f"app.kubernetes.io/instance={inputs['name']}"
        try:
            found = self._api.list(pods, inputs["namespace"], labelSelector=selector)
        except ResourceError:
            return []
        return [line for pod in found for line in why_not(self._api, {**pod, "kind": "Pod"})]

    def _state(self, request: Request, inputs: Map, release: Map | None = None) -> Map:
        namespace, name = inputs["namespace"], inputs["name"]
        found = release or self._helm.release(namespace, name) or {}
        status = {key: found.get(key) for key in ("name", "namespace", "version", "appVersion", "status", "chart")}
        status["revision"] = found.get("revision")
        wanted = request.inputs or request.old_inputs
        names = {"resourceNames": _resource_names(self._helm.manifest(namespace, name))}
        return cast(Map, mark_like({**inputs, **names, "status": status}, wanted))

    def read(self, request: Request) -> Made:
        """The release as it is; values that differ from ours show as drift."""
        namespace, name = request.id.split("/", 1)
        try:
            release = self._helm.release(namespace, name)
        except HelmError as error:
            if error.unreachable and _may_forget():
                return Made("", {})
            raise
        if release is None:
            return Made("", {})
        inputs = {**reveal(request.old_inputs), "namespace": namespace, "name": name}
        inputs.setdefault("chart", release.get("chart"))
        values = self._helm.values(namespace, name)
        if any(differences(inputs.get("values") or {}, values)):
            inputs["values"] = values
        state = self._state(request, inputs, release)
        return Made(request.id, state, cast(Map, mark_like(inputs, request.old_inputs)))

    def delete(self, request: Request) -> None:
        """Uninstall and wait; no release is as good."""
        namespace, name = request.id.split("/", 1)
        inputs: Map = {**reveal(request.state), **reveal(request.old_inputs)}
        words = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
            *_wait_flags(inputs, request),
        ]
        try:
            self._helm.run(words)
        except HelmError as error:
            if not (error.not_found or (error.unreachable and _may_forget())):
                raise


def _flags(inputs: Map, request: Request) -> list[str]:
    words = [flag for key, flag in _SWITCHES.items() if inputs.get(key) is True]
    words += ["--description", str(inputs["description"])] if inputs.get("description") else []
    words += ["--history-max", str(inputs["maxHistory"])] if inputs.get("maxHistory") is not None else []
    return words + _wait_flags(inputs, request)


def _wait_flags(inputs: Map, request: Request) -> list[str]:
    seconds = int(request.timeout or inputs.get("timeout") or TIMEOUT)
    return ["--timeout", f"{seconds}s", *([] if inputs.get("skipAwait") is True else ["--wait"])]


def _owner(request: Request) -> str:
    return f"{OWNER}={hashlib.sha256(request.urn.encode()).hexdigest()[:16]}"


def _may_forget() -> bool:
    return os.environ.get(DELETE_UNREACHABLE, "").lower() == "true"


def _resource_names(manifest: str) -> dict[str, list[str]]:
    """The release's objects as pulumi-kubernetes lists them: by kind and version."""
    names: dict[str, list[str]] = {}
    for item in yaml.safe_load_all(manifest):
        if isinstance(item, dict):
            body = cast(Map, item)
            namespace, name = get(body, "metadata", "namespace"), str(get(body, "metadata", "name"))
            key = f"{body.get('kind')}.{body.get('apiVersion')}"
            names.setdefault(key, []).append(f"{namespace}/{name}" if namespace else name)
    return {key: sorted(names[key]) for key in sorted(names)}
