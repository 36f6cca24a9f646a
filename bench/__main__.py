"""`python -m bench [NAME ...]`: measures and prints figures as Markdown. Without names, all but those that take hours.

The machine is shared and noisy: what can be compared is run alternately, and told as a ratio.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from bench import alignment, chaos, images, latency, memory, preview, program, scale, variants

BENCHES = {
    "program": program.measure,
    "preview": preview.measure,
    "images": images.measure,
    "memory": memory.measure,
    "latency": latency.measure,
    "alignment": alignment.measure,
    "variants": variants.measure,
}


def main(arguments: list[str]) -> int:
    """Runs the named measurements; 2 when a name is unknown."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--kills", type=int, default=chaos.KILLS, help="of chaos: how many (%(default)s)")
    parser.add_argument("--tasks", type=int, default=scale.TASKS, help="of scale: how many (%(default)s)")
    options = parser.parse_args(arguments)
    long: dict[str, Callable[[], Iterator[str]]] = {
        "chaos": lambda: chaos.measure(options.kills),
        "scale": lambda: scale.measure(options.tasks),
    }
    known = {**BENCHES, **long}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in options.names or BENCHES:
        print(f"\n## {name}\n", flush=True)
        for line in known[name]():
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
