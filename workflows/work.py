"""What a run works on: whose results it makes, where they go, and what each of them is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflows.sizing import Need
from workflows.steps import Item, Step
from workflows.types import Platform, SizeName, content_hash

NEEDED = "{{tasks.lookup.outputs.parameters.needed}} == true"
"""The condition of steps that are left out where `lookup` found their results."""


@dataclass(frozen=True)
class Work:
    """A run's subject, such as a sample, and the folder of its results.

    `key` stands for the keys of all results where inputs are not known before the run begins, as in single jobs.
    """

    subject: str
    results: str
    platform: Platform
    key: str = ""

    def item(
        self,
        step: str,
        image: str,
        shared: Sequence[str],
        made_from: object,
        name: str | None = None,
        own: Mapping[str, str] | None = None,
    ) -> Item:
        """An item of a step. Threads and memory are not in its key: results do not depend on them, nor on the registry
        that an image comes from."""
        own, digest = own or {}, self.platform.images[image].rpartition("@")[2]
        key = self.key or content_hash(step, digest, list(shared), dict(own), made_from)
        return Item(key, self.record(name or step), own)

    def record(self, name: str) -> str:
        """URI of a step record."""
        return f"{self.results}/.steps/{name}.json"

    def lookup(self, items: tuple[Item, ...], *, wait_seconds: int, after: Sequence[str] = ()) -> Step:
        """A small step that finds out whether there is anything to do for `items`, before a big machine is asked for;
        it waits so long for another run that does it."""
        args = ("--out", f"{self.results}/", "--wait", str(wait_seconds))
        common = ("lookup", "bwa-mem2", "small", args, items)
        return Step(*common, after=tuple(after), outputs=("needed",), light=True)

    def single(
        self,
        name: str,
        image: str,
        size: SizeName,
        args: Sequence[str],
        made_from: object,
        *,
        record: str | None = None,
        after: Sequence[str] = (),
        outputs: Sequence[str] = (),
        when: str = "",
        need: Need | None = None,
        light: bool = False,
        besides: Sequence[str] = (),
    ) -> Step:
        """A step of one container, whose record has the step's name or that of `record`; `besides` are arguments that
        its results do not depend on."""
        item = self.item(name, image, args, made_from, record)
        return Step(
            *(name, image, size, (*args, *besides), (item,)),
            after=tuple(after),
            outputs=tuple(outputs),
            when=when,
            need=need,
            light=light,
        )
