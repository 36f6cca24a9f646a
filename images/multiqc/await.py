"""await.py KIND: waits until no Workflow with the label biojobs/kind=KIND is going in this pod's namespace."""

import argparse
import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Names and labels alone: a Workflow's status may be a megabyte.
ACCEPT = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ApiError(Exception):
    """The API server gave none that could be used."""


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

    def one_going(self, kind: str) -> str | None:
        """The name of a Workflow that is not completed, or None."""
        labels = f"biojobs/kind={kind},workflows.argoproj.io/completed!=true"
        words = urllib.parse.urlencode({"labelSelector": labels, "limit": 1})
        url = f"{self.base}/apis/argoproj.io/v1alpha1/namespaces/{self.namespace}/workflows?{words}"
        answer = self._get(url)
        try:
            return str(answer["items"][0]["metadata"]["name"]) if answer["items"] else None
        except (KeyError, TypeError, IndexError):
            raise ApiError("the answer is no list of Workflows") from None

    def _get(self, url: str) -> Any:
        try:
            # The token is renewed while the pod runs
            token = (ACCOUNT / "token").read_text().strip()
            request = urllib.request.Request(url, headers={"Accept": ACCEPT, "Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, context=self.trust, timeout=30) as answer:
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


def wait(api: Api, kind: str, every: float, say: float, patience: float) -> None:
    """Asks until there is none. Trouble with the API server is borne for `patience` seconds on end."""
    began = well = time.monotonic()
    told = -say
    while True:
        now = time.monotonic()
        try:
            going = api.one_going(kind)
            well = now
            state = f"{going} is still going"
            if going is None:
                print(f"await: no run of kind {kind} is going")
                return
        except ApiError as trouble:
            state = f"the Kubernetes API does not answer as it should: {trouble}"
            if now - well >= patience:
                raise ApiError(f"{state} (for {now - well:.0f} s)") from None
        if now - told >= say:
            print(f"await: {state} (waiting for {(now - began) / 60:.0f} min)", flush=True)
            told = now
        time.sleep(every)


def main() -> int:
    """74 when the API server could not be asked."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("kind")
    words.add_argument("--every", type=float, default=10, help="seconds between two questions")
    words.add_argument("--say", type=float, default=60, help="seconds between two lines of progress")
    words.add_argument("--patience", type=float, default=600, help="seconds of trouble with the API server")
    given = words.parse_args()
    try:
        wait(Api(), given.kind, given.every, given.say, given.patience)
    except ApiError as trouble:
        print(trouble, file=sys.stderr)
        return 74
    return 0


if __name__ == "__main__":
    sys.exit(main())
