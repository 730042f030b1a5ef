"""NIR files become networks that spike as the file says, or are refused by name.

Known answers: hand arithmetic, and the step equations of NIR (forward Euler, strict threshold, previous step
on loops) written out in float64 below, with parameters on binary grids so that nothing is rounded.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em

h5py = pytest.importorskip("h5py")
nir = pytest.importorskip("nir")

DT_S = 2.0**-10
Writer = Callable[..., Path]


def shape(n: int) -> np.ndarray:
    return np.array([n])


def input_(*dims: int) -> Any:
    return nir.Input({"input": np.array(dims)})


def output(n: int) -> Any:
    return nir.Output({"output": shape(n)})


def lif(n: int = 1, tau: float = 2 * DT_S, r: float = 2.0, leak: float = 0, threshold: float = 4) -> Any:
    values = {"tau": tau, "r": r, "v_leak": leak, "v_threshold": threshold, "v_reset": 0}
    return nir.LIF(**{name: np.full(n, value, dtype=float) for name, value in values.items()})


def cuba(n: int = 1, **changes: float) -> Any:
    values = {"tau_mem": 4 * DT_S, "tau_syn": 2 * DT_S, "r": 4, "v_leak": 0, "v_threshold": 4, "v_reset": 0}
    values |= {"w_in": 2} | changes
    return nir.CubaLIF(**{name: np.full(n, value, dtype=float) for name, value in values.items()})


def linear(weight: Any) -> Any:
    return nir.Linear(np.array(weight, dtype=float))


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes a graph of nodes and edges, unchecked, and returns its path."""

    def write_graph(nodes: dict[str, Any], edges: list[tuple[str, str]], change: Any = None) -> Path:
        path = tmp_path / "net.nir"
        nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
        if change is not None:
            with h5py.File(path, "r+") as file:
                change(file)
        return path

    return write_graph


