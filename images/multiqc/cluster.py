"""What a step's pod sees of the cluster: the Workflows of its own namespace, as Kubernetes' API hands them over."""

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WHOLE = "application/json"
# Names and labels alone: a Workflow's status may be a megabyte.
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = 25
"""Workflows at a time: even their metadata tells of every field of their status."""
WHOLE_PAGE = 10
COMPLETED = "workflows.argoproj.io/completed"
PHASE = "workflows.argoproj.io/phase"


class ApiError(Exception):
    """The API server gave no answer, or none that could be used."""


class Api:
    """The Kubernetes API as this pod's service account sees it."""

    def __init__(self) -> None:
        try:
            host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
            self.namespace = (ACCOUNT / "namespace").read_text().strip()
            self.trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        except (KeyError, OSError) as error:
            raise ApiError(f"this is no pod with a service account: {error}") from None
        self.base = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self.ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970 by the API server's clock, which the times in a Workflow are of: a node's may be wrong."""
        return time.time() + self.ahead

    def one_going(self, kind: str) -> str | None:
        """The name of a Workflow that is not completed, or None."""
        labels = f"biojobs/kind={kind},{COMPLETED}!=true"
        found, _ = self._page({"labelSelector": labels, "limit": "1"}, METADATA)
        return str(found[0]["metadata"]["name"]) if found else None

    def each(self, labels: str) -> Iterator[Mapping[str, Any]]:
        """The metadata of the Workflows with these labels."""
        yield from (one["metadata"] for one in self._pages({"labelSelector": labels, "limit": str(PAGE)}, METADATA))

    def whole(self, labels: str) -> Iterator[Mapping[str, Any]]:
        """The Workflows with these labels."""
        yield from self._pages({"labelSelector": labels, "limit": str(WHOLE_PAGE)}, WHOLE)

    def workflow(self, name: str) -> Mapping[str, Any] | None:
        """A whole Workflow, or None when there is none of the name."""
        # The runner may list, which is all that is asked of it
        found, _ = self._page({"fieldSelector": f"metadata.name={name}"}, WHOLE)
        return found[0] if found else None

    def _pages(self, words: Mapping[str, str], accept: str) -> Iterator[Mapping[str, Any]]:
        more = ""
        while True:
            found, more = self._page({**words, **({"continue": more} if more else {})}, accept)
            yield from found
            if not more:
                return

    def _page(self, words: Mapping[str, str], accept: str) -> tuple[list[Mapping[str, Any]], str]:
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{self.namespace}/workflows"
        answer = self._get(f"{self.base}{path}?{urllib.parse.urlencode(words)}", accept)
        try:
            # An empty list of metadata is null
            found = [one for one in answer["items"] or () if str(one["metadata"]["name"])]
            return found, str((answer.get("metadata") or {}).get("continue") or "")
        except (KeyError, TypeError, AttributeError):
            raise ApiError("the answer is no list of Workflows") from None

    def _get(self, url: str, accept: str) -> Any:
        try:
            # The token is renewed while the pod runs
            token = (ACCOUNT / "token").read_text().strip()
            request = urllib.request.Request(url, headers={"Accept": accept, "Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, context=self.trust, timeout=30) as answer:
                if answer.headers["Date"]:
                    self.ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(f"{error.code} {error.reason}: {_message(error)}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(str(error) or type(error).__name__) from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(100_000))["message"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return "no reason given"


def is_completed(metadata: Mapping[str, Any]) -> bool:
    """Whether Argo has done with a Workflow."""
    return (metadata.get("labels") or {}).get(COMPLETED) == "true"
