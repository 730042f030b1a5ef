"""One crossbar core, as TrueNorth's: axons, a crossbar of synapses, and neurons in their order.

The arithmetic of a tick, for each neuron (all integers; Cassidy et al. 2013; spikes equal those of IBM's own
simulator, see tests/golden):

1. for every axon that a spike is due at, in their order: v += the weight of the axon's type, where the
   crossbar has a synapse; stochastic: its sign if |weight| >= rho
2. v += the leak; stochastic: its sign if |leak| >= rho. With reversal the leak counts in the direction of v,
   not at all at v = 0, and a v that would change its sign is 0
3. eta = rho & (2**mask_bits - 1). If v >= alpha + eta the neuron fires, and v becomes R (reset mode 0),
   v - (alpha + eta) (1), or stays (2)
4. else, if it saturates, v is held at -beta; if not and v < -(beta + eta), it becomes -R, v + (beta + eta),
   or stays

v has 20 bits and stops at their ends with each addition. Variant `ranc` (of the public simulator of that
name) has no such ends; with its neuron_reset_type 1, step 4 acts at v <= -(beta + eta).

The chip's own generator is not public. Draws are those of `philox.neuron_draw`, equal to the chip's in
distribution only: use 0 gives eta (word 0) and rho of the leak (word 1, 8 bits), use 1 + i // 16 gives rho of
the core's axon i, byte i % 16 of its words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emulator import philox
from emulator.chip.crossbar import LEAK_STOCHASTIC, N_TYPES, ROW_BYTES, CrossbarImage
from emulator.chip.drive import Drive
from emulator.chip.spec import ChipSpec
from emulator.reference.core import Update

V_MAX = 2**19 - 1
V_MIN = -(2**19)
AXONS_PER_USE = 16

Draw = Callable[[int], philox.Words]  # the words of a use


@dataclass(frozen=True)
class Variant:
    """What of the arithmetic the chip description chooses."""

    saturates: bool = True
    at_threshold: bool = False  # whether step 4 acts at the threshold itself

    def add(self, v: int, amount: int) -> int:
        return min(max(v + amount, V_MIN), V_MAX) if self.saturates else v + amount

    def below(self, v: int, low: int) -> bool:
        """Whether the negative threshold acts."""
        return v <= low if self.at_threshold else v < low


@dataclass
class Neuron:
    """Parameters and potential of one neuron."""

    weight: tuple[int, ...]  # by type of axon
    stochastic: tuple[bool, ...]  # of synapses, by type of axon
    leak: int
    leak_stochastic: bool
    reversal: bool
    alpha: int
    beta: int
    mask: int  # of eta
    reset: int
    reset_mode: int
    saturate: bool
    v: int
    variant: Variant = Variant()

    def update(self, reached: list[tuple[int, int]], draw: Draw) -> Update:
        """One tick. reached: number and type of the axons whose spikes reach it, ascending."""
        active = bool(reached) or self.v != 0 or self.leak != 0
        for axon, kind in reached:
            self.v = self.variant.add(self.v, self._synapse(axon, kind, draw))
        self._leak(draw)
        return Update(active, self._threshold(draw(0)[0] & self.mask if self.mask else 0))

    def _synapse(self, axon: int, kind: int, draw: Draw) -> int:
        weight = self.weight[kind]
        if not self.stochastic[kind]:
            return weight
        word, byte = divmod(axon % AXONS_PER_USE, 4)
        rho = draw(1 + axon // AXONS_PER_USE)[word] >> 8 * byte & 0xFF
        return _sign(weight) if abs(weight) >= rho else 0

    def _leak(self, draw: Draw) -> None:
        leak = self.leak
        if self.leak_stochastic:
            leak = _sign(leak) if abs(leak) >= draw(0)[1] & 0xFF else 0
        if not self.reversal:
            self.v = self.variant.add(self.v, leak)
            return
        before = _sign(self.v)
        self.v = self.variant.add(self.v, before * leak)
        if _sign(self.v) != before:
            self.v = 0

    def _threshold(self, eta: int) -> bool:
        """Whether it fires; sets v to what that, or the negative side, leaves."""
        high, low = self.alpha + eta, -(self.beta + eta)
        if self.v >= high:
            self.v = (self.reset, self.v - high, self.v)[self.reset_mode]
            return True
        if self.saturate and self.variant.below(self.v, -self.beta):
            self.v = -self.beta
        elif not self.saturate and self.variant.below(self.v, low):
            self.v = (-self.reset, self.v - low, self.v)[self.reset_mode]
        return False


class CrossbarCore:
    """Row `row` of an image. Neurons and axons are numbered within the core here."""

    def __init__(self, image: CrossbarImage, row: int, chip: ChipSpec, drive: Drive):
        self.row, self.image = row, image
        self.first_slot, end = int(image.slot_ptr[row]), int(image.slot_ptr[row + 1])
        self.first_axon = int(image.axon_ptr[row])
        self.n_axons = int(image.axon_ptr[row + 1]) - self.first_axon
        variant = Variant(chip.arithmetic.variant == "chip", chip.arithmetic.neuron_reset_type == 1)
        self.compartments = [_neuron(image, slot, variant) for slot in range(self.first_slot, end)]
        self._targets = [_targets(image, self.first_axon + axon) for axon in range(self.n_axons)]
        self._types = image.axon_type[self.first_axon : self.first_axon + self.n_axons].tolist()
        self._key = philox.core_key(drive.generators.seed, int(image.core_id[row]))
        self._first_tick, self._n_ticks = drive.generators.first_tick, drive.n_ticks
        self.integrated: list[tuple[int, int]] = []  # axon and synaptic operations of each spike of the tick
        # pending[d]: axons that a spike is due at d ticks from now
        self.pending: list[set[int]] = [set() for _ in range(image.max_delay_ticks + 1)]

    def update(self, row: int) -> list[Update]:
        """Integrates what is due in this tick and updates every neuron, in their order."""
        sample, tick = divmod(row, self._n_ticks)
        due, self.pending[0] = sorted(self.pending[0]), set()
        self.integrated = [(axon, len(self._targets[axon])) for axon in due]
        updates = []
        for index, neuron in enumerate(self.compartments):
            reached = [(axon, self._types[axon]) for axon in due if index in self._targets[axon]]

            def draw(use: int, index: int = index) -> philox.Words:
                return philox.neuron_draw(self._key, index, use, sample, self._first_tick + tick)

            updates.append(neuron.update(reached, draw))
        return updates

    def schedule(self, axon: int, delay_ticks: int) -> None:
        """Notes a spike; those for the same axon and tick are one."""
        self.pending[delay_ticks].add(axon)

    def end_tick(self) -> None:
        """What was due next tick becomes due now."""
        self.pending.append(self.pending.pop(0))


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _neuron(image: CrossbarImage, slot: int, variant: Variant) -> Neuron:
    bits = int(image.slot_stochastic[slot])
    return Neuron(
        weight=tuple(image.slot_weight[N_TYPES * slot : N_TYPES * (slot + 1)].tolist()),
        stochastic=tuple(bool(bits >> kind & 1) for kind in range(N_TYPES)),
        leak=int(image.slot_leak[slot]),
        leak_stochastic=bool(bits & LEAK_STOCHASTIC),
        reversal=bool(image.slot_reversal[slot]),
        alpha=int(image.slot_alpha[slot]),
        beta=int(image.slot_beta[slot]),
        mask=(1 << int(image.slot_mask_bits[slot])) - 1,
        reset=int(image.slot_reset[slot]),
        reset_mode=int(image.slot_reset_mode[slot]),
        saturate=bool(image.slot_saturate[slot]),
        v=int(image.slot_v0[slot]),
        variant=variant,
    )


def _targets(image: CrossbarImage, axon: int) -> frozenset[int]:
    """Neurons that an axon has a synapse onto."""
    row = image.crossbar[axon * ROW_BYTES : (axon + 1) * ROW_BYTES].astype(np.uint8)
    return frozenset(np.flatnonzero(np.unpackbits(row, bitorder="little")).tolist())
