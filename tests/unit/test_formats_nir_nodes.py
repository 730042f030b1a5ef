"""Every primitive of NIR 1.0 as projections and populations, or refused by name.

Known answers: the sums of the NIR specification written out as plain loops, and its step equations in
float64 with parameters on binary grids.
"""

from __future__ import annotations

import itertools
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import report

h5py = pytest.importorskip("h5py")
nir = pytest.importorskip("nir")

DT_S = 2.0**-10
Graph = tuple[dict[str, Any], list[tuple[str, str]]]
Reader = Callable[..., em.Network]


def input_(*dims: int) -> Any:
    return nir.Input({"input": np.array(dims)})


def output(*dims: int) -> Any:
    return nir.Output({"output": np.array(dims)})


def spiking(*shape: int, threshold: float = 0.5) -> Any:
    return nir.IF(np.ones(shape), np.full(shape, threshold), np.zeros(shape))


def linear(weight: Any) -> Any:
    return nir.Linear(np.array(weight, dtype=float))


def waiting(steps: float) -> Any:
    return nir.Delay(np.array([steps * DT_S]))


def conv2d(weight: Any, image: Any = (4, 5), **given: Any) -> Any:
    values = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(len(weight))} | given
    return nir.Conv2d(input_shape=image, weight=np.array(weight, dtype=float), **values)


def conv1d(weight: Any, length: int | None = 7, **given: Any) -> Any:
    values = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(len(weight))} | given
    return nir.Conv1d(input_shape=length, weight=np.array(weight, dtype=float), **values)


def chain(*nodes: Any) -> Graph:
    """Nodes called a, b, c, ... one after the other, and an Output `out` of the last one's size."""
    last = nodes[-1]
    size = next(getattr(last, name).size for name in ("r", "threshold", "delay") if hasattr(last, name))
    named = {chr(ord("a") + i): node for i, node in enumerate(nodes)} | {"out": output(size)}
    return named, list(itertools.pairwise(named))


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Writes a graph, unchecked and with changes to the file, and reads it as a network."""

    def read_graph(graph: Graph, change: Any = None, **given: Any) -> em.Network:
        path = tmp_path / "net.nir"
        nir.write(path, nir.NIRGraph(*graph, type_check=False))
        if change is not None:
            with h5py.File(path, "r+") as file:
                change(file)
        return em.from_nir(path, **({"dt_s": DT_S} | given))

    return read_graph


def weights(net: em.Network, i: int = 0) -> np.ndarray:
    """Dense [n_post, n_pre] of a projection."""
    sizes = {part.name: part.n for part in (*net.sources, *net.populations)}
    p = net.projections[i]
    dense = np.zeros((sizes[p.pre], sizes[p.post]))
    np.add.at(dense, (np.repeat(np.arange(sizes[p.pre]), np.diff(p.indptr)), p.target), p.weight)
    return dense.T


def voltages(net: em.Network, raster: np.ndarray, name: str, engine: str) -> np.ndarray:
    """v of a population in the file's units [n_steps, n], step by step as in the file."""
    program = em.compile(net, em.load_chip("loihi"))
    late = max(population.start_tick for population in net.populations)
    padded = np.pad(raster.astype(bool), ((0, late), (0, 0)))
    result = em.run(program, len(padded), {net.sources[0].name: padded}, engine=engine, timing=False)
    assert not len(result.spikes(name))
    row = next(row for row in program.stats["quantisation"] if row["name"] == name)
    start = next(population.start_tick for population in net.populations if population.name == name)
    return result.probe(name, "v")[start : start + len(raster)] / row["scale"]


# convolutions and pools


def convolved(
    weight: np.ndarray, image: np.ndarray, stride: Any, pads: Any, dilation: Any, groups: int
) -> Any:
    """The sums of a 2d convolution, one by one. pads: (top, bottom), (left, right)."""
    n_out, per_group, height, width = weight.shape
    padded = np.pad(image, ((0, 0), *pads))
    rows = (padded.shape[1] - dilation[0] * (height - 1) - 1) // stride[0] + 1
    columns = (padded.shape[2] - dilation[1] * (width - 1) - 1) // stride[1] + 1
    out = np.zeros((n_out, rows, columns))
    for o, y, x, c, i, j in itertools.product(*map(range, (n_out, rows, columns, per_group, height, width))):
        channel = o // (n_out // groups) * per_group + c
        pixel = padded[channel, y * stride[0] + i * dilation[0], x * stride[1] + j * dilation[1]]
        out[o, y, x] += weight[o, c, i, j] * pixel
    return out


