"""The claims about energy: `spikemesh bench energy-vs-spikes`, `energy-vs-neurons`, `local-memory`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator import report as reports
from emulator.bench.energy_vs_neurons import BASELINES, DEPTHS, NeuronSweep, energy_vs_neurons
from emulator.bench.energy_vs_neurons import RATES_HZ as NEURON_RATES_HZ
from emulator.bench.energy_vs_neurons import TICKS as NEURON_TICKS
from emulator.bench.energy_vs_spikes import CHIPS, RATES_HZ, TICKS, SpikeSweep, energy_vs_spikes
from emulator.bench.layers import STANDARD, Layers
from emulator.bench.local_memory import RATE_HZ, Computation, local_memory
from emulator.bench.local_memory import TICKS as MEMORY_TICKS
from emulator.bench.outcome import CHIP, Outcome
from emulator.cli.options import Engine, EngineOption, Json, integers, listed, name_pictures, numbers
from emulator.cli.output import Output, progress_bar
from emulator.cli.provenance import provenance
from emulator.formats import load_baseline, load_chip

CLAIMS = {
    "energy-vs-spikes": "is transmission energy proportional to spikes? input rates over three decades",
    "energy-vs-neurons": "up to which activity does a chip pay off against clocked machines?",
    "local-memory": "which share of the energy moves weights, in the core, far away, off the chip?",
}

ChipsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chip", help=f"A chip that ships, or a YAML file; may be given often. \\[default: {listed(CHIPS)}]"
    ),
]
BaselinesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        help="A clocked machine that ships, or a YAML file; may be given often. "
        f"\\[default: {listed(BASELINES)}]",
    ),
]
WidthOption = Annotated[int, typer.Option(min=1, max=4096, help="Neurons of a layer, and inputs.")]
LayersOption = Annotated[int, typer.Option("--layers", min=1, max=64, help="Layers of neurons.")]
DensityOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the weights that are not 0.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Same seed, same network and inputs.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for pictures.")]


def spikes_command(
    chip: ChipsOption = None,
    rates: Annotated[
        str | None,
        typer.Option(help=f"Rates of the inputs in Hz, 0 is added. \\[default: {listed(RATES_HZ)}]"),
    ] = None,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of a measurement.")] = TICKS,
    layers: LayersOption = STANDARD.depth,
    width: WidthOption = STANDARD.width,
    density: DensityOption = STANDARD.density,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Energy of transmission against spikes, at a fixed network: slope, fit, and what silence costs.

    \b
    spikemesh bench energy-vs-spikes --out pictures
    spikemesh bench energy-vs-spikes --chip loihi --rates 1,10,100 --json
    """
    chips = chip or list(CHIPS)
    sweep = SpikeSweep(
        rates_hz=numbers("--rates", rates, "0,10,100") or RATES_HZ,
        n_ticks=ticks,
        layers=Layers(layers, width, density, seed),
    )
    _measure(
        lambda step: energy_vs_spikes(sweep, engine, step, chips=chips),
        ("energy-vs-spikes", chips, []),
        (out, json, seed),
    )


def neurons_command(
    chip: ChipsOption = None,
    baseline: BaselinesOption = None,
    rates: Annotated[
        str | None, typer.Option(help=f"Rates of the inputs in Hz. \\[default: {listed(NEURON_RATES_HZ)}]")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help=f"Numbers of layers, for numbers of neurons. \\[default: {listed(DEPTHS)}]"),
    ] = None,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of a measurement.")] = NEURON_TICKS,
    width: WidthOption = STANDARD.width,
    density: DensityOption = STANDARD.density,
    node_scale: Annotated[
        float | None,
        typer.Option(
            help="Times this what baselines spend on their chips: a guess at another process, marked as one."
        ),
    ] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Energy of chips and of clocked machines for the same networks, and where they are equal.

    \b
    spikemesh bench energy-vs-neurons --out pictures
    spikemesh bench energy-vs-neurons --chip truenorth --baseline tpu-sram --json
    """
    chips, baselines = chip or list(CHIPS), baseline or list(BASELINES)
    sweep = NeuronSweep(
        rates_hz=numbers("--rates", rates, "0,10,100") or NEURON_RATES_HZ,
        depths=integers("--layers", layers, "1,2,4") or DEPTHS,
        n_ticks=ticks,
        layers=Layers(STANDARD.depth, width, density, seed),
        scale=node_scale,
    )
    _measure(
        lambda step: energy_vs_neurons(sweep, engine, step, chips=chips, baselines=baselines),
        ("energy-vs-neurons", chips, baselines),
        (out, json, seed),
    )


def memory_command(
    chip: Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")] = CHIP,
    baseline: BaselinesOption = None,
    rate: Annotated[float, typer.Option(help="Rate of the inputs in Hz.")] = RATE_HZ,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of the measurement.")] = MEMORY_TICKS,
    layers: LayersOption = STANDARD.depth,
    width: WidthOption = STANDARD.width,
    density: DensityOption = STANDARD.density,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """The same computation with weights off the chip, far on it, and in the core: what moving them takes.

    \b
    spikemesh bench local-memory --out pictures
    spikemesh bench local-memory --rate 100 --baseline cpu-dram
    """
    baselines = baseline or list(BASELINES)
    given = Computation(rate, ticks, Layers(layers, width, density, seed))
    _measure(
        lambda step: local_memory(given, engine, step, chip=chip, baselines=baselines),
        ("local-memory", [chip], baselines),
        (out, json, seed),
    )


def _measure(
    bench: Callable[[Any], Outcome],
    named: tuple[str, Sequence[str], Sequence[str]],
    asked: tuple[Path | None, bool, int],
) -> None:
    """Runs a bench and prints it. named: bench, chips, baselines; asked: folder, JSON or text, seed."""
    (name, chips, baselines), (out, as_json, seed) = named, asked
    output = Output(as_json)
    if out is not None:
        reports.make_folder(out)
    # what is wrong with a file is bad input, and shows before the work
    for chip in chips:
        load_chip(chip)
    for baseline in baselines:
        load_baseline(baseline)
    with progress_bar() as bar:
        outcome = bench(bar.step)
    output.text(outcome.text)
    paths = (
        [] if out is None else [reports.save_picture(out, title, draw()) for title, draw in outcome.pictures]
    )
    name_pictures(output, paths)
    source = provenance(chips, seed, baselines)
    output.data({**outcome.numbers, "provenance": source, "pictures": [str(path) for path in paths]})
    pictures = f"spikemesh bench {name} --out pictures; " if out is None else ""
    costs = f"spikemesh chips {(*baselines, *chips)[0]}"
    output.note(f"\nnext: {pictures}{costs} explains every cost")
