"""How `chaos` kills: pods by the API or by their containers' processes, and the sandbox's own processes."""

import contextlib
import http.client
import os
import signal
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sandbox import process, supervisor
from sandbox.api import Api
from sandbox.chaosplan import PODS, PROCESSES, How, Pods
from sandbox.errors import SandboxError
from sandbox.layout import Layout


class Asked(Protocol):
    """The API server, as far as a killer needs it."""

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or a list."""
        ...

    def delete(self, path: str) -> None:
        """Deletes an object."""
        ...


class DeletingApi(Api):
    """The sandbox's API server, with a request that nothing else of the sandbox makes."""

    def delete(self, path: str) -> None:
        """Deletes an object; the path's query may say how. Raises what urllib raises."""
        self._request("DELETE", path)


@dataclass(frozen=True)
class Container:
    """A running container: its pod, its name, its id without the runtime's prefix."""

    pod: str
    name: str
    id: str


_T = TypeVar("_T")


def pick(among: Sequence[_T], fraction: float) -> _T | None:
    """One of several by a fraction below 1; None of none."""
    return among[int(fraction * len(among))] if among else None


def living(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pods of an API server's list that have not ended, by name."""
    pods = [pod for pod in listed["items"] if pod.get("status", {}).get("phase") in ("Pending", "Running")]
    return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))


def containers(pods: Sequence[Mapping[str, Any]]) -> list[Container]:
    """The running containers of pods."""
    found: list[Container] = []
    for pod in pods:
        for kind in ("initContainerStatuses", "containerStatuses"):
            for status in pod["status"].get(kind, []):
                if "running" in status.get("state", {}) and status.get("containerID"):
                    name = pod["metadata"]["name"]
                    found.append(Container(name, status["name"], status["containerID"].rpartition("/")[2]))
    return found


def main_process(container: str, proc: Path = process.PROC) -> int | None:
    """The pid, on the host, of the process 1 of a container; None when it is gone."""
    for entry in proc.iterdir():
        # One that ends while it is looked at is none.
        with contextlib.suppress(OSError, ValueError, IndexError):
            if entry.name.isdecimal() and container in (entry / "cgroup").read_text():
                status = (entry / "status").read_text()
                line = next(line for line in status.splitlines() if line.startswith("NSpid:"))
                if line.split()[1:] == [entry.name, "1"]:
                    return int(entry.name)
    return None


def node_processes(data: Path, proc: Path = process.PROC) -> list[int]:
    """The processes of all pods, after those that keep them and would tell how they ended."""
    keepers: list[int] = []
    for pid in process.marked_processes(data, "containerd", proc):
        with contextlib.suppress(OSError):
            # dockerd's containers have keepers too, and are no pods.
            if b"\0-namespace\0k8s.io\0" in (proc / str(pid) / "cmdline").read_bytes():
                keepers.append(pid)
    inside: list[int] = []
    for entry in proc.iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and "/kubepods/" in (entry / "cgroup").read_text():
                inside.append(int(entry.name))
    return keepers + inside


class Victims:
    """Finds and kills; every way answers what it killed, or why it could not."""

    def __init__(self, layout: Layout, api: Asked) -> None:
        self._layout = layout
        self._api = api

    def kill(self, kind: str, how: How, fraction: float) -> tuple[str, bool]:
        """Kills one of a kind: what it was and True, or what stood in the way and False."""
        try:
            if kind in PODS:
                return self._pod(PODS[kind], how, fraction)
            return self._node() if kind == "node" else self._component(PROCESSES[kind])
        except urllib.error.HTTPError as error:
            return f"the API server answers {error.code}", False
        except (OSError, ValueError, http.client.HTTPException, SandboxError) as error:
            # It may well be one of those that were killed.
            return f"the API server does not answer ({getattr(error, 'reason', error)})", False

    def _component(self, name: str) -> tuple[str, bool]:
        pid = supervisor.pid_of(self._layout, name)
        return (f"{name} (pid {pid})", True) if pid and _end(pid) else (f"{name} does not run", False)

    def _node(self) -> tuple[str, bool]:
        """The kubelet first, so that it sees nothing of the end of the others."""
        what, hit = self._component(PROCESSES["node"])
        ended = [pid for pid in node_processes(self._layout.data) if _end(pid)] if hit else []
        return f"{what} and {len(ended)} processes of pods", hit

    def _pod(self, pods: Pods, how: How, fraction: float) -> tuple[str, bool]:
        alive = living(self._api.get(pods.path) or {"items": []})
        ways: dict[How, Callable[[], tuple[str, bool]]] = {
            "SIGKILL": lambda: self._container(pick(containers(alive), fraction)),
            "forced": lambda: self._delete(pods, pick(alive, fraction), "?gracePeriodSeconds=0"),
            "deleted": lambda: self._delete(pods, pick(alive, fraction), ""),
        }
        return ways[how]()

    def _container(self, found: Container | None) -> tuple[str, bool]:
        if found is None:
            return "no container runs", False
        pid = main_process(found.id)
        what = f"{found.pod}/{found.name}"
        return (what, True) if pid and _end(pid) else (f"{what} has ended", False)

    def _delete(self, pods: Pods, pod: Mapping[str, Any] | None, query: str) -> tuple[str, bool]:
        if pod is None:
            return "no pod is there", False
        name = str(pod["metadata"]["name"])
        self._api.delete(f"/api/v1/namespaces/{pods.namespace}/pods/{name}{query}")
        return name, True


def _end(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
