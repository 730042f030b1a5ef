"""What compiling a network takes in memory."""

from __future__ import annotations

from emulator import memory
from emulator.errors import CompileError
from emulator.network import Network

BYTES_PER_NEURON = 250  # measured on a million of LIF each; the network itself is there already
BYTES_PER_INPUT = 50
BYTES_PER_SYNAPSE = 20


def require_for_compiling(network: Network) -> None:
    """Raises CompileError if compiling takes more memory than there is."""
    n_neurons = sum(population.n for population in network.populations)
    n_inputs = sum(source.n for source in network.sources)
    n_synapses = sum(projection.n_synapses for projection in network.projections)
    memory.require(
        BYTES_PER_NEURON * n_neurons + BYTES_PER_INPUT * n_inputs + BYTES_PER_SYNAPSE * n_synapses,
        f"network {network.name!r}: compiling {n_neurons} neurons, {n_inputs} inputs, {n_synapses} synapses",
        "compile a smaller network",
        CompileError,
    )
