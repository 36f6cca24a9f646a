"""`python -m bench [NAME ...]`: measures and prints figures as Markdown. Without names, all of them.

The machine is shared and noisy: what can be compared is run alternately, and told as a ratio.
"""

from __future__ import annotations

import sys

from bench import alignment, images, latency, memory, program, variants

BENCHES = {
    "program": program.measure,
    "images": images.measure,
    "memory": memory.measure,
    "latency": latency.measure,
    "alignment": alignment.measure,
    "variants": variants.measure,
}


def main(names: list[str]) -> int:
    """Runs the named measurements; 2 when a name is unknown."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or BENCHES:
        print(f"\n## {name}\n", flush=True)
        for line in BENCHES[name]():
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
