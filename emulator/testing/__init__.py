"""For tests of chips, networks and engines: Hypothesis strategies, laws, and a search for what breaks them.

    from hypothesis import given
    from emulator.testing import trials, Subject, LAWS

    @given(trials(em.load_chip("my_chip.yaml")))
    def test_my_engine_is_the_reference(trial):
        LAWS["twin"].check(Subject(my_engine), trial)

Needs the extra `test`. Nobody in `emulator` imports this folder but the fronts of `spikemesh verify` and of
Hypothesis, when called; users' tests do. Invariants: strategies construct what they promise and filter
nothing; they shrink towards one tile, few compartments, zero weights and silence.
"""

from emulator.record import first_difference
from emulator.testing.crossbar_strategies import core_networks, crossbar_cases
from emulator.testing.descriptions import chips, fault_maps, images, networks, nir_graphs
from emulator.testing.fitting import weights
from emulator.testing.laws import LAWS, Law, chosen_laws
from emulator.testing.machine import ChipMachine
from emulator.testing.parts import parts
from emulator.testing.rasters import KINDS, stimuli
from emulator.testing.run_laws import LawBroken
from emulator.testing.saved import load_trial, save_trial
from emulator.testing.search import Verdict, message_of, verdict_of
from emulator.testing.strategies import Case, cases, neuron_params, traffic
from emulator.testing.subject import Subject, Unanswered, load_engine, load_mapper
from emulator.testing.trials import LimitTrial, MeshTrial, Trial, mesh_trials, trials

__all__ = [
    "KINDS",
    "LAWS",
    "Case",
    "ChipMachine",
    "Law",
    "LawBroken",
    "LimitTrial",
    "MeshTrial",
    "Subject",
    "Trial",
    "Unanswered",
    "Verdict",
    "cases",
    "chips",
    "chosen_laws",
    "core_networks",
    "crossbar_cases",
    "fault_maps",
    "first_difference",
    "images",
    "load_engine",
    "load_mapper",
    "load_trial",
    "mesh_trials",
    "message_of",
    "networks",
    "neuron_params",
    "nir_graphs",
    "parts",
    "save_trial",
    "stimuli",
    "traffic",
    "trials",
    "verdict_of",
    "weights",
]
