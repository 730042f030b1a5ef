"""Mappers with bugs of the kind that mappers have, for `spikemesh verify` to find:

    cd examples
    spikemesh verify loihi --mapper broken_mapper:in_order        # right
    spikemesh verify loihi --mapper broken_mapper:from_behind
    spikemesh verify loihi --mapper broken_mapper:pruned

A mapper gets a network and a chip. It says which core each neuron is on, or returns a whole program.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import emulator as em

PER_CORE = 2  # few, so that several cores are used


def in_order(network: em.Network, chip: em.ChipSpec) -> dict[str, np.ndarray]:
    """Fills the cores that are alive, one after the other."""
    cores, taken = alive(chip), 0
    placed = {}
    for population in network.populations:
        placed[population.name] = cores[(taken + np.arange(population.n)) // PER_CORE % len(cores)]
        taken += population.n
    return placed


def from_behind(network: em.Network, chip: em.ChipSpec) -> dict[str, np.ndarray]:
    """Begins with the last core, and is one off: cores count from 0."""
    return {name: chip.n_cores - cores for name, cores in in_order(network, chip).items()}


def pruned(network: em.Network, chip: em.ChipSpec) -> em.Program:
    """Goes over the image that another compiler made, and leaves out what is too weak to matter."""
    program = em.compile(network, chip, effort="fast")
    image = program.image
    weights = np.where(np.abs(image.syn_mant) < 4, 0, image.syn_mant)
    return replace(program, image=replace(image, syn_mant=weights))


def alive(chip: em.ChipSpec) -> np.ndarray:
    """Cores that no fault is on."""
    faults = chip.mesh.faults
    cores = np.arange(chip.n_cores)
    if faults is None:
        return cores
    dead_tiles = [router.y * chip.mesh.width + router.x for router in faults.routers]
    return cores[~np.isin(cores, faults.cores) & ~np.isin(cores // chip.cores.per_tile, dead_tiles)]
