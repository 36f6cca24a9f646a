"""What `bench scale` runs, and what stands in for Argo's executor, which simulated nodes do not run."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import urllib3

from components.argo import LOG_KEY
from components.inputs import Inputs
from components.manifests import Manifests, platform
from components.names import NAMESPACE
from images.multiqc.nodes import nodes
from sandbox.layout import PORTS
from sandbox.probes import admin_context
from settings import Settings
from workflows.groups import groups
from workflows.samples import parse
from workflows.types import Manifest, Source

ARGO: Final = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"
PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
SHARDS: Final = 2
"""Shards that variants of a sample are called in."""
READS: Final = 10**10
"""Bytes of a file of reads."""
THREADS: Final = 8
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_IMAGES = ("fastqc", "bwa-mem2", "variants", "multiqc")
_LABEL = "workflows.argoproj.io"
_RUNNING = f"fieldSelector=status.phase%3DRunning&labelSelector={_LABEL}%2Fworkflow"


class Api:
    """The API server as the administrator, over connections that stay open."""

    def __init__(self, pki: Path) -> None:
        self._base = f"https://127.0.0.1:{PORTS['kube-apiserver']}"
        self._pool = urllib3.PoolManager(ssl_context=admin_context(pki), maxsize=2 * THREADS, retries=False)

    def ask(
        self, method: str, path: str, body: Any = None, accept: str = "application/json", allowed: int = 0
    ) -> bytes:
        """The answer to a request; empty where it is refused with the status `allowed`, and raises `SystemExit` where
        it is refused otherwise."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind, "Accept": accept}
        answer = self._pool.request(method, self._base + path, body=text, headers=headers, timeout=60)
        if answer.status == allowed:
            return b""
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: HTTP {answer.status}: {answer.data[:500].decode(errors='replace')}")
        return answer.data

    def watch(self, path: str) -> Iterator[dict[str, Any]]:
        """Events of the metadata of what matches, until the server ends the watch."""
        headers = {"Accept": _METADATA.format("")}
        answer = self._pool.request("GET", self._base + path, headers=headers, preload_content=False, timeout=None)
        with answer:
            for line in answer:
                yield json.loads(line)


