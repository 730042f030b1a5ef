"""What is a mapping worth, on a real chip with all its limits?

`spikemesh bench mapping`: networks of the field on Loihi in each way that there is; every program is proved.
--quick: the two networks that compile fastest. Compared with another partitioner they are in bench_map.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from figures import Figure, Options, Outcome, main_of

from emulator.bench.mapping import MAPPED, Task, mapping

QUICK = ("lenet5", "ring")
MOST_HOPS = 1.0  # of those in order, row by row


def measure(options: Options) -> Outcome:
    """Cores of every way; hops of the one taken by those in order; and how long it took."""
    outcome = mapping(Task(QUICK if options.quick else MAPPED))
    options.pictures.update({name: draw() for name, draw in outcome.pictures[:1]})
    figures = [figure for network in outcome.numbers["networks"] for figure in _of(network)]
    return figures, []


def _of(network: dict[str, Any]) -> Iterator[Figure]:
    first, *_ = network["ways"]
    taken = next(way for way in network["ways"] if way["chosen"])
    label = f"{network['title']} on loihi"
    about = "" if first["fits"] else "more than there are"
    yield Figure(f"{label}: cores in order", first["n_cores"], "", spread=about)
    binding = taken["binding"]
    share = (
        f"fullest: {binding['resource'].replace('_', ' ')} {100 * binding['used'] / binding['limit']:.0f} %"
    )
    yield Figure(f"{label}: cores", taken["n_cores"], "", spread=f"{taken['way']}; {share}")
    yield Figure(f"{label}: packets", taken["packets"], "", spread=f"busiest link {taken['max_link']:,}")
    if first["spike_hops"]:
        about = f"{taken['spike_hops']:,} of {first['spike_hops']:,}"
        ratio = taken["spike_hops"] / first["spike_hops"]
        yield Figure(f"{label}: hops : in order", ratio, "x", at_most=MOST_HOPS, spread=about)
    yield Figure(f"{label}: compiled in", taken["compile_s"], "s", spread="of the processor")


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