def chain(*nodes: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes named after their kind, one after the other, with an Output of the last one's size."""
    n = int(np.prod(nodes[-1].output_type["output"]))
    names = [type(node).__name__.lower() + str(i) for i, node in enumerate(nodes)] + ["output"]
    return dict(zip(names, [*nodes, output(n)], strict=True)), list(itertools.pairwise(names))


def projections(net: em.Network) -> dict[tuple[str, str], tuple[list[list[float]], list[int]]]:
    """(pre, post) -> weights [n_pre][n_post] and the delays that occur."""
    sizes = {part.name: part.n for part in (*net.sources, *net.populations)}
    found = {}
    for p in net.projections:
        dense = np.zeros((sizes[p.pre], sizes[p.post]))
        dense[np.repeat(np.arange(sizes[p.pre]), np.diff(p.indptr)), p.target] = p.weight
        found[p.pre, p.post] = (dense.tolist(), sorted(set(p.delay_ticks.tolist())))
    return found


# what a file means


def test_weights_are_transposed_and_delays_follow_the_depth(write: Writer) -> None:
    nodes, edges = chain(input_(2), linear([[1, 2], [3, 4], [5, 6]]), lif(3), linear([[1, 1, 0]]), lif(1))
    nodes["skip"] = linear([[7, 8]])
    path = write(nodes, [*edges, ("input0", "skip"), ("skip", "lif4")])
    net = em.from_nir(path, dt_s=DT_S)
    assert projections(net) == {
        ("input0", "lif2"): ([[1, 3, 5], [2, 4, 6]], [1]),
        ("lif2", "lif4"): ([[1], [1], [0]], [1]),
        ("input0", "lif4"): ([[7], [8]], [2]),
    }
    assert [(p.name, p.n, p.start_tick, p.to_host) for p in net.populations] == [
        ("lif2", 3, 1, False),
        ("lif4", 1, 2, True),
    ]
    assert net.name == "net" and net.dt_s == DT_S


def test_chains_are_multiplied_out_and_parallel_edges_summed(write: Writer) -> None:
    nodes = {
        "in": input_(1, 2),
        "flat": nir.Flatten({"input": np.array([1, 2])}, 0, -1),
        "a": nir.Affine(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([1.0, -1.0])),
        "b": linear([[2, 0], [1, 1]]),
        "lif": lif(2, tau=4 * DT_S, r=4.0),
        "out": output(2),
    }
    edges = [("in", "flat"), ("flat", "a"), ("a", "b"), ("b", "lif"), ("flat", "lif"), ("lif", "out")]
    net = em.from_nir(write(nodes, edges), dt_s=DT_S)
    # b a = [[2, 4], [1, 3]], b bias = [2, 0]; the direct edge adds the identity
    assert projections(net) == {("in", "lif"): ([[3, 1], [4, 4]], [1])}
    assert np.asarray(net.populations[0].model.bias).tolist() == [2, 0]


def test_a_node_that_feeds_itself_sees_its_spikes_of_the_step_before(write: Writer) -> None:
    nodes, edges = chain(input_(2), lif(2))
    nodes["rec"] = linear([[0, -1], [1, 0]])
    net = em.from_nir(write(nodes, [*edges, ("lif1", "rec"), ("rec", "lif1")]), dt_s=DT_S)
    assert projections(net)["lif1", "lif1"] == ([[0, 1], [-1, 0]], [1])
    assert net.populations[0].start_tick == 1


def test_nested_graphs_dissolve_into_dotted_names(write: Writer) -> None:
    inner = nir.NIRGraph(
        {"input": input_(1), "lif": lif(1), "output": output(1)},
        [("input", "lif"), ("lif", "output")],
        type_check=False,
    )
    outer = nir.NIRGraph(
        {"input": input_(1), "core": inner, "output": output(1)},
        [("input", "core"), ("core", "output")],
        type_check=False,
    )
    nodes = {"input": input_(1), "net": outer, "lif": lif(1), "output": output(1)}
    path = write(nodes, [("input", "net"), ("net", "lif"), ("lif", "output")])
    net = em.from_nir(path, dt_s=DT_S)
    assert [(p.name, p.start_tick) for p in net.populations] == [("net.core.lif", 1), ("lif", 2)]
    assert [(s.name, s.n) for s in net.sources] == [("input", 1)]


def test_scalar_parameters_spread_over_what_feeds_them(write: Writer) -> None:
    nodes = {"in": input_(2, 3), "if": nir.IF(np.ones(1), np.array([2.5])), "out": output(6)}
    net = em.from_nir(write(nodes, [("in", "if"), ("if", "out")]), dt_s=DT_S)
    assert (net.populations[0].n, net.sources[0].n) == (6, 6)
    assert projections(net)["in", "if"][0] == np.eye(6).tolist()


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF", "IF"])
def test_files_without_a_reset_value_reset_to_zero(write: Writer, kind: str) -> None:
    node = {"LIF": lif, "CubaLIF": cuba, "IF": lambda n: nir.IF(np.ones(n), np.ones(n), np.zeros(n))}[kind](2)

    def forget(file: Any) -> None:
        del file[f"node/nodes/{kind.lower()}1/v_reset"]

    net = em.from_nir(write(*chain(input_(2), node), forget), dt_s=DT_S)
    assert np.asarray(net.populations[0].model.reset).tolist() == [0, 0]


def test_both_integrators_set_decay_and_gain(write: Writer) -> None:
    path = write(*chain(input_(1), lif(1, tau=4 * DT_S, r=8.0)))
    for integrator, gain in (("forward", 8 / 4), ("exponential", 8 * (1 - np.exp(-1 / 4)))):
        model = em.from_nir(path, dt_s=DT_S, integrator=integrator).populations[0].model
        assert model.integrator == integrator
        assert np.asarray(model.gain_mem)[0] == pytest.approx(gain, rel=1e-12)


def step(node: Any, state: dict[str, np.ndarray], current: np.ndarray, reset: str) -> np.ndarray:
    """One step of NIR in float64: forward Euler, strict threshold."""
    kind = type(node).__name__
    if kind == "CubaLIF":
        state["i"] = state["i"] + DT_S / node.tau_syn * (node.w_in * current - state["i"])
        current, tau = state["i"], node.tau_mem
    if kind == "IF":
        v = state["v"] + node.r * current
    else:
        tau = node.tau if kind == "LIF" else tau
        v = state["v"] + DT_S / tau * (node.v_leak - state["v"] + node.r * current)
    fired = v > node.v_threshold
    state["v"] = np.where(fired, v - node.v_threshold if reset == "subtract" else node.v_reset, v)
    return fired.astype(float)


def expected_spikes(
    layers: list[tuple[np.ndarray, np.ndarray, Any]], raster: np.ndarray, reset: str
) -> list[np.ndarray]:
    """Rasters [n_steps, n] of a chain of (weight, bias, node)."""
    states = [{"v": np.zeros(len(bias)), "i": np.zeros(len(bias))} for _, bias, _ in layers]
    rasters: list[list[np.ndarray]] = [[] for _ in layers]
    for row in raster:
        signal = row.astype(float)
        for (weight, bias, node), state, out in zip(layers, states, rasters, strict=True):
            signal = step(node, state, weight @ signal + bias, reset)
            out.append(signal)
    return [np.array(out) for out in rasters]


@pytest.mark.parametrize("reset", ["v_reset", "subtract"])
@pytest.mark.parametrize("kinds", [("cuba", "cuba"), ("lif", "cuba"), ("cuba", "lif"), ("lif", "if")])
def test_biases_and_late_layers_spike_exactly_as_in_the_file(
    write: Writer, kinds: tuple[str, str], reset: str, engine: str
) -> None:
    """An Affine bias passes the synaptic filter of CubaLIF, which starts at zero in the step of the file."""
    rng = np.random.default_rng(7)
    make = {
        "cuba": lambda n: cuba(n, v_leak=0.5, v_reset=-1, v_threshold=3.03125),
        "lif": lambda n: lif(n, tau=4 * DT_S, r=4.0, leak=1.0, threshold=3.03125),
        "if": lambda n: nir.IF(np.ones(n), np.full(n, 5.5), np.full(n, -2.0)),
    }
    layers, nodes = [], [input_(6)]
    for kind, n_in, n in zip(kinds, (6, 8), (8, 5), strict=True):
        weight = rng.integers(-4, 5, (n, n_in)).astype(float)
        bias = rng.integers(-2, 3, n) / 4
        layers.append((weight, bias, make[kind](n)))
        nodes += [nir.Affine(weight, bias), layers[-1][2]]
    raster = rng.random((40, 6)) < 0.4
    known = expected_spikes(layers, raster, reset)
    net = em.from_nir(write(*chain(*nodes)), dt_s=DT_S, reset=reset)
    program = em.compile(net, em.load_chip("loihi"))
    padded = np.pad(raster, ((0, 2), (0, 0)))
    result = em.run(program, len(padded), {"input0": padded}, engine=engine, timing=False)
    for population, spikes in zip(net.populations, known, strict=True):
        late = population.start_tick
        assert spikes.any() and np.array_equal(result.raster(population.name)[late : late + 40], spikes)
        assert not result.raster(population.name)[:late].any()


# what is refused


def graph_error(path: Path, error: type[em.EmulatorError] = em.DescriptionError, **given: Any) -> str:
    with pytest.raises(error) as caught:
        em.from_nir(path, **({"dt_s": DT_S} | given))
    text = str(caught.value)
    assert given or str(path) in text
    return text


def test_every_unsupported_node_is_listed_with_its_kind(write: Writer) -> None:
    def rename(file: Any) -> None:
        file["node/nodes/lif1/type"][()] = "Izhikevich"
        file["node/nodes/lif2/type"][()] = "Conv3d"

    text = graph_error(write(*chain(input_(2), lif(2), lif(2)), rename))
    assert "unsupported 'lif1' (Izhikevich), 'lif2' (Conv3d); supported are Input, Output, Affine" in text
    assert "I, NIRGraph: replace these nodes before exporting" in text


def test_arguments_are_checked_together(write: Writer) -> None:
    path = write(*chain(input_(1), lif(1)))
    text = graph_error(path, dt_s=0, reset="soft", integrator="rk4")
    assert "reset 'soft': choose from v_reset, subtract" in text
    assert "integrator 'rk4': choose from exponential, forward" in text
    assert "dt_s 0: must be a finite number of seconds above 0" in text


def test_a_threshold_below_zero_cannot_be_subtracted(write: Writer) -> None:
    path = write(*chain(input_(1), cuba(1, v_threshold=-0.5, v_reset=-1)))
    assert "v_threshold[0] = -0.5 is below 0 and cannot be subtracted" in graph_error(path, reset="subtract")
    assert em.from_nir(path, dt_s=DT_S).populations[0].model.reset_mode == "value"


def loop_through_two() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    nodes, edges = chain(input_(1), lif(1), lif(1))
    return {**nodes, "back": linear([[1]])}, [*edges, ("lif2", "back"), ("back", "lif1")]


def empty_cycle() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    nodes, edges = chain(input_(1), linear([[1]]), lif(1))
    return {**nodes, "back": linear([[1]])}, [*edges, ("linear1", "back"), ("back", "linear1")]


GRAPHS: dict[str, tuple[Callable[[], tuple[dict[str, Any], list[tuple[str, str]]]], str]] = {
    "loop through two spiking nodes": (loop_through_two, r"several spiking nodes \('lif1', 'lif2'\)"),
    "cycle without state": (empty_cycle, r"cycle without a spiking node .*'back', 'linear1'"),
    "no input": (lambda: ({"lif": lif(1), "out": output(1)}, [("lif", "out")]), "no Input node"),
    "no output": (lambda: ({"in": input_(1), "lif": lif(1)}, [("in", "lif")]), "no Output node"),
    "unfed output": (
        lambda: ({"in": input_(1), "lif": lif(1), "out": output(1)}, [("in", "lif")]),
        "Output 'out' is fed by nothing",
    ),
    "analog output": (
        lambda: chain(input_(1), lif(1), linear([[1]])),
        r"Output 'output' reads node 'linear2' \(Linear\), which is not spiking",
    ),
    "input to output": (lambda: chain(input_(1)), r"reads node 'input0' \(Input\)"),
    "edge from nowhere": (
        lambda: ({"in": input_(1), "lif": lif(1), "out": output(1)}, [("in", "lif"), ("ghost", "lif")]),
        r"edge 'ghost' -> 'lif': there is no node 'ghost'",
    ),
    "weights too wide": (
        lambda: chain(input_(3), linear([[1, 2]]), lif(1)),
        r"'input0' -> 'linear1': node 'input0' \(Input\) gives 3 values, node 'linear1' \(Linear\) takes 2",
    ),
    "weights too tall": (lambda: chain(input_(2), linear([[1, 2]]), lif(2)), "gives 1 values.*takes 2"),
    "weights in three dimensions": (
        lambda: chain(input_(2), nir.Linear(np.ones((1, 2, 2))), lif(2)),
        r"'linear1' \(Linear\): weight of shape \[1, 2, 2\], expected \[n_out, n_in\]",
    ),
    "bias too long": (
        lambda: chain(input_(2), nir.Affine(np.ones((2, 2)), np.ones(3)), lif(2)),
        r"bias of shape \[3\], expected \[2\]",
    ),
    "NaN weight": (
        lambda: chain(input_(2), linear([[1, np.nan], [2, np.nan]]), lif(2)),
        r"'linear1' \(Linear\): weight\[0, 1\] is nan, must be finite \(2 in all\)",
    ),
    "infinite threshold": (lambda: chain(input_(1), lif(1, threshold=np.inf)), r"v_threshold\[0\] is inf"),
    "tau of zero": (lambda: chain(input_(1), lif(1, tau=0.0)), r"tau\[0\] = 0 must be above 0 s"),
    "tau below a step": (
        lambda: chain(input_(1), cuba(1, tau_syn=DT_S / 2)),
        r"tau_syn\[0\] = 0.000488281 is shorter than a forward step",
    ),
    "reset above threshold": (
        lambda: chain(input_(1), cuba(1, v_reset=5)),
        r"v_reset\[0\] is above v_threshold",
    ),
    "shape of nothing": (lambda: chain(input_(0), lif(1)), r"'input0' \(Input\): shape \[0.0\]"),
    "graph without an input": (
        lambda: (
            {
                "in": input_(1),
                "sub": nir.NIRGraph({"output": output(1)}, [], type_check=False),
                "out": output(1),
            },
            [("in", "sub"), ("sub", "out")],
        ),
        r"edge 'in' -> 'sub': graph 'sub' has no Input",
    ),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_graphs_that_cannot_run_are_refused_naming_the_node(write: Writer, case: str) -> None:
    make, words = GRAPHS[case]
    assert re.search(words, graph_error(write(*make())), re.DOTALL)


def test_problems_of_several_nodes_are_told_together(write: Writer) -> None:
    nodes, edges = chain(input_(1), lif(1, tau=np.nan), linear([[np.inf]]), lif(1, threshold=np.nan))
    with pytest.raises(em.DescriptionError) as caught:
        em.from_nir(write(nodes, edges), dt_s=DT_S)
    assert len(caught.value.problems) == 3


def test_a_connection_over_more_layers_than_a_delay_reaches_is_refused(write: Writer) -> None:
    nodes, edges = chain(input_(1), *(lif(1) for _ in range(65)))
    path = write(nodes, [*edges, ("input0", "lif65")])
    assert "'input0' -> 'lif65' skips 65 layers" in graph_error(path)


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "no group node": (lambda file: file.__delitem__("node"), "without the group 'node'"),
    "no nodes": (lambda file: file["node"].__delitem__("nodes"), "KeyError"),
    "no edges": (lambda file: file["node"].__delitem__("edges"), "has no edges"),
    "no type": (lambda file: file["node/nodes/lif1"].__delitem__("type"), "node 'lif1' has no type"),
    "text as node": (lambda file: file["node/nodes"].create_dataset("odd", data="x"), "'odd' has no type"),
    "type of numbers": (
        lambda file: (file.__delitem__("node/type"), file.create_dataset("node/type", data=3)),
        "/node/type holds int64, expected text",
    ),
    "edges of three": (
        lambda file: (
            file.__delitem__("node/edges"),
            file.create_dataset("node/edges", data=[["a", "b", "c"]]),
        ),
        r"edges have shape \[1, 3\], expected \[n, 2\]",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_hdf5_files_of_another_layout_are_damaged_images(write: Writer, case: str) -> None:
    change, words = CHANGES[case]
    assert re.search(words, graph_error(write(*chain(input_(1), lif(1)), change), em.ImageError))


def test_missing_and_non_numeric_fields_are_named(write: Writer) -> None:
    def spoil(file: Any) -> None:
        group = file["node/nodes/lif1"]
        del group["tau"], group["r"]
        group.create_dataset("r", data="strong")

    text = graph_error(write(*chain(input_(1), lif(1)), spoil))
    assert "node 'lif1' (LIF): tau is missing" in text
    assert "node 'lif1' (LIF): r holds object, expected numbers" in text


def test_a_single_node_is_no_graph(tmp_path: Path) -> None:
    nir.write(tmp_path / "one.nir", lif(1))
    assert "the top node is LIF, expected NIRGraph" in graph_error(tmp_path / "one.nir")


def test_files_that_are_no_hdf5_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.nir"
    path.write_text("weights: 1\n")
    assert "not a NIR file" in graph_error(path, em.ImageError)
    path.write_bytes(b"")
    graph_error(path, em.ImageError)
    assert "no such file" in graph_error(tmp_path / "absent.nir", em.ImageError)
    assert "a folder" in graph_error(tmp_path, em.ImageError)


def test_a_truncated_file_is_refused_at_any_length(write: Writer) -> None:
    path = write(*chain(input_(2), linear(np.eye(2)), lif(2)))
    content = path.read_bytes()
    for length in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:length])
        graph_error(path, em.ImageError)


def test_a_flipped_bit_is_refused_or_harmless(write: Writer) -> None:
    path = write(*chain(input_(2), linear([[1, 2], [3, 4]]), lif(2)))
    content = path.read_bytes()
    whole = em.from_nir(path, dt_s=DT_S)
    rng, n_refused = np.random.default_rng(2), 0
    for at in rng.choice(len(content), 150, replace=False):
        damaged = bytearray(content)
        damaged[at] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            net = em.from_nir(path, dt_s=DT_S)
        except em.EmulatorError:
            n_refused += 1
        else:
            assert projections(net) == projections(whole)
    assert n_refused > 5


HEAP = b"GCOL"


def damage(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def free_space(content: bytes) -> int:
    """Where the string heap of a file writes the size of its free space."""
    begin = content.index(HEAP)
    end = begin + int.from_bytes(content[begin + 8 : begin + 16], "little")
    at = begin + 16
    while at < end:
        index = int.from_bytes(content[at : at + 2], "little")
        size = int.from_bytes(content[at + 8 : at + 16], "little")
        if index == 0:
            return at + 8
        at += 16 + -(-size // 8) * 8
    raise AssertionError("the heap is full")


def test_a_string_heap_that_never_ends_is_refused(write: Writer) -> None:
    # the HDF5 library walks such a heap forever
    path = write(*chain(input_(1), lif(1)))
    content = path.read_bytes()
    path.write_bytes(damage(content, free_space(content), bytes(8)))
    assert "do not add up" in graph_error(path, em.ImageError)


def test_data_that_the_library_would_replace_by_zeros_are_refused(write: Writer) -> None:
    path = write(*chain(input_(1), linear([[3]]), lif(1)))
    content = path.read_bytes()
    with h5py.File(path) as file:
        chunk = file["node/nodes/linear1/weight"].id.get_chunk_info(0)
    # entry of the chunk index: size, filter mask, 3 coordinates, address
    entry = chunk.size.to_bytes(8, "little") + bytes(24) + chunk.byte_offset.to_bytes(8, "little")
    place = content.index(entry)
    path.write_bytes(damage(content, place + 8, b"\x01"))
    graph_error(path, em.ImageError)
    path.write_bytes(damage(content, place + 4, b"\x01"))  # the filter mask: skip inflating
    graph_error(path, em.ImageError)


def test_a_missing_extra_says_how_to_install_it(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(*chain(input_(1), lif(1)))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(em.EmulatorError, match=r"pip install spikemesh\[nir\]"):
        em.from_nir(path, dt_s=DT_S)
