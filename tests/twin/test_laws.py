"""The laws of the emulator as properties, on random chips, networks, placements and stimuli."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.board import chips_of
from emulator.engine.mesh import PACKET_DTYPE
from emulator.testing import Case, cases, chips, first_difference, traffic

BASE = em.load_chip("tiny")
law = settings(max_examples=max(10, settings().max_examples // 3))  # the twin laws get all examples
# small and quick: 500 examples, and 20,000 in `make test-long`
mesh_law = settings(max_examples=settings().max_examples * (4 if settings().max_examples > 1000 else 5))


def compiled(case: Case) -> em.Program:
    return em.compile(case.network, case.chip, mapping=case.mapping)


def run(case: Case, program: em.Program, **arguments: object) -> em.Result:
    arguments = {"seed": case.seed, **arguments}
    return em.run(program, case.n_ticks, case.stimulus, **arguments)  # type: ignore[arg-type]


def test_the_chips_drawn_are_boards_too() -> None:
    """Else the laws below would say nothing of them."""
    board = find(
        chips(BASE),
        lambda chip: chip.n_chips >= 4 and chip.mesh.chip.link.cycle_ps > chip.mesh.cycle_ps,
        settings=settings(max_examples=2000, phases=[Phase.generate]),
    )
    assert not set(chips_of(board, np.arange(board.n_tiles))) ^ set(range(board.n_chips))


def test_the_runs_drawn_lose_and_drop_packets() -> None:
    """Else the laws below would say nothing of faults."""

    def loses_and_drops(case: Case) -> bool:
        counts = run(case, compiled(case), timing=False).counts
        return counts["lost"] > 0 and counts["dropped"] > 0

    unshrunk = settings(max_examples=2000, phases=[Phase.generate])
    find(cases(BASE, faulty=True), loses_and_drops, settings=unshrunk)


@given(cases(BASE, faulty=True))
def test_twin_native_and_reference_records_are_equal(case: Case) -> None:
    program = compiled(case)
    reference, native = (run(case, program, engine=engine) for engine in ("reference", "native"))
    assert first_difference(reference.record, native.record) is None


@law
@given(cases(BASE))
def test_twin_traces_are_equal_and_tell_what_was_counted(case: Case) -> None:
    program = compiled(case)
    reference, native = (run(case, program, engine=engine, trace=True) for engine in ("reference", "native"))
    assert first_difference(reference.record, native.record) is None
    trace, chip = native.trace, case.chip
    assert len(trace.row) == native.counts["packets"]
    assert (trace.arrive_ps > trace.push_ps).all()
    grants = reference.trace.grants
    hops = grants[grants[:, 2] < 4]
    # on tiles at the edge a grant of a side without a neighbour is one to the host port
    inside = reference.record.link_counts > 0
    counted = np.bincount(hops[:, 1] * 4 + hops[:, 2], minlength=4 * chip.n_tiles).reshape(-1, 4)
    assert np.array_equal(counted[inside], reference.record.link_counts[inside])
    assert counted[~inside].sum() == native.counts["host_out"]
    limits = native.tick_limits
    assert (limits.bound_ps <= limits.makespan_ps).all() and (limits.closeness <= 1).all()
    done_ps = native.record.timing.done_ps[limits.row]
    assert (limits.makespan_ps <= done_ps).all() and limits.n_packets.sum() == len(trace.row)


@law
@given(cases(BASE))
def test_twin_strict_runs_end_alike(case: Case) -> None:
    """Either nothing overflows and the records are those of the chip, or both name the same overflow."""
    program = compiled(case)
    chip = case.chip.replace({"arithmetic.overflow": "chip"})
    strict = dataclasses.replace(program, chip=chip.replace({"arithmetic.overflow": "strict"}))
    ends = []
    for engine in ("reference", "native"):
        try:
            ends.append(run(case, strict, engine=engine).record)
        except em.SimulationError as error:
            ends.append(error.problems)
    if isinstance(ends[0], tuple):
        assert ends[0] == ends[1]
        return
    assert first_difference(*ends) is None
    silicon = run(case, dataclasses.replace(program, chip=chip), engine="native").record
    assert np.array_equal(silicon.spikes, ends[0].spikes)


@law
@given(cases(BASE, faulty=True), st.integers(2, 4))
def test_no_bit_depends_on_the_number_of_threads(case: Case, threads: int) -> None:
    program = compiled(case)
    one, more = (run(case, program, engine="native", threads=n) for n in (1, threads))
    assert first_difference(one.record, more.record) is None


@law
@given(cases(BASE, faulty=True))
def test_twin_holds_without_timing_and_counts_are_those_with_timing(case: Case) -> None:
    program = compiled(case)
    timed = run(case, program, engine="native")
    for engine in ("reference", "native"):
        untimed = run(case, program, engine=engine, timing=False)
        assert untimed.counts == timed.counts
        assert np.array_equal(untimed.record.counts_by_tick, timed.record.counts_by_tick)
        assert np.array_equal(untimed.record.link_counts, timed.record.link_counts)
        assert np.array_equal(untimed.record.link_losses, timed.record.link_losses)
        assert np.array_equal(untimed.record.counts_by_core, timed.record.counts_by_core)
        assert np.array_equal(untimed.record.counts_by_group, timed.record.counts_by_group)
        assert np.array_equal(untimed.record.spikes, timed.record.spikes)


@law
@given(cases(BASE), st.data())
def test_mesh_timing_never_changes_a_spike(case: Case, data: st.DataObject) -> None:
    other = data.draw(chips(BASE))
    kept = {"mesh.width", "mesh.height"}
    changes = {
        f"mesh.{key}": getattr(other.mesh, key)
        for key in (
            "fifo_depth",
            "intake_depth",
            "arbiter",
            "inject_ps",
            "eject_ps",
            "cycle_ps",
            "credit_ps",
            "hop_ps",
        )
        if f"mesh.{key}" not in kept
    }
    if case.chip.mesh.chip and other.mesh.chip:
        link = other.mesh.chip.link
        merge = min(link.merge, max(case.chip.chip_size))
        changes["mesh.chip.link"] = link.model_copy(update={"merge": merge})
    first = run(case, compiled(case))
    slower = dataclasses.replace(case, chip=case.chip.replace(changes))
    second = run(slower, compiled(slower))
    assert np.array_equal(first.record.spikes, second.record.spikes)
    assert first.counts == second.counts


@law
@given(cases(BASE), st.data())
def test_placement_never_changes_a_spike(case: Case, data: st.DataObject) -> None:
    moved = {
        name: np.array(data.draw(st.permutations(range(case.chip.n_cores))))[core_ids]
        for name, core_ids in case.mapping.items()
    }
    elsewhere = dataclasses.replace(case, mapping=moved)
    first, second = run(case, compiled(case), timing=False), run(elsewhere, compiled(elsewhere), timing=False)
    for population in case.network.populations:
        if population.record_spikes:
            assert np.array_equal(first.spikes(population.name), second.spikes(population.name))
    for event in ("spikes", "transmitted", "synaptic_ops", "update_active"):
        assert first.counts[event] == second.counts[event], event


@law
@given(cases(BASE, faulty=True))
def test_every_packet_sent_is_delivered_once_or_counted_as_gone(case: Case) -> None:
    result = run(case, compiled(case))
    counts = result.counts
    gone = counts["dropped"] + counts["lost"]
    assert counts["packets"] == counts["inject"] + counts["host_in"]
    assert counts["packets"] == counts["eject"] + counts["host_out"] + gone
    assert result.record.link_losses.sum() == counts["lost"]
    assert counts["eject"] == counts["axon_in"]


@law
@given(cases(BASE, faulty=True))
def test_hops_between_chips_are_the_grants_of_links_that_leave_a_chip(case: Case) -> None:
    result, chip = run(case, compiled(case)), case.chip
    width = chip.mesh.width
    grants = result.record.link_counts
    crossings = sum(
        int(grants[tile, side])
        for tile, side in np.argwhere(grants).tolist()
        if chip.chip_of(tile) != chip.chip_of(tile + (1, -1, width, -width)[side])
    )
    assert result.counts["hop_chip"] == crossings
    priced = {row["event"]: row for row in result.energy.table(by="event")}["hop_chip"]
    assert priced["energy_aj"] == crossings * round(chip.energy_pj.hop_chip * 10**6)


@law
@given(cases(BASE))
def test_silence_sends_nothing_and_costs_no_transmission(case: Case) -> None:
    quiet = {name: np.zeros_like(raster) for name, raster in case.stimulus.items()}
    silent = dataclasses.replace(case, network=_never_firing(case.network), stimulus=quiet)
    result = run(silent, compiled(silent))
    assert result.counts["spikes"] == result.counts["packets"] == result.counts["synaptic_ops"] == 0
    assert not result.record.link_counts.any()
    rows = {row["event"]: row for row in result.energy.table(by="event")}
    for event in ("spikes", "inject", "axon_in", "hop_e", "hop_w", "hop_n", "hop_s", "hop_chip"):
        assert rows[event]["energy_aj"] == 0
    assert result.energy.per_spike_j is None


@law
@given(cases(BASE))
def test_every_breakdown_of_the_ledger_sums_to_the_total(case: Case) -> None:
    result = run(case, compiled(case))
    record = result.record
    for table in (record.counts_by_core, record.counts_by_group):
        assert np.array_equal(table.sum(axis=0), record.counts_by_tick.sum(axis=0))
    totals = {
        by: sum(row["energy_aj"] for row in result.energy.table(by=by))
        for by in ("event", "core", "link", "population", "tick")
    }
    assert len(set(totals.values())) == 1, totals


@law
@given(cases(BASE, faulty=True), st.data())
def test_split_runs_equal_one_run(case: Case, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, case.n_ticks))
    program = compiled(case)
    engine_a, engine_b = (data.draw(st.sampled_from(("reference", "native"))) for _ in range(2))
    whole = run(case, program)
    begin = {name: raster[:cut] for name, raster in case.stimulus.items()}
    first = em.run(program, cut, begin, engine=engine_a, seed=case.seed)
    rest = {name: raster[cut:] for name, raster in case.stimulus.items()}
    second = em.run(program, case.n_ticks - cut, rest, engine=engine_b, state=first.state, seed=case.seed)
    joined = np.concatenate([first.record.spikes, second.record.spikes + np.array([cut, 0])])
    assert np.array_equal(joined, whole.record.spikes)
    assert np.array_equal(np.concatenate([first.tick_ps, second.tick_ps]), whole.tick_ps)
    tables = np.concatenate([first.record.counts_by_tick, second.record.counts_by_tick])
    assert np.array_equal(tables, whole.record.counts_by_tick)
    for name in ("u", "v", "refractory", "pending"):
        assert np.array_equal(getattr(second.state, name), getattr(whole.state, name)), name
    assert second.state.n_ticks == whole.state.n_ticks == case.n_ticks


@law
@given(cases(BASE, poisson=False), st.integers(1, 3))
def test_a_batch_equals_its_samples_run_alone(case: Case, n_samples: int) -> None:
    program = compiled(case)
    shifted = [
        {name: np.roll(raster, shift, axis=0) for name, raster in case.stimulus.items()}
        for shift in range(n_samples)
    ]
    stacked = {name: np.stack([sample[name] for sample in shifted]) for name in case.stimulus}
    for engine in ("reference", "native"):
        together = em.run(program, case.n_ticks, stacked, engine=engine, batch=n_samples)
        alone = [em.run(program, case.n_ticks, sample, engine=engine) for sample in shifted]
        for population in case.network.populations:
            if population.record_spikes:
                parts = [
                    np.insert(result.spikes(population.name), 0, sample, axis=1)
                    for sample, result in enumerate(alone)
                ]
                assert np.array_equal(together.spikes(population.name), np.concatenate(parts))
        assert np.array_equal(together.tick_ps, np.stack([result.tick_ps for result in alone]))
        assert together.counts == {
            event: sum(result.counts[event] for result in alone) for event in together.counts
        }


@given(cases(BASE, faulty=True), st.integers(2, 3), st.data())
def test_twin_holds_in_a_batch_that_goes_on(case: Case, n_samples: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, case.n_ticks))
    program = compiled(case)
    rest = {name: np.stack([raster[cut:]] * n_samples) for name, raster in case.stimulus.items()}
    first = em.run(program, cut, batch=n_samples, seed=case.seed)
    same = {"batch": n_samples, "state": first.state, "seed": case.seed}
    reference, native = (
        em.run(program, case.n_ticks - cut, rest, engine=engine, **same) for engine in ("reference", "native")
    )
    assert first_difference(reference.record, native.record) is None


@mesh_law
@given(st.data())
def test_twin_mesh_alone_is_equal_to_the_picosecond(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE, max_side=6, faulty=True))
    packets, seed = data.draw(traffic(chip)), data.draw(st.sampled_from((0, 1, 2**64 - 1)))
    reference, native = (
        em.run_mesh(chip, packets, engine=engine, seed=seed, trace=True) for engine in ("reference", "native")
    )
    for field in dataclasses.fields(em.MeshResult):
        assert np.array_equal(getattr(reference, field.name), getattr(native, field.name)), field.name


@law
@given(st.data())
def test_a_lone_packet_takes_the_closed_formula(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE))
    src, dst = (data.draw(st.integers(0, chip.n_tiles - 1)) for _ in range(2))
    inject_ps = data.draw(st.integers(0, 10_000))
    packet = np.array([(inject_ps, src, dst)], dtype=PACKET_DTYPE)
    width, mesh = chip.mesh.width, chip.mesh
    dx, dy = abs(dst % width - src % width), abs(dst // width - src // width)
    expected = mesh.inject_ps + dx * mesh.hop_ps.ew + dy * mesh.hop_ps.ns + mesh.eject_ps
    if mesh.chip is not None:
        link_ps, size = mesh.chip.link.hop_ps, mesh.chip
        borders_x = abs(dst % width // size.width - src % width // size.width)
        borders_y = abs(dst // width // size.height - src // width // size.height)
        expected += borders_x * (link_ps.ew - mesh.hop_ps.ew) + borders_y * (link_ps.ns - mesh.hop_ps.ns)
    for engine in ("reference", "native"):
        assert em.run_mesh(chip, packet, engine=engine).arrive_ps[0] - inject_ps == expected


@law
@given(st.data())
def test_packets_of_a_flow_keep_their_order_and_traffic_drains(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE, faulty=True)).replace({"mesh.fifo_depth": data.draw(st.integers(1, 2))})
    packets = data.draw(traffic(chip))
    result = em.run_mesh(chip, packets, engine=data.draw(st.sampled_from(("reference", "native"))))
    # all delivered but those dropped or lost: the run ends, none keeps its initial 0
    assert np.array_equal(result.arrive_ps > result.push_ps, result.arrived)
    assert result.n_dropped.sum() + result.n_lost.sum() + result.arrived.sum() == len(packets)
    assert (
        result.n_lost.sum() == result.link_losses.sum() and (result.link_losses <= result.link_counts).all()
    )
    order = np.lexsort((np.arange(len(packets)), packets["inject_ps"]))
    flows: dict[tuple[int, int], list[int]] = {}
    for position in order[result.arrived[order]]:
        flows.setdefault((packets["src"][position], packets["dst"][position]), []).append(position)
    for positions in flows.values():
        assert (np.diff(result.arrive_ps[positions]) > 0).all()


def _never_firing(network: em.Network) -> em.Network:
    """The same network with thresholds at their highest, no bias and no initial state."""
    quiet = em.Network(network.name)
    for source in network.sources:
        quiet.add_source(source.name, source.n)
    for population in network.populations:
        quiet.add_population(
            population.name, population.n, em.LoihiCuba(vth_mant=131071), to_host=population.to_host
        )
    for projection in network.projections:
        pre = np.repeat(np.arange(len(projection.indptr) - 1), np.diff(projection.indptr))
        triplets = em.Triplets(pre, projection.target, projection.weight, projection.delay_ticks)
        quiet.connect(projection.pre, projection.post, triplets, synapse=projection.synapse)
    return quiet
