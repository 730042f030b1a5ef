"""One Loihi core: compartments in slot order, axon table and synapse lists in local memory.

The arithmetic of a tick, in this order (all integers; Davies et al. 2018; Michaelis et al. 2022, Brian2Loihi;
widths and wraps as tested on hardware by nengo-loihi):

1. q = sum of the effective weights due in this tick, wrapped to 22 bits
2. u = decay(u, du + ds_offset) + q, wrapped to 24 bits
3. x = u + bias, wrapped to 24 bits
4. v = decay(v, dv) + x, clipped to vmin..vmax
5. while the refractory counter is above 0: v = 0 (u goes on)
6. fire if v > vth_mant * 64
7. on firing v = 0 and counter = refractory; then the counter falls by one, in the same tick
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator import arith
from emulator.chip.image import Image


@dataclass(frozen=True)
class Update:
    """Outcome of one compartment's update."""

    active: bool  # it had input or non-zero state or bias: decides which update cost it pays
    fired: bool


@dataclass
class Compartment:
    """Registers and configuration of one compartment."""

    decay_u: int
    decay_v: int
    refractory: int
    vmin: int
    vmax: int
    threshold: int
    bias: int
    u: int
    v: int
    counter: int
    v_raw: int = 0  # voltage register as silicon shows it after the last update

    def update(self, q: int) -> Update:
        """One tick with input q."""
        active = any((q, self.u, self.v, self.bias, self.counter))
        counter = self.counter
        self.u = arith.wrap(arith.decay(self.u, self.decay_u) + q, arith.STATE_BITS)
        x = arith.wrap(self.u + self.bias, arith.STATE_BITS)
        v = min(max(arith.decay(self.v, self.decay_v) + x, self.vmin), self.vmax)
        if counter > 0:
            v = 0
        fired = v > self.threshold
        if fired:
            v, counter = 0, self.refractory
        self.v = v
        self.v_raw = 128 * counter if counter else v  # the register holds the counter while refractory
        self.counter = max(counter - 1, 0)
        return Update(active, fired)


class Core:
    """Row `row` of an image. Slots and axons are numbered within the core here."""

    def __init__(self, image: Image, row: int):
        self.row, self.image = row, image
        self.first_slot, end = int(image.slot_ptr[row]), int(image.slot_ptr[row + 1])
        self.first_axon = int(image.axon_ptr[row])
        self.compartments = [_compartment(image, slot) for slot in range(self.first_slot, end)]
        n_axons = int(image.axon_ptr[row + 1]) - self.first_axon
        self._lists = [_synapse_list(image, self.first_axon + axon) for axon in range(n_axons)]
        # pending[d]: raw sums due d ticks from now
        self.pending = [[0] * len(self.compartments) for _ in range(image.max_delay_ticks + 1)]

    def update(self) -> list[Update]:
        """Integrates what is due in this tick and updates every compartment, in slot order."""
        due = self.pending[0]
        updates = [
            compartment.update(arith.wrap(q, arith.INPUT_BITS))
            for compartment, q in zip(self.compartments, due, strict=True)
        ]
        self.pending[0] = [0] * len(due)
        return updates

    def receive(self, axon: int) -> tuple[int, int]:
        """Walks the synapse list of an axon. Returns how many synapses were in dense and in sparse lists."""
        n_dense = 0
        synapses = self._lists[axon]
        for slot, delay_ticks, weight, dense in synapses:
            self.pending[delay_ticks][slot] += weight
            n_dense += dense
        return n_dense, len(synapses) - n_dense

    def end_tick(self) -> None:
        """What was due next tick becomes due now."""
        self.pending.append(self.pending.pop(0))


def _compartment(image: Image, slot: int) -> Compartment:
    config = int(image.slot_config[slot])
    return Compartment(
        decay_u=int(image.config_du[config]) + int(image.config_ds_offset[config]),
        decay_v=int(image.config_dv[config]),
        refractory=int(image.config_refractory[config]),
        vmin=int(image.config_vmin[config]),
        vmax=int(image.config_vmax[config]),
        threshold=int(image.vth_mant[image.slot_vth[slot]]) << arith.WEIGHT_SHIFT,
        bias=arith.bias_value(int(image.slot_bias_mant[slot]), int(image.slot_bias_exp[slot])),
        u=int(image.slot_u0[slot]),
        v=int(image.slot_v0[slot]),
        counter=int(image.slot_refractory0[slot]),
    )


def _synapse_list(image: Image, axon: int) -> list[tuple[int, int, int, bool]]:
    """(slot in core, delay in ticks, effective weight, in a dense list) of each synapse."""
    synapses = []
    for synapse in range(int(image.syn_ptr[axon]), int(image.syn_ptr[axon + 1])):
        row = int(image.syn_format[synapse])
        weight = int(arith.effective_weight(image.syn_mant[synapse], image.format_w_exp[row]))
        dense = int(image.format_index_bits[row]) == 0
        synapses.append((int(image.syn_slot[synapse]), int(image.syn_delay[synapse]), weight, dense))
    return synapses
