"""The bench of faults: scores with and without, and what does not fit."""

from __future__ import annotations

import sys

import pytest

import emulator as em
from emulator.bench import faults as bench_faults
from emulator.bench import soundloc

module = sys.modules["emulator.bench.faults"]


def test_faults_cost_accuracy_and_dead_cores_are_placed_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BIT_ERROR_RATES", (0.0, 0.2))
    monkeypatch.setattr(module, "DEAD_SHARES", (0.0, 0.5))
    monkeypatch.setattr(module, "N_DRAWS", 1)
    steps: list[tuple[int, int]] = []
    outcome = bench_faults(n_samples=12, progress=lambda label, done, total: steps.append((done, total)))
    numbers = outcome.numbers
    sound = numbers["bit_errors"]["soundloc"][0]["accuracy"]
    assert sound == soundloc(n_samples=12).numbers["accuracy"]  # without faults it is that bench
    for name in ("digits", "soundloc"):
        clean, noisy = numbers["bit_errors"][name]
        assert noisy["accuracy_worst"] <= noisy["accuracy"] < clean["accuracy"] - 0.2
        whole, half = numbers["dead_cores"][name]
        assert whole["accuracy"] == half["accuracy"] == clean["accuracy"]
        assert (whole["n_dead"], half["n_dead"]) == (0, 64)
    assert steps[-1] == (len(steps), len(steps))
    ((name, draw),) = outcome.pictures
    assert name == "faults" and draw().startswith(b"\x89PNG")


def test_it_takes_no_other_data() -> None:
    with pytest.raises(em.DescriptionError, match=r"bench faults: takes no --data"):
        bench_faults("mine.npz")
