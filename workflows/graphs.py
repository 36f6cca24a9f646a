"""Graphs of steps as Argo has them: templates, each made once for all who share it, and the tasks that call them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from hera.workflows import Container, ContainerSet, Steps, Workflow
from hera.workflows import Step as Call

from workflows.own import lane_containers
from workflows.steps import Step, asked, container, inputs, parameters
from workflows.types import Manifest, Platform


class Templates:
    """Templates of steps on a platform as plain values. Hera takes its time, and thousands of samples share them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._made: dict[Hashable, tuple[Manifest, ...]] = {}

    def shape(self, step: Step, subject: str) -> Hashable:
        """What two steps have in common whose templates are equal."""
        return (
            *(subject, step.name, step.image, step.size, step.args, tuple(parameters(step.items[0]))),
            *(step.outputs, step.rest, step.tries, step.aligner, asked(step, self.platform)),
        )

    def of(self, step: Step, subject: str) -> tuple[Manifest, ...]:
        """A step's templates: the one that a task calls is the last."""
        shape = self.shape(step, subject)
        if shape not in self._made:
            self._made[shape] = tuple(_made(step, subject, self.platform))
        return self._made[shape]


class Graph:
    """The templates of one Workflow, in which no two are equal and no two have the same name."""

    def __init__(self, templates: Templates) -> None:
        self.templates: list[Manifest] = []
        self._shared = templates
        self._names: dict[Hashable, str] = {}
        self._taken: dict[str, int] = {}

    def add(self, name: str, steps: Sequence[Step], subject: str, **more: Any) -> str:
        """A DAG that runs `steps`, each after those that it names; `more` are further fields of its template.

        Returns the name of its template, which may be that of an equal one.
        """
        tasks = [task(step, self._template(step, subject)) for step in steps]
        graph = json.dumps(tasks)
        if graph not in self._names:
            self._names[graph] = name + self._suffix(name)
            self.dag(self._names[graph], tasks, **more)
        return self._names[graph]

    def dag(self, name: str, tasks: Sequence[Manifest], **more: Any) -> None:
        """A DAG of tasks. One that fails stops those that depend on it, and no other."""
        self.templates.append({"name": name, "dag": {"failFast": False, "tasks": list(tasks)}, **more})

    def _template(self, step: Step, subject: str) -> str:
        """The name of the template that a step's task calls; the first of several that differ has no number."""
        shape = self._shared.shape(step, subject)
        if shape not in self._names:
            made = self._shared.of(step, subject)
            suffix = self._suffix(step.name)
            self.templates += [_renamed(each, suffix) for each in made]
            self._names[shape] = made[-1]["name"] + suffix
        return self._names[shape]

    def _suffix(self, name: str) -> str:
        number = self._taken[name] = self._taken.get(name, 0) + 1
        return f"-x{number}" if number > 1 else ""


def task(step: Step, template: str) -> Manifest:
    """The task that runs a step: once, or for each of its items."""
    given, items = _arguments(step)
    made: Manifest = {"name": step.name, "template": template, "arguments": arguments(given), **items}
    if step.after:
        made["depends"] = _depends(step)
    if step.when:
        made["when"] = step.when
    return made


def arguments(given: Mapping[str, str]) -> Manifest:
    """Arguments as Argo has them."""
    return {"parameters": [{"name": name, "value": value} for name, value in given.items()]}


def _arguments(step: Step) -> tuple[Mapping[str, str], Manifest]:
    """What a step's task gives to its template, and what it runs over: of several items only what differs."""
    values = [parameters(item) for item in step.items]
    if step.each:
        return values[0], {"withParam": step.each}
    if len(values) == 1:
        return values[0], {}
    differing = [name for name in values[0] if len({value[name] for value in values}) > 1]
    items = [{name: value[name] for name in differing} for value in values]
    given = {name: f"{{{{item.{name}}}}}" if name in differing else value for name, value in values[0].items()}
    return given, {"withItems": items}


def _depends(step: Step) -> str:
    ends = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")
    if step.anyway:
        return " && ".join(f"({' || '.join(f'{earlier}.{end}' for end in ends)})" for earlier in step.after)
    return " && ".join(step.after)


def _made(step: Step, subject: str, platform: Platform) -> list[Manifest]:
    with Workflow(name="unnamed") as made:
        own = step.aligner
        run = lane_containers(step, own, subject, platform) if own else container(step, subject, platform)
        if step.rest:
            _to_the_end(step, run)
    return made.to_dict()["spec"]["templates"]


def _to_the_end(step: Step, run: Container | ContainerSet) -> None:
    """A template that runs a step, and itself for everything that the step has left."""
    name = f"{step.name}-to-the-end"
    own = {given: f"{{{{inputs.parameters.{given}}}}}" for given in parameters(step.items[0])}
    rest = {given: _again(given, value) for given, value in parameters(step.items[0]).items()}
    with Steps(name=name, inputs=inputs(step)):
        Call(name=step.name, template=run, arguments=own)
        left = f"{{{{steps.{step.name}.outputs.parameters.{step.rest}}}}}"
        Call(name="rest", template=name, arguments=rest, with_param=left)


def _again(given: str, value: str) -> str:
    """What a template gives to itself: what it was given, but for what names the item; a file has the same folder."""
    if "{{item." not in value:
        return f"{{{{inputs.parameters.{given}}}}}"
    folder, _, name = value.rpartition("/")
    return f"{{{{=sprig.regexReplaceAll('[^/]+$', inputs.parameters['{given}'], '')}}}}{name}" if folder else name


def _renamed(template: Manifest, suffix: str) -> Manifest:
    if not suffix:
        return template
    renamed = {**template, "name": template["name"] + suffix}
    if "steps" in template:
        renamed["steps"] = [
            [{**call, "template": call["template"] + suffix} for call in row] for row in template["steps"]
        ]
    return renamed