CONVOLUTIONS = {
    "plain": ((3, 2, 2, 3), {}, ((0, 0), (0, 0))),
    "strides": ((2, 1, 2, 2), {"stride": (2, 3)}, ((0, 0), (0, 0))),
    "padding": ((2, 1, 3, 2), {"padding": (2, 1)}, ((2, 2), (1, 1))),
    "dilation": ((2, 1, 2, 2), {"dilation": (3, 2)}, ((0, 0), (0, 0))),
    "groups": ((4, 1, 3, 3), {"groups": 2, "padding": 1}, ((1, 1), (1, 1))),
    "valid": ((1, 2, 3, 3), {"padding": "valid"}, ((0, 0), (0, 0))),
    "same": ((2, 1, 2, 3), {"padding": "same", "dilation": (1, 2)}, ((0, 1), (2, 2))),
    "all": (
        (4, 2, 3, 2),
        {"groups": 2, "stride": 2, "dilation": (1, 2), "padding": (1, 2)},
        ((1, 1), (2, 2)),
    ),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_a_convolution_has_the_weights_of_its_sums(read: Reader, case: str) -> None:
    shape, given, pads = CONVOLUTIONS[case]
    rng = np.random.default_rng(3)
    weight = rng.integers(-3, 4, shape).astype(float)
    channels = shape[1] * given.get("groups", 1)
    stride, dilation = (np.broadcast_to(given.get(name, 1), 2) for name in ("stride", "dilation"))
    columns = [
        convolved(weight, pixel.reshape(channels, 4, 5), stride, pads, dilation, given.get("groups", 1))
        for pixel in np.eye(channels * 20)
    ]
    graph = chain(input_(channels, 4, 5), conv2d(weight, **given), spiking(*columns[0].shape))
    net = read(graph)
    assert np.array_equal(weights(net), np.array([column.ravel() for column in columns]).T)
    assert all(p.weight.all() for p in net.projections)  # a weight of 0 is no synapse


def test_a_convolution_in_one_dimension_has_groups_strides_and_padding_as_well(read: Reader) -> None:
    weight = np.array([[[1.0, 2.0, 4.0]], [[8.0, 16.0, 32.0]]])
    node = conv1d(weight, stride=3, padding=2, dilation=2, groups=2)
    net = read(chain(input_(2, 7), node, spiking(2, 3)))
    # taps at 3 y - 2, 3 y, 3 y + 2 of the channel of the group
    lines = [[2, 0, 4, 0, 0, 0, 0], [0, 1, 0, 2, 0, 4, 0], [0, 0, 0, 0, 1, 0, 2]]
    assert weights(net)[:3, :7].tolist() == lines
    assert np.array_equal(weights(net)[3:, 7:], 8 * np.array(lines)) and not weights(net)[:3, 7:].any()


@pytest.mark.parametrize(("padding", "n"), [("same", 7), ("valid", 5)])
def test_words_for_padding_count_in_one_dimension_too(read: Reader, padding: str, n: int) -> None:
    net = read(chain(input_(1, 7), conv1d(np.ones((1, 1, 3)), padding=padding), spiking(1, n)))
    assert weights(net).shape == (n, 7) and weights(net).sum(axis=1)[0] == (2 if padding == "same" else 3)


def test_the_bias_of_a_convolution_is_that_of_every_pixel_of_a_channel(read: Reader) -> None:
    node = conv2d(np.ones((2, 1, 4, 4)), bias=np.array([0.25, -1.0]))
    net = read(chain(input_(1, 4, 5), node, spiking(2, 1, 2)))
    assert np.asarray(net.populations[0].model.bias).tolist() == [0.25, 0.25, -1, -1]


@pytest.mark.parametrize(("kind", "share"), [("SumPool2d", 1.0), ("AvgPool2d", 1 / 6)])
def test_pools_are_folded_into_the_weights_behind_them(read: Reader, kind: str, share: float) -> None:
    pool = getattr(nir, kind)(np.array([2, 3]), np.array([2, 2]), np.array([0, 1]))
    net = read(chain(input_(2, 4, 5), pool, linear(3 * np.eye(12)), spiking(12)))
    kernel = np.full((2, 1, 2, 3), 3 * share)
    columns = [
        convolved(kernel, pixel.reshape(2, 4, 5), (2, 2), ((0, 0), (1, 1)), (1, 1), 2).ravel()
        for pixel in np.eye(40)
    ]
    assert weights(net) == pytest.approx(np.array(columns).T, rel=1e-12)


def test_shapes_come_from_before_where_nodes_do_not_tell_them(read: Reader) -> None:
    """A convolution without input_shape, neurons with flat parameters, then a pool."""
    nodes = [
        input_(1, 4, 4),
        conv2d(np.ones((2, 1, 1, 1)), image=(4, 4)),
        spiking(32),
        nir.Scale(np.array([2.0])),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten({"input": np.array([2, 2, 2])}, 0, -1),
        spiking(8),
    ]

    def forget(file: Any) -> None:
        del file["node/nodes/b/input_shape"]

    net = read(chain(*nodes), forget)
    pooled = weights(net, 1).reshape(2, 2, 2, 2, 4, 4)
    assert (pooled[1, 0, 1, 1, :2, 2:] == 2).all() and pooled.sum() == 8 * 4 * 2


def test_flatten_joins_the_dimensions_it_names(read: Reader) -> None:
    """[2, 2, 3, 4] with the first two joined is [4, 3, 4], as a pool needs."""
    nodes = [
        input_(2, 2, 3, 4),
        nir.Flatten({"input": np.array([2, 2, 3, 4])}, 0, 1),
        nir.SumPool2d(np.array([3, 4]), np.array([1, 1]), np.array([0, 0])),
        spiking(4),
    ]
    assert np.array_equal(weights(read(chain(*nodes))), np.repeat(np.eye(4), 12, axis=1))


def test_memory_is_linear_in_the_synapses(read: Reader) -> None:
    """Convolutions that would take 512 MB each as dense matrices."""
    weight = np.random.default_rng(1).normal(size=(8, 8, 3, 3))
    nodes = [input_(8, 32, 32), *(conv2d(weight, (32, 32), padding="same"), spiking(8, 32, 32)) * 2]
    graph = chain(*nodes)
    read(chain(input_(1), spiking(1)))  # what is loaded only once
    tracemalloc.start()
    net = read(graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    n_synapses = sum(p.n_synapses for p in net.projections)
    assert n_synapses == 2 * 64 * (3 * 32 - 2) ** 2
    assert peak < 150 * n_synapses


# scale and delay


def test_scale_multiplies_weights_and_biases_value_by_value(read: Reader) -> None:
    nodes = [
        input_(2),
        nir.Affine(np.array([[1.0, 2], [3, 4]]), np.array([1.0, 1])),
        nir.Scale(np.array([2.0, -1])),
    ]
    net = read(chain(*nodes, spiking(2)))
    assert weights(net).tolist() == [[2, 4], [-3, -4]]
    assert np.asarray(net.populations[0].model.bias).tolist() == [2, -1]


def test_delays_are_those_of_each_line_to_the_nearest_step(read: Reader) -> None:
    first, second = nir.Delay(DT_S * np.array([0, 2.4, 61.0])), waiting(1)
    net = read(chain(input_(3), first, linear([[1, 2, 4]]), second, spiking(1)))
    (p,) = net.projections
    assert p.delay_ticks.tolist() == [2, 4, 63] and p.weight.tolist() == [1, 2, 4]


def test_two_ways_of_different_delay_are_two_synapses(read: Reader, engine: str) -> None:
    nodes = {"in": input_(1), "wait": waiting(3), "if": spiking(1), "out": output(1)}
    net = read((nodes, [("in", "if"), ("in", "wait"), ("wait", "if"), ("if", "out")]))
    result = em.run(em.compile(net, em.load_chip("loihi")), 8, {"in": [(0, 0)]}, engine=engine, timing=False)
    assert result.spikes("if").tolist() == [[1, 0], [4, 0]]


def test_a_delay_on_the_way_back_adds_to_the_step_of_the_loop(read: Reader) -> None:
    nodes, edges = chain(input_(1), spiking(1))
    net = read(({**nodes, "wait": waiting(4)}, [*edges, ("b", "wait"), ("wait", "b")]))
    assert [p.delay_ticks.tolist() for p in net.projections if p.pre == "b"] == [[5]]


# neurons that do not reset, or do not fire


def test_a_threshold_looks_at_each_step_alone(read: Reader, engine: str) -> None:
    bias = np.array([0.0, -1.0, 1.0, -1.0])
    graph = chain(
        input_(3),
        nir.Affine(np.tile([[1.0, 1.0, -1.0]], (4, 1)), bias),
        nir.Threshold(np.array([1.5, 0.5, 0.5, -1.5])),
        linear(np.eye(4)),
        nir.Threshold(np.full(4, 0.5)),
    )
    net = read(graph, reset="subtract")
    raster = np.array(list(itertools.product((0, 1), repeat=3)) * 2, dtype=bool)
    program = em.compile(net, em.load_chip("loihi"))
    padded = np.pad(raster, ((0, 2), (0, 0)))
    result = em.run(program, len(padded), {"a": padded}, engine=engine, timing=False)
    known = (raster @ np.array([1.0, 1.0, -1.0]))[:, None] + bias > [1.5, 0.5, 0.5, -1.5]
    assert known.any(axis=0).all() and not known.all(axis=0).any()
    assert np.array_equal(result.raster("c")[1:-1], known)
    assert np.array_equal(result.raster("e")[2:], known)


RASTER = np.random.default_rng(5).random((24, 4)) < 0.4
WEIGHT = np.array([[1, -0.5, 0.25, 0.5], [-1, 1, -0.25, 0.75]])
BIAS = np.array([0.25, -0.125])


def leaky(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    return v + 0.25 * (0.5 - v + 4 * x)


def test_a_leaky_integrator_is_read_by_its_voltage(read: Reader, engine: str) -> None:
    node = nir.LI(np.full(2, 4 * DT_S), np.full(2, 4.0), np.full(2, 0.5))
    net = read(chain(input_(4), nir.Affine(WEIGHT, BIAS), node))
    (population,) = net.populations
    assert not population.to_host and [(p.population, p.variable) for p in net.probes] == [("c", "v")]
    v, known = np.zeros(2), []
    for x in RASTER @ WEIGHT.T + BIAS:
        known.append(v := leaky(v, x))
    assert voltages(net, RASTER, "c", engine) == pytest.approx(np.array(known), abs=1e-4)


def test_a_leaky_integrator_with_a_synapse_is_read_by_its_voltage(read: Reader, engine: str) -> None:
    parameters = {"tau_mem": 4 * DT_S, "tau_syn": 2 * DT_S, "r": 4.0, "v_leak": 0.5, "w_in": 2.0}
    node = nir.CubaLI(**{name: np.full(2, value) for name, value in parameters.items()})
    net = read(chain(input_(4), nir.Affine(WEIGHT, BIAS), node))
    i, v, known = np.zeros(2), np.zeros(2), []
    for x in RASTER @ WEIGHT.T + BIAS:
        i = i + 0.5 * (2 * x - i)
        known.append(v := leaky(v, i))
    assert voltages(net, RASTER, "c", engine) == pytest.approx(np.array(known), abs=1e-4)


def test_an_integrator_is_read_by_its_voltage_and_keeps_the_bits_of_its_weights(
    read: Reader, engine: str
) -> None:
    """Also behind a spiking layer, which runs ahead of it."""
    net = read(chain(input_(4), spiking(4), nir.Affine(WEIGHT, BIAS), nir.I(np.full(2, 2.0))))
    known = np.cumsum(2 * (RASTER @ WEIGHT.T + BIAS), axis=0)
    assert np.array_equal(voltages(net, RASTER, "d", engine), known)
    row = em.compile(net, em.load_chip("loihi")).stats["quantisation"][1]
    # the largest weight, 2, is 128 of 256 steps of 64 LSB: 1,024 spikes fit the register
    assert row["scale"] * 2 * 1024 == 2**23 and row["sqnr_db"] is None
    assert "under long excitation v stops at its upper clip" in row["notes"]
    assert not any("never fire" in note for note in row["notes"])


def test_an_integrator_without_weights_is_read_all_the_same(read: Reader, engine: str) -> None:
    node = nir.Affine(np.zeros((1, 4)), np.array([0.5]))
    net = read(chain(input_(4), node, nir.I(np.ones(1))))
    assert voltages(net, RASTER, "c", engine)[:, 0] == pytest.approx(0.5 * np.arange(1, 25), rel=1e-3)


def test_time_constants_that_float32_put_below_a_step_compile(read: Reader) -> None:
    node = nir.LI(np.array([1e-4], dtype=np.float32), np.ones(1), np.zeros(1))
    assert float(node.tau[0]) < 1e-4
    net = read(chain(input_(1), node), dt_s=1e-4)
    assert em.compile(net, em.load_chip("loihi")).stats["quantisation"][0]["reset"] == "never"


def test_a_network_of_read_outs_survives_a_file(read: Reader, tmp_path: Path) -> None:
    net = read(chain(input_(1), nir.I(np.ones(1))))
    net.save(tmp_path / "net.net")
    again = em.load_network(tmp_path / "net.net")
    assert np.isinf(again.populations[0].model.threshold).all() and len(again.probes) == 1


# whole graphs


def test_several_inputs_and_outputs_each_have_their_name(read: Reader) -> None:
    nodes = {
        "left": input_(2),
        "right": input_(3),
        "wide": linear(np.ones((2, 3))),
        "sum": spiking(2),
        "volts": nir.LI(np.full(2, DT_S), np.ones(2), np.zeros(2)),
        "spikes": output(2),
        "v": output(2),
    }
    edges = [("left", "sum"), ("right", "wide"), ("wide", "sum"), ("sum", "spikes"), ("sum", "volts")]
    net = read((nodes, [*edges, ("volts", "v")]))
    assert [(s.name, s.n) for s in net.sources] == [("left", 2), ("right", 3)]
    assert [(p.name, p.start_tick, p.to_host) for p in net.populations] == [
        ("sum", 1, True),
        ("volts", 2, False),
    ]
    assert [p.population for p in net.probes] == ["volts"]


def test_a_voltage_leaves_nested_graphs_by_their_doors(read: Reader) -> None:
    inner = nir.NIRGraph(
        {"input": input_(1), "li": nir.LI(np.full(1, DT_S), np.ones(1), np.zeros(1)), "output": output(1)},
        [("input", "li"), ("li", "output")],
        type_check=False,
    )
    net = read(({"in": input_(1), "sub": inner, "out": output(1)}, [("in", "sub"), ("sub", "out")]))
    assert [p.population for p in net.probes] == ["sub.li"]


def test_the_report_tells_the_conventions_of_each_layer(read: Reader) -> None:
    graph = chain(input_(2), spiking(2), nir.I(np.ones(2)))
    program = em.compile(read(graph, reset="subtract", integrator="exponential"), em.load_chip("loihi"))
    rows = program.stats["quantisation"]
    keys = ("name", "reset", "integrator", "dt_s", "start_tick", "n_clipped", "sqnr_db")
    assert [[row[key] for key in keys] for row in rows] == [
        ["b", "subtract", "exponential", DT_S, 1, 0, None],
        ["c", "never", "exponential", DT_S, 2, 0, None],
    ]
    text = report.program_text(program).split("Conventions")[1]
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "takes the threshold off v" in lines["b"] and "0.000976562 s" in lines["b"]
    assert "never: v is read" in lines["c"] and lines["c"].endswith("2")


# what is refused


def pool(*given: Any) -> Any:
    return nir.SumPool2d(*(np.array(value) for value in given))


IMAGE = input_(1, 4, 5)
WIDE = np.ones((2, 1, 3, 3))
REFUSED: dict[str, tuple[Callable[[], Graph], str]] = {
    "kernel too large": (
        lambda: chain(IMAGE, conv2d(WIDE, dilation=2), spiking(2)),
        r"'b' \(Conv2d\): its kernel of \[3, 3\] does not fit into images of \[4, 5\]: pad them",
    ),
    "groups that do not divide": (
        lambda: chain(IMAGE, conv2d(WIDE, groups=3), spiking(2)),
        "'b' .Conv2d.: groups 3 do not divide 2 channels out: choose a divisor",
    ),
    "three strides": (
        lambda: chain(IMAGE, conv2d(WIDE, stride=(1, 1, 1)), spiking(2)),
        r"'b' \(Conv2d\): stride \[1, 1, 1\], expected 2 integers",
    ),
    "half a dilation": (
        lambda: chain(IMAGE, conv2d(WIDE, dilation=(0.5, 1.0)), spiking(2)),
        r"'b' \(Conv2d\): dilation \[0.5, 1\], expected 2 integers",
    ),
    "negative padding": (
        lambda: chain(IMAGE, pool([2, 2], [1, 1], [-1, 0]), spiking(2)),
        r"'b' \(SumPool2d\): padding \[-1, 0\], outside 0..65536",
    ),
    "same padding with strides": (
        lambda: chain(IMAGE, conv2d(WIDE, padding="same", stride=2), spiking(2)),
        r"padding 'same' with stride \[2, 2\], of which frameworks .*: give the padding in numbers",
    ),
    "bias of a convolution": (
        lambda: chain(IMAGE, conv2d(WIDE, bias=np.ones(3)), spiking(2)),
        r"'b' \(Conv2d\): bias of shape \[3\], expected \[2\]",
    ),
    "image of another size": (
        lambda: chain(IMAGE, conv2d(WIDE, image=(5, 5)), spiking(2, 3, 3)),
        r"'a' \(Input\) gives 20 \(1 x 4 x 5\) values, node 'b' \(Conv2d\) takes 25 \(1 x 5 x 5\)",
    ),
    "pool of flat values": (
        lambda: chain(input_(20), pool([2, 2], [1, 1], [0, 0]), spiking(1)),
        r"'b' \(SumPool2d\) takes \[channels, height, width\], but 'a' gives \[20\]: export the shapes",
    ),
    "pool of nothing": (
        lambda: ({"pool": pool([2, 2], [1, 1], [0, 0]), **chain(IMAGE, spiking(20))[0]}, [
            ("a", "b"), ("pool", "b"), ("b", "out")
        ]),
        r"'pool' \(SumPool2d\) is fed by nothing: connect or remove it",
    ),
    "scale of another size": (
        lambda: chain(input_(3), nir.Scale(np.ones(2)), spiking(2)),
        r"'a' \(Input\) gives 3 values, node 'b' \(Scale\) takes 2",
    ),
    "scale of nothing": (
        lambda: chain(input_(3), nir.Scale(np.ones(0)), spiking(3)),
        r"'b' \(Scale\): parameters without values",
    ),
    "time going back": (
        lambda: chain(input_(1), waiting(-1), spiking(1)),
        r"'b' \(Delay\): delay\[0\] = -0.000976562 s, outside 0..62 steps of 0.000976562 s \(1 in all\)",
    ),
    "delay too long": (
        lambda: chain(input_(2), nir.Delay(DT_S * np.array([62, 63])), spiking(2)),
        r"'b' \(Delay\): delay\[1\] = 0.0615234 s, outside 0..62 steps .*: shorten it",
    ),
    "delays too long together": (
        lambda: chain(input_(1), waiting(40), waiting(40), spiking(1)),
        "'a' -> 'd' skips 1 layers and waits 80 steps, and a synapse delays by at most 63 ticks",
    ),
    "bias that waits": (
        lambda: chain(input_(1), nir.Affine(np.ones((1, 1)), np.array([0.5])), waiting(2), spiking(1)),
        r"'c' \(Delay\): a bias of 0.5 passes line 0, which begins 2 steps late .*put the bias behind",
    ),
    "voltage into weights": (
        lambda: chain(input_(1), nir.I(np.ones(1)), linear([[1]]), spiking(1)),
        r"'b' \(I\) feeds node 'c' \(Linear\), but it gives a voltage, .*: let an Output read it",
    ),
    "voltage into itself": (
        lambda: (chain(input_(1), nir.I(np.ones(1)))[0], [("a", "b"), ("b", "b"), ("b", "out")]),
        r"'b' \(I\) feeds node 'b' \(I\), but it gives a voltage",
    ),
    "output behind a delay": (
        lambda: chain(input_(1), spiking(1), waiting(1)),
        r"Output 'out' reads node 'c' \(Delay\), which is not spiking: end the graph with",
    ),
    "tau of a read-out": (
        lambda: chain(input_(1), nir.LI(np.zeros(1), np.ones(1), np.zeros(1))),
        r"'b' \(LI\): tau\[0\] = 0 must be above 0 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_chip_can_do_is_refused_naming_the_node(read: Reader, case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(em.DescriptionError) as caught:
        read(make())
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert len(caught.value.problems) == 1, caught.value.problems  # and nothing that only follows from it


SPOILED: dict[str, tuple[Callable[[], Graph], str, Any, str]] = {
    "stride of zero": (
        lambda: chain(IMAGE, conv2d(WIDE), spiking(2, 2, 3)),
        "b/stride",
        [0, 1],
        r"'b' \(Conv2d\): stride \[0, 1\], outside 1..65536",
    ),
    "word for padding": (
        lambda: chain(IMAGE, conv2d(WIDE), spiking(2, 2, 3)),
        "b/padding",
        "full",
        r"'b' \(Conv2d\): padding 'full': choose from same, valid, or give numbers",
    ),
    "kernel of one dimension": (
        lambda: chain(IMAGE, conv2d(WIDE), spiking(2, 2, 3)),
        "b/weight",
        np.ones((2, 3, 3)),
        r"'b' \(Conv2d\): weight of shape \[2, 3, 3\], expected \[channels out, channels in, height, width\]",
    ),
    "input_shape of three": (
        lambda: chain(IMAGE, conv2d(WIDE), spiking(2, 2, 3)),
        "b/input_shape",
        [1, 4, 5],
        r"'b' \(Conv2d\): input_shape \[1, 4, 5\], expected 2 lengths",
    ),
    "neurons of several shapes": (
        lambda: chain(input_(2), nir.LI(np.ones(2), np.ones(2), np.zeros(2))),
        "b/r",
        np.ones(3),
        r"'b' \(LI\): parameters of different shapes: tau \[2\], r \[3\], v_leak \[2\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_fields_that_make_no_sense_are_refused_naming_the_node(read: Reader, case: str) -> None:
    make, field, value, words = SPOILED[case]

    def spoil(file: Any) -> None:
        del file[f"node/nodes/{field}"]
        file[f"node/nodes/{field}"] = value

    with pytest.raises(em.DescriptionError, match=words) as caught:
        read(make(), spoil)
    assert len(caught.value.problems) == 1, caught.value.problems


def test_a_convolution_without_a_shape_says_what_it_takes(read: Reader) -> None:
    def forget(file: Any) -> None:
        del file["node/nodes/b/input_shape"]

    words = r"'b' \(Conv1d\) takes \[channels, length\], but 'a' gives \[7\]: export the shapes"
    with pytest.raises(em.DescriptionError, match=words):
        read(chain(input_(7), conv1d(np.ones((1, 1, 3))), spiking(1, 5)), forget)


def test_sizes_that_only_damage_explains_are_refused_before_memory_is_taken(read: Reader) -> None:
    huge = chain(input_(1), conv2d(np.ones((1, 1, 1, 1)), image=(4096, 8192)), spiking(1))
    with pytest.raises(
        em.DescriptionError, match=r"input_shape .*expected integers, 1..16777216 values in all"
    ):
        read(huge)
    deep = conv2d(np.ones((64, 64, 1, 1)), image=(512, 512))
    with pytest.raises(em.DescriptionError, match=r"gives \[1, 8[0-9]*, 8[0-9]*\] values, at most 16777216"):
        read(chain(IMAGE, conv2d(np.ones((1, 1, 1, 1)), padding=4096), spiking(1)))
    with pytest.raises(em.DescriptionError, match=r"1073741824 weights, limit 268435456: split its channels"):
        read(chain(input_(64, 512, 512), deep, spiking(1)))
