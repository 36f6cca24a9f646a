"""The bridge, the few iptables rules of our own, and the removal of every trace of both."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.console import output_of, succeeds
from sandbox.errors import SandboxError
from sandbox.layout import BRIDGE, NODE_ADDRESS, POD_CIDR, PORTS, RULE_COMMENT, SERVICE_CIDR

_API = str(PORTS["kube-apiserver"])
# table, chain, rule; each put first in its chain, so the last of the list is looked at first.
RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("nat", "POSTROUTING", ("-s", POD_CIDR, "!", "-d", POD_CIDR, "-j", "MASQUERADE")),
    # Hosts with a firewall or another container engine drop what they do not know.
    ("filter", "FORWARD", ("-i", BRIDGE, "-j", "ACCEPT")),
    ("filter", "FORWARD", ("-o", BRIDGE, "-j", "ACCEPT")),
    ("filter", "INPUT", ("-p", "tcp", "--dport", _API, "-j", "DROP")),
    ("filter", "INPUT", ("-i", BRIDGE, "-j", "ACCEPT")),
    ("filter", "INPUT", ("-i", "lo", "-p", "tcp", "--dport", _API, "-j", "ACCEPT")),
)


def ensure() -> None:
    """Make the bridge and the rules that are missing."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        output_of(["ip", "link", "add", BRIDGE, "type", "bridge"])
    addresses = output_of(["ip", "-o", "-4", "addr", "show", "dev", BRIDGE])
    if f" {NODE_ADDRESS}/" not in addresses:
        prefix = POD_CIDR.partition("/")[2]
        output_of(["ip", "addr", "add", f"{NODE_ADDRESS}/{prefix}", "dev", BRIDGE])
    output_of(["ip", "link", "set", BRIDGE, "up"])
    # A route is looked for before kube-proxy's rules are: without one (no network) services have no way.
    output_of(["ip", "route", "replace", SERVICE_CIDR, "dev", BRIDGE])
    for table, chain, rule in RULES:
        words = [*rule, "-m", "comment", "--comment", RULE_COMMENT]
        if not succeeds(["iptables", "-w", "-t", table, "-C", chain, *words]):
            output_of(["iptables", "-w", "-t", table, "-I", chain, *words])


def is_up() -> str | None:
    """None when the bridge carries the node's address and every rule is there, else what is missing."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        return f"the bridge {BRIDGE} is missing"
    if f" {NODE_ADDRESS}/" not in output_of(["ip", "-o", "-4", "addr", "show", "dev", BRIDGE]):
        return f"{BRIDGE} has no address {NODE_ADDRESS}"
    if not output_of(["ip", "route", "show", SERVICE_CIDR, "dev", BRIDGE]).strip():
        return f"the route of the services ({SERVICE_CIDR}) is missing"
    present = output_of(["iptables-save"]).count(RULE_COMMENT)
    return None if present >= len(RULES) else "iptables rules are missing"


def interfaces() -> list[str]:
    """The bridge and what is plugged into it."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        return []
    ports: list[dict[str, Any]] = json.loads(output_of(["ip", "-j", "link", "show", "master", BRIDGE]) or "[]")
    return [port["ifname"] for port in ports] + [BRIDGE]


def remove_interfaces() -> None:
    """Remove the bridge and what is plugged into it; a peer that vanishes meanwhile is no error."""
    for name in interfaces():
        succeeds(["ip", "link", "delete", name])


def foreign_chains() -> bool:
    """Whether chains of a Kubernetes node are there (before ours has started: somebody else's)."""
    return any(line.startswith(":KUBE-") for line in _saved("iptables").splitlines())


def cleaning(saved: str, ours: Callable[[str], bool]) -> list[tuple[str, list[str]]]:
    """The iptables commands (table, words) that remove rules and chains which are ours, from a dump."""
    table = ""
    rules: list[tuple[str, list[str]]] = []
    flushes: list[tuple[str, list[str]]] = []
    deletes: list[tuple[str, list[str]]] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":") and ours(name := line[1:].split()[0]):
            flushes.append((table, ["-F", name]))
            deletes.append((table, ["-X", name]))
        elif line.startswith("-A"):
            words = shlex.split(line)
            target = next((words[i + 1] for i, w in enumerate(words[:-1]) if w in ("-j", "-g")), "")
            if not ours(words[1]) and (ours(target) or RULE_COMMENT in words):
                rules.append((table, ["-D", *words[1:]]))
    return rules + flushes + deletes


def remove_rules() -> None:
    """Remove our rules and the chains of kube-proxy from both address families."""
    for program in ("iptables", "ip6tables"):
        for table, words in cleaning(_saved(program), is_our_chain):
            succeeds([program, "-w", "-t", table, *words])


def _saved(program: str) -> str:
    """The rules of an address family; a kernel without it, or a host without the program, has none."""
    try:
        return output_of([f"{program}-save"])
    except SandboxError:
        return ""


def is_our_chain(name: str) -> bool:
    """Whether a chain is one that a Kubernetes node makes."""
    return name.startswith("KUBE-")


def rules_left() -> list[str]:
    """Lines of the firewall that are still ours."""
    text = _saved("iptables") + _saved("ip6tables")
    pattern = re.compile(rf"KUBE-|{RULE_COMMENT}|{BRIDGE}")
    return [line for line in text.splitlines() if pattern.search(line)]
