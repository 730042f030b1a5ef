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

Wraps and clips are those of policy `chip`; `overflow` has the others. Synapses whose exponent acts on the sum
(rounding `lava`) add mantissas to sums of their own, one for each shift of `Image.planes`, and q is the sum
of what the shifts leave of them. A soft reset (an extension: not on Loihi 1) makes step 7 v -= vth_mant * 64.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator import arith
from emulator.chip.image import Image
from emulator.errors import RegisterOverflow
from emulator.reference.overflow import POLICIES, OutsideRegister, Overflow


@dataclass(frozen=True)
class Synapse:
    """A synapse as an axon's list has it."""

    slot: int  # within the core
    delay_ticks: int
    plane: int  # of Image.planes
    weight: int  # effective weight; past the first plane the mantissa
    dense: bool  # whether it is in a dense list


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
    soft_reset: bool = False
    overflow: Overflow = POLICIES["chip"]

    def update(self, q: int) -> Update:
        """One tick with input q. Raises OutsideRegister under policy `strict`."""
        q = self.overflow.q(q)
        active = any((q, self.u, self.v, self.bias, self.counter))
        counter = self.counter
        self.u = self.overflow.u(arith.decay(self.u, self.decay_u) + q)
        x = self.overflow.x(self.u + self.bias)
        v = self.overflow.v(arith.decay(self.v, self.decay_v) + x, self.vmin, self.vmax)
        if counter > 0:
            v = 0
        fired = v > self.threshold
        if fired:
            v, counter = v - self.threshold if self.soft_reset else 0, self.refractory
        self.v = v
        # silicon's register holds the counter while refractory
        self.v_raw = 128 * counter if counter and not self.soft_reset else v
        self.counter = max(counter - 1, 0)
        return Update(active, fired)


class Core:
    """Row `row` of an image. Slots and axons are numbered within the core here."""

    def __init__(self, image: Image, row: int, overflow: str):
        self.row, self.image = row, image
        self.first_slot, end = int(image.slot_ptr[row]), int(image.slot_ptr[row + 1])
        self.first_axon = int(image.axon_ptr[row])
        self.compartments = [
            _compartment(image, slot, POLICIES[overflow]) for slot in range(self.first_slot, end)
        ]
        n_axons = int(image.axon_ptr[row + 1]) - self.first_axon
        self._lists = [_synapse_list(image, self.first_axon + axon) for axon in range(n_axons)]
        # pending[d][plane]: raw sums of each compartment due d ticks from now; the first plane's in LSB of u
        self.pending = [self._nothing() for _ in range(image.max_delay_ticks + 1)]

    def update(self, row: int) -> list[Update]:
        """Integrates what is due in this tick and updates every compartment, in slot order.

        Raises RegisterOverflow, naming `row`, for the first compartment that policy `strict` stops at.
        """
        due, self.pending[0] = self.pending[0], self._nothing()
        updates = []
        for index, compartment in enumerate(self.compartments):
            q = due[0][index] + sum(
                arith.input_of_sum(sums[index], shift)
                for sums, shift in zip(due[1:], self.image.planes[1:], strict=True)
            )
            try:
                updates.append(compartment.update(q))
            except OutsideRegister as error:
                slot = self.first_slot + index
                raise RegisterOverflow(slot, row, error.register, error.value) from None
        return updates

    def receive(self, axon: int) -> tuple[int, int]:
        """Walks the synapse list of an axon. Returns how many synapses were in dense and in sparse lists."""
        n_dense = 0
        synapses = self._lists[axon]
        for synapse in synapses:
            self.pending[synapse.delay_ticks][synapse.plane][synapse.slot] += synapse.weight
            n_dense += synapse.dense
        return n_dense, len(synapses) - n_dense

    def end_tick(self) -> None:
        """What was due next tick becomes due now."""
        self.pending.append(self.pending.pop(0))

    def _nothing(self) -> list[list[int]]:
        return [[0] * len(self.compartments) for _ in self.image.planes]


def _compartment(image: Image, slot: int, overflow: Overflow) -> Compartment:
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
        soft_reset=bool(image.config_soft_reset[config]),
        overflow=overflow,
    )


def _synapse_list(image: Image, axon: int) -> list[Synapse]:
    synapses = []
    for synapse in range(int(image.syn_ptr[axon]), int(image.syn_ptr[axon + 1])):
        row = int(image.syn_format[synapse])
        mantissa, w_exp = int(image.syn_mant[synapse]), int(image.format_w_exp[row])
        on_sum = bool(image.format_on_sum[row]) and w_exp < 0
        synapses.append(
            Synapse(
                slot=int(image.syn_slot[synapse]),
                delay_ticks=int(image.syn_delay[synapse]),
                plane=image.planes.index(-w_exp) if on_sum else 0,
                weight=mantissa if on_sum else int(arith.effective_weight(mantissa, w_exp)),
                dense=int(image.format_index_bits[row]) == 0,
            )
        )
    return synapses
