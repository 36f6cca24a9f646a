"""The recorded Kubernetes: the stand-in's own code, over an API server in a file."""

from __future__ import annotations

import threading
from typing import cast

from offline.kubernetes.api import ApiServer, Cluster
from offline.kubernetes.helm import ReleaseHandler
from offline.kubernetes.objecthandler import ObjectHandler
from offline.kubernetes.server import RELEASE
from offline.kubernetes.waiting import Waiting
from offline.recording.api import RecordedApi
from offline.recording.clusters import OWN_IMAGES, endpoint_of, images_of, require_cluster
from offline.recording.providers import CloudRecorder, RecordHandler
from offline.recording.store import Store
from offline.resource import Handler, Request
from offline.values import Map, reveal


class RecordedRelease(RecordHandler):
    """A Helm release that is always well, where there is a cluster with nodes."""

    def __init__(self, store: Store, cancelled: threading.Event, endpoint: str) -> None:
        """`endpoint` as in `RecordedApi`."""
        super().__init__(store, cancelled)
        self._endpoint = endpoint

    def accept(self, request: Request, state: Map, content: Map) -> None:
        """Its pods need nodes, which need its images."""
        images = [*images_of(state.get("values"))] if state else []
        if state and not images:
            images = [f"{OWN_IMAGES}/{request.name}"]
        require_cluster(content, self._endpoint, "Release", request.name, images)

    def delete(self, request: Request) -> None:
        """Strike it out; hooks and the end of its pods need nodes too."""
        with self._store.open() as content:
            self.accept(request, {}, content)
        super().delete(request)

    def check(self, request: Request) -> Map:
        """As the stand-in checks it."""
        return ReleaseHandler(Cluster(), "default", None, self._cancelled).check(request)

    def outputs(self, request: Request) -> Map:
        """The status of a deployed release."""
        inputs = cast(Map, reveal(request.inputs))
        status = {key: inputs.get(key) for key in ("name", "namespace", "chart", "version")}
        return {"status": {**status, "status": "deployed", "revision": 1}, "resourceNames": {}}


class KubernetesRecorder(CloudRecorder):
    """The kubernetes stand-in over an API server in a file."""

    version = "4.34.2"
    _endpoint = ""

    def configure(self, config: Map) -> None:
        """Which cluster it is: of one in a cloud we know whether it is there."""
        self._endpoint = endpoint_of(str(reveal(config).get("kubeconfig")))

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        if token == RELEASE:
            return RecordedRelease(self._store, self.cancelled, self._endpoint)
        api = cast(ApiServer, RecordedApi(self._store, self.cancelled, self._endpoint))
        waiting = Waiting(api, self.engine, self.cancelled)
        return ObjectHandler(api, "default", waiting, frozenset())
