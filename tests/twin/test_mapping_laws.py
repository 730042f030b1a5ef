"""Laws of compiling: where neurons are never changes a spike, and equal inputs give equal bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.compiler.pipeline import run_passes
from emulator.compiler.verify import verify
from emulator.record import Record
from emulator.testing import Case, cases, crossbar_cases
from emulator.testing.crossbars import crossbar_chip

EFFORTS = ("fast", "default", "best")
MAX_EXAMPLES = settings.default.max_examples
law = settings(max_examples=MAX_EXAMPLES if MAX_EXAMPLES > 1000 else max(8, MAX_EXAMPLES // 20))


def spikes(case: Case, program: em.Program) -> dict[str, Any]:
    """What is recorded of each population, and what does not depend on cores."""
    result = em.run(program, case.n_ticks, case.stimulus, timing=False, seed=case.seed)
    kept = [part.name for part in program.symbols.populations if part.recorded]
    recorded: dict[str, Any] = {name: result.spikes(name).tolist() for name in kept}
    return recorded | {name: result.counts[name] for name in ("spikes", "transmitted", "update_active")}


def measured(case: Case, program: em.Program) -> Record | None:
    """A profile; None: nothing fired."""
    record = em.run(program, case.n_ticks, case.stimulus, timing=False, seed=case.seed).record
    return record if record.spikes_by_sender.any() else None


@law
@given(cases(em.load_chip("tiny")), st.data())
def test_no_effort_no_mapping_and_no_profile_changes_a_spike(case: Case, data: st.DataObject) -> None:
    pinned = em.compile(case.network, case.chip, mapping=case.mapping)
    expected = spikes(case, pinned)
    order = np.array(data.draw(st.permutations(range(case.chip.n_cores))))
    moved = {name: order[cores] for name, cores in case.mapping.items()}
    assert spikes(case, em.compile(case.network, case.chip, mapping=moved)) == expected
    part = data.draw(st.sampled_from(sorted(case.mapping)))
    choices: list[dict[str, Any]] = [{"effort": effort} for effort in EFFORTS]
    choices += [{"profile": measured(case, pinned)}, {"mapping": {part: case.mapping[part]}}]
    for chosen in choices:
        try:
            program = em.compile(case.network, case.chip, seed=data.draw(st.integers(0, 9)), **chosen)
        except em.CompileError:  # that a mapping exists does not say that one is found
            continue
        assert spikes(case, program) == expected, chosen


@law
@given(crossbar_cases(crossbar_chip(), drawn=False))
def test_no_effort_and_no_profile_changes_a_spike_of_crossbars(case: Case) -> None:
    first = em.compile(case.network, case.chip)
    expected = spikes(case, first)
    for effort in EFFORTS:
        program = em.compile(case.network, case.chip, effort=effort, profile=measured(case, first))
        assert spikes(case, program) == expected, effort


@law
@given(cases(em.load_chip("tiny")), st.sampled_from(EFFORTS))
def test_compiling_twice_gives_the_same_bytes_and_loading_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, case: Case, effort: str
) -> None:
    folder = tmp_path_factory.mktemp("p")
    profile = measured(case, em.compile(case.network, case.chip, mapping=case.mapping))
    options: dict[str, Any] = {"mapping": case.mapping, "effort": effort, "profile": profile}
    for name in "ab":
        em.compile(case.network, case.chip, **options).save(folder / name)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    loaded = em.load_program(folder / "a")
    loaded.save(folder / "c")
    assert (folder / "c").read_bytes() == (folder / "a").read_bytes()
    # what was loaded is proved to be the network, as what was compiled is
    job = run_passes(case.network, case.chip, case.mapping, until="quantise")
    verify(loaded.image, loaded.symbols, job["quantise"], case.network, case.chip)


def test_a_program_that_is_not_the_network_fails_that_proof(tmp_path: Path) -> None:
    net = em.Network("pair")
    a = net.add_population("a", 2, em.LoihiCuba(vth_mant=2))
    net.connect(a, a, np.array([[0, 3], [5, 0]]), synapse=em.LoihiSynapse(w_exp=0))
    chip = em.load_chip("tiny")
    job = run_passes(net, chip)
    wrong = job["emit"].replace(syn_mant=job["emit"].syn_mant[::-1])
    with pytest.raises(em.CompileError, match="internal: "):
        verify(wrong, job["symbols"], job["quantise"], net, chip)