class Work:
    """The Workflows of a sheet with some number of tasks, as the product makes them."""

    def __init__(self, settings: Settings, tasks: int, prefix: str, cloud: Any) -> None:
        known = platform(settings, cloud, {name: f"registry.example/{name}@sha256:{64 * '0'}" for name in _IMAGES})
        self._manifests = Manifests(settings, _inputs(1, prefix), known)
        self._samples = -(-tasks // self._tasks_of_one)
        self._manifests = Manifests(settings, _inputs(self._samples, prefix), known)

    @property
    def samples(self) -> int:
        """Samples of the sheet."""
        return self._samples

    @property
    def tasks(self) -> int:
        """Tasks of all samples: a pod that succeeds is expected for each."""
        return self._samples * self._tasks_of_one

    @cached_property
    def workflows(self) -> list[Manifest]:
        """The manifests."""
        samples = self._manifests.inputs.samples
        most = self._manifests.settings.group_size
        found = groups(samples, [sample.name for sample in samples], most)
        return [self._manifests.samples(group) for group in found]

    @cached_property
    def _tasks_of_one(self) -> int:
        steps = self._manifests.steps(self._manifests.inputs.samples[0])
        return sum(SHARDS if step.each else len(step.items) for step in steps)

    @property
    def outputs(self) -> dict[str, list[dict[str, str]]]:
        """What each step hands over: the shards of its sample, and that nothing is left of one."""
        steps = self._manifests.steps(self._manifests.inputs.samples[0])
        shards = [{"shard": f"{number:04}", "key": f"{number:016x}"} for number in range(1, SHARDS + 1)]
        values = {"shards": json.dumps(shards), "rest": "[]"}
        return {step.name: [{"name": name, "value": values[name]} for name in step.outputs] for step in steps}


def _inputs(samples: int, prefix: str) -> Inputs:
    names = [f"{prefix}{number:05}" for number in range(samples)]
    files = {name: [f"s3://reads/{name}_{read}.fastq.gz" for read in (1, 2)] for name in names}
    rows = "".join(f"{name},{first},{second}\n" for name, (first, second) in files.items())
    sources = {uri: Source(uri, f"{uri}-1", READS) for pair in files.values() for uri in pair}
    sheet = parse(f"sample,fastq_1,fastq_2\n{rows}".encode(), "sheet.csv")
    return Inputs(sheet, sources, Source("s3://reference/genome.fa", "1", 3 * 10**9))


class Executor:
    """Reports for running pods what argoexec reports, in the same requests: begun, outputs, done.

    It does so when a pod begins, since simulated pods end by themselves; of the first `delete` pods it deletes those
    that align, and reports no outputs, as an executor does that is told to stop.
    """

    def __init__(self, api: Api, outputs: Mapping[str, Sequence[Mapping[str, str]]], delete: int) -> None:
        self.ended: list[float] = []
        self.problems: list[str] = []
        self._api, self._outputs, self._delete = api, outputs, delete
        self.begun: set[str] = set()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS)
        threading.Thread(target=self._follow, daemon=True).start()

    def stop(self) -> None:
        """No more reports."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                self._watch()
            except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
                self.problems.append(f"watching pods: {error}")
                time.sleep(1)

    def _watch(self) -> None:
        # What the last watch has missed, for a pod that nobody reports of is awaited without end.
        for metadata in listed(self._api, f"{PODS}?fieldSelector=status.phase%3DSucceeded"):
            self._event("ADDED", metadata)
        for event in self._api.watch(f"{PODS}?watch=1&{_RUNNING}"):
            if event["type"] == "ERROR":
                # Such as "too old resource version", of a server that has a lot to do.
                self.problems.append(f"watching pods: {event['object'].get('message')}")
                return
            self._event(event["type"], event["object"]["metadata"])

    def _event(self, kind: str, pod: dict[str, Any]) -> None:
        if self._stopped.is_set():
            return
        if kind == "DELETED":
            self.ended.append(time.monotonic())
        elif pod["uid"] not in self.begun:
            self.begun.add(pod["uid"])
            delete = self._delete > 0 and pod["labels"]["biojobs/step"] == "align"
            self._delete -= delete
            self._pool.submit(self._attempt, pod, delete)

    def _attempt(self, pod: dict[str, Any], delete: bool) -> None:
        try:
            self._report(pod, delete)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # nobody asks for what a thread has raised
            self.problems.append(f"reporting for {pod['name']}: {error}")

    def _report(self, pod: dict[str, Any], delete: bool) -> None:
        node, labels = pod["annotations"][f"{_LABEL}/node-id"], pod["labels"]
        done = f"{_LABEL}/report-outputs-completed"
        (owner,) = pod["ownerReferences"]
        kept = {key: owner[key] for key in ("apiVersion", "kind", "name", "uid")}
        workflow = {f"{_LABEL}/workflow": labels[f"{_LABEL}/workflow"]}
        result = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "WorkflowTaskResult",
            "metadata": {"name": node, "labels": {**workflow, done: "false"}, "ownerReferences": [kept]},
        }
        path = f"{ARGO}/workflowtaskresults"
        if not self._api.ask("POST", path, result, allowed=409):
            # Of a pod that Argo made anew under the same name.
            self._api.ask("PATCH", f"{path}/{node}", result)
        if delete:
            self._api.ask("DELETE", f"{PODS}/{pod['name']}")
        else:
            self._api.ask("PATCH", f"{path}/{node}", {"outputs": self._given(pod)})
        self._api.ask("PATCH", f"{path}/{node}", {"metadata": {"labels": {done: "true"}}})

    def _given(self, pod: dict[str, Any]) -> dict[str, Any]:
        folder = LOG_KEY.replace("{{workflow.name}}", pod["labels"][f"{_LABEL}/workflow"])
        key = f"{folder.replace('{{pod.name}}', pod['name'])}/main.log"
        parameters = self._outputs[pod["labels"]["biojobs/step"]]
        return {
            "artifacts": [{"name": "main-logs", "s3": {"key": key}}],
            **({"parameters": parameters} if parameters else {}),
        }


def create(api: Api, manifests: Sequence[Manifest]) -> None:
    """Creates all Workflows at once."""

    def one(manifest: Manifest) -> None:
        api.ask("POST", f"{ARGO}/workflows", manifest)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, manifests))


def unfinished(api: Api) -> list[str]:
    """Names of the Workflows that have not ended."""
    return _names(api, f"{ARGO}/workflows?labelSelector={_LABEL}%2Fcompleted%21%3Dtrue")


def remove(api: Api) -> None:
    """Deletes all Workflows, and waits until they, their pods and their reports are gone."""
    api.ask("DELETE", f"{ARGO}/workflows")
    for path in (f"{ARGO}/workflows", PODS, f"{ARGO}/workflowtaskresults"):
        while _names(api, f"{path}?limit=1"):
            time.sleep(0.5)


def listed(api: Api, path: str) -> list[dict[str, Any]]:
    """The metadata of what a path lists."""
    found = json.loads(api.ask("GET", path, accept=_METADATA.format("List")))
    # An empty list of metadata is null.
    return [item["metadata"] for item in found["items"] or ()]


def _names(api: Api, path: str) -> list[str]:
    return [metadata["name"] for metadata in listed(api, path)]


class Outcome:
    """How the Workflows have ended: pods by phase, and the largest object as the API server keeps it, in bytes."""

    def __init__(self, api: Api, names: Sequence[str]) -> None:
        self.pods: Counter[str] = Counter()
        self.largest = 0
        self.not_well: dict[str, str] = {}
        for name in names:
            data = api.ask("GET", f"{ARGO}/workflows/{name}")
            self.largest = max(self.largest, len(data))
            self._count(cast(dict[str, Any], json.loads(data)))

    def _count(self, workflow: dict[str, Any]) -> None:
        pods = Counter(str(node["phase"]) for node in nodes(workflow) if node["type"] == "Pod")
        self.pods += pods
        status = workflow.get("status", {})
        if status.get("phase") != "Succeeded":
            said = ", ".join(f"{count} {phase}" for phase, count in sorted(pods.items()))
            self.not_well[workflow["metadata"]["name"]] = (
                f"{status.get('phase', 'not begun')} | {said} | {status.get('message', '')}"
            )
