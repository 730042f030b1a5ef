"""A program of three compartments on chip `tiny`, and the record of three ticks of it, worked out by hand.

Both inputs spike in tick 0; hidden 0 fires in tick 1, the one neuron of `out` in tick 2. Core 0 is on tile
(0, 0), where the host port is, core 5 on tile (0, 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import EVENT_ID, EVENTS
from emulator.chip.image import Image
from emulator.formats import load_chip
from emulator.program import Part, ProbeSymbol, Program, Symbols
from emulator.record import Record, State, Timing

Ints = NDArray[np.int64]

N_TICKS = 3
TICK_PS = (19, 25, 21)  # the last service ends at 12 and 18, the packet to the host arrives at 14; barrier 7


def small_image() -> Image:
    """in 0 -> hidden 0 and 1, in 1 -> hidden 1; hidden 0 and 1 -> out; out -> host."""
    return Image(
        core_id=np.array([0, 5]),
        slot_ptr=np.array([0, 2, 3]),
        config_ptr=np.array([0, 1, 2]),
        config_du=np.array([4095, 4095]),
        config_dv=np.array([4095, 4095]),
        config_ds_offset=np.array([1, 1]),
        config_refractory=np.array([1, 1]),
        config_soft_reset=np.array([0, 0]),
        config_vmin=np.array([-(2**23) + 1] * 2),
        config_vmax=np.array([2**23 - 1] * 2),
        vth_ptr=np.array([0, 1, 2]),
        vth_mant=np.array([50, 50]),
        slot_config=np.array([0, 0, 1]),
        slot_vth=np.array([0, 0, 1]),
        slot_bias_mant=np.zeros(3, dtype=np.int64),
        slot_bias_exp=np.zeros(3, dtype=np.int64),
        slot_u0=np.zeros(3, dtype=np.int64),
        slot_v0=np.zeros(3, dtype=np.int64),
        slot_refractory0=np.zeros(3, dtype=np.int64),
        slot_group=np.array([1, 1, 2]),
        slot_recorded=np.ones(3, dtype=np.int64),
        input_group=np.array([0, 0]),
        entry_ptr=np.array([0, 1, 2, 3, 4, 5]),
        entry_core=np.array([1, 1, 2, 0, 0]),
        entry_axon=np.array([2, 3, 0, 0, 1]),
        axon_ptr=np.array([0, 2, 4]),
        syn_ptr=np.array([0, 2, 3, 4, 5]),
        syn_slot=np.array([0, 1, 1, 0, 0]),
        syn_mant=np.array([64, 10, 20, 64, 64]),
        syn_delay=np.ones(5, dtype=np.int64),
        syn_format=np.array([0, 0, 1, 1, 1]),
        format_w_exp=np.array([0, 0]),
        format_weight_bits=np.array([8, 8]),
        format_sign_mode=np.array([0, 0]),
        format_delay_bits=np.array([0, 0]),
        format_index_bits=np.array([0, 6]),
        format_on_sum=np.array([0, 0]),
        n_groups=3,
    )


def small_program() -> Program:
    """The image on chip `tiny`, with one probe of all and one of some neurons and ticks."""
    symbols = Symbols(
        network="small",
        dt_s=1e-3,
        parts=(
            Part("in", "source", np.array([0, 1]), recorded=False),
            Part("hidden", "population", np.array([0, 1])),
            Part("out", "population", np.array([2])),
        ),
        probes=(
            ProbeSymbol("out", "v", None, None, False),
            ProbeSymbol("hidden", "u", np.array([1]), np.array([1, 2]), False),
        ),
    )
    stats = {"network": "small", "n_cores": 2, "load": [0.5, None], "limits": {"axons_in": [2, 64]}}
    return Program(small_image(), symbols, load_chip("tiny"), stats)


def table(*rows: dict[str, int]) -> Ints:
    """Counts by name as int64 [n_rows, n_events]."""
    out = np.zeros((len(rows), len(EVENTS)), dtype=np.int64)
    for row, counts in enumerate(rows):
        for event, n in counts.items():
            out[row, EVENT_ID[event]] = n
    return out


def small_record(program: Program, *, timed: bool = True) -> Record:
    """What both engines must return for both inputs spiking in tick 0."""
    delivered = {"eject": 1, "axon_in": 1, "synaptic_ops_sparse": 1}
    fired = {"spikes": 1, "transmitted": 1, "inject": 1}
    heard = {"transmitted": 2, "host_in": 2, "eject": 2, "axon_in": 2}
    walked = {"synaptic_ops_dense": 2, "synaptic_ops_sparse": 1}
    by_tick = table(
        {"update_inactive": 3, **heard, **walked, "barrier": 1},
        {"update_inactive": 1, "update_active": 2, **fired, "hop_n": 1, **delivered, "barrier": 1},
        # u and v of the hidden neurons were not 0 before this tick
        {"update_active": 3, **fired, "hop_s": 1, "host_out": 1, "barrier": 1},
    )
    by_core = table(
        {"update_inactive": 2, "update_active": 4, **fired, "eject": 2, "axon_in": 2, **walked},
        {"update_inactive": 2, "update_active": 1, **fired, **delivered},
        {"transmitted": 2, "host_in": 2, "hop_n": 1, "hop_s": 1, "host_out": 1, "barrier": 3},
    )
    by_group = table(
        {**heard, **walked},
        {"update_inactive": 2, "update_active": 4, **fired, "hop_n": 1, **delivered},
        {"update_inactive": 2, "update_active": 1, **fired, "hop_s": 1, "host_out": 1},
        {"barrier": 3},
    )
    links = np.zeros((4, 4), dtype=np.int64)
    links[0, 2] = links[2, 3] = 1  # tile 0 north, tile 2 south
    timing = Timing(
        done_ps=np.array(TICK_PS) - 7,
        tick_ps=np.array(TICK_PS),
        stall_ps=np.zeros(3, dtype=np.int64),
        occupancy_max=np.array([[0, 2, 1, 0, 1, 0], [0] * 6, [0, 0, 0, 1, 0, 1], [0] * 6]),
        intake_max=np.array([1, 0]),
    )
    return Record(
        n_samples=1,
        n_ticks=N_TICKS,
        batched=False,
        spikes=np.array([[1, 0], [2, 2]]),
        probes=(np.zeros((1, 3, 1), dtype=np.int32), np.array([[[1920], [0]]], dtype=np.int32)),
        counts_by_tick=by_tick,
        counts_by_core=by_core,
        counts_by_group=by_group,
        link_counts=links,
        timing=timing if timed else None,
        state=State(
            image_digest=program.image.digest,
            u=np.array([[0, 0, 4096]], dtype=np.int32),
            v=np.zeros((1, 3), dtype=np.int32),
            refractory=np.zeros((1, 3), dtype=np.int32),
            pending=np.zeros((1, 1, 3), dtype=np.int32),
            n_ticks=N_TICKS,
        ),
        link_losses=np.zeros_like(links),
        spikes_by_sender=np.array([1, 0, 1, 1, 1]),
    )
