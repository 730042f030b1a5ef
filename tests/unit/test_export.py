"""Runs in the formats of other tools: every table comes back with the numbers of the run."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.engine import Result
from emulator.engine.export import tables_of
from emulator.errors import EmulatorError, ImageError, SimulationError
from emulator.formats import save_tables
from emulator.testing.small_run import small_program, small_record

TABLES = ("spikes", "probes", "event", "core", "link", "population", "tick")
PROGRAM = small_program()
RESULT = Result(small_record(PROGRAM), PROGRAM)


def batch() -> Result:
    """Two samples of a population of three, probed in two ticks."""
    net = em.Network("two", dt_s=1e-4)
    net.add_source("in", 3)
    net.add_population("p", 3, em.LoihiCuba(vth_mant=2))
    net.add_population("unseen", 1, em.LoihiCuba(vth_mant=2, du=100), record_spikes=False)
    net.connect("in", "p", np.diag([200, 200, 200]))
    net.connect("p", "unseen", np.full((3, 1), 2))
    net.probe("unseen", "u", ticks=[2, 4])
    net.probe("p", "v", index=[2])
    raster = np.zeros((2, 6, 3), dtype=bool)
    raster[0, 0, 1] = raster[1, 1] = raster[1, 3, 0] = True
    return em.run(em.compile(net, em.load_chip("tiny")), 6, {"in": raster}, batch=2)


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_npz_holds_every_table_by_column(tmp_path: Path) -> None:
    assert RESULT.export(tmp_path / "r.npz") == [tmp_path / "r.npz"]
    with np.load(tmp_path / "r.npz") as file:
        assert {name.split(".")[0] for name in file} == {"about", *TABLES}
        assert file["spikes.population"].tolist() == ["hidden", "out"]
        assert (file["spikes.tick"].tolist(), file["spikes.index"].tolist()) == ([1, 2], [0, 0])
        # of the core: what belongs to no core, and static energy, have no place
        assert file["core.core"].tolist() == ["0", "5", "mesh and host", "static"]
        assert file["core.tile"][:2].tolist() == [0, 2] and np.isnan(file["core.tile"][2:]).all()
        assert file["event.energy_aj"].sum() == RESULT.energy.total_aj
        assert file["tick.energy_aj"].dtype == np.int64
        # probes: v of out in three ticks; u of hidden 1 in ticks 1 and 2
        found = {name: file[f"probes.{name}"].tolist() for name in ("population", "tick", "index", "value")}
        assert found["population"] == ["out"] * 3 + ["hidden"] * 2
        assert (found["tick"], found["index"]) == ([0, 1, 2, 1, 2], [0, 0, 0, 1, 1])
        assert found["value"] == [0, 0, 0, 1920, 0]
        assert json.loads(str(file["about"]))["image_digest"] == PROGRAM.image.digest


def test_json_says_the_same(tmp_path: Path) -> None:
    RESULT.export(tmp_path / "r.json")
    told = json.loads((tmp_path / "r.json").read_text())
    assert list(told["tables"]) == list(TABLES)
    assert told["tables"]["spikes"] == {
        "sample": [0, 0],
        "tick": [1, 2],
        "population": ["hidden", "out"],
        "index": [0, 0],
    }
    assert sum(told["tables"]["link"]["energy_aj"]) == RESULT.energy.total_aj
    assert told["tables"]["core"]["core"][:2] == [0, 5] and told["tables"]["core"]["tile"][2] is None
    assert told["about"]["chip"] == "tiny" and told["about"]["engine"] is None


def test_csv_takes_a_file_for_each_table(tmp_path: Path) -> None:
    paths = RESULT.export(tmp_path / "r.csv")
    assert [path.name for path in paths] == [f"r.{table}.csv" for table in TABLES]
    rows = read_csv(tmp_path / "r.population.csv")
    assert [row["population"] for row in rows] == ["in", "hidden", "out", "no population", "static"]
    assert sum(int(row["energy_aj"]) for row in rows) == RESULT.energy.total_aj
    assert rows[-1]["spikes"] == "" and rows[1]["spikes"] == "1"
    assert RESULT.export(tmp_path / "one.csv", tables=["spikes"]) == [tmp_path / "one.csv"]
    assert [row["population"] for row in read_csv(tmp_path / "one.csv")] == ["hidden", "out"]


def test_a_batch_is_told_sample_by_sample(tmp_path: Path) -> None:
    result = batch()
    result.export(tmp_path / "b.csv", tables=["spikes", "probes"])
    spikes = [tuple(row.values()) for row in read_csv(tmp_path / "b.spikes.csv")]
    expected = [(str(s), str(t), "p", str(i)) for s, t, i in result.spikes("p").tolist()]
    assert spikes == expected and len(spikes) == 5
    probes = read_csv(tmp_path / "b.probes.csv")
    seen = {(r["sample"], r["tick"], r["population"], r["index"]): int(r["value"]) for r in probes}
    assert len(seen) == 2 * 2 + 2 * 6
    assert seen["1", "4", "unseen", "0"] == result.probe("unseen", "u")[1, 1, 0] != 0
    assert seen["1", "4", "p", "2"] == result.probe("p", "v")[1, 4, 0]


def test_parquet_tables_are_typed(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="takes the extra 'parquet'")
    paths = batch().export(tmp_path / "r.parquet")
    assert len(paths) == len(TABLES)
    spikes, cores = (parquet.read_table(tmp_path / f"r.{name}.parquet") for name in ("spikes", "core"))
    assert {field.name: str(field.type) for field in spikes.schema} == {
        "sample": "int64",
        "tick": "int64",
        "population": "string",
        "index": "int64",
    }
    assert sum(cores["energy_aj"].to_pylist()) == batch().energy.total_aj
    assert cores["tile"].to_pylist()[-1] is None
    assert json.loads(cores.schema.metadata[b"spikemesh"])["network"] == "two"


def test_neo_gets_a_segment_per_sample_and_a_train_per_neuron() -> None:
    neo = pytest.importorskip("neo", reason="takes the extra 'neo'")
    result = batch()
    block = result.to_neo()
    assert isinstance(block, neo.Block) and block.name == "two" and len(block.segments) == 2
    for sample, segment in enumerate(block.segments):
        assert [train.name for train in segment.spiketrains] == ["p[0]", "p[1]", "p[2]"]
        for index, train in enumerate(segment.spiketrains):
            own = result.spikes("p")
            ticks = own[(own[:, 0] == sample) & (own[:, 2] == index), 1]
            assert np.allclose(train.rescale("s").magnitude, ticks * 1e-4)
            assert float(train.t_stop.rescale("s")) == pytest.approx(6e-4)
        (signal,), (irregular,) = segment.analogsignals, segment.irregularlysampledsignals
        assert np.array_equal(signal.magnitude, result.probe("p", "v")[sample])
        assert float(signal.sampling_period.rescale("s")) == pytest.approx(1e-4)
        assert np.allclose(irregular.times.rescale("s").magnitude, [2e-4, 4e-4])


@pytest.mark.parametrize("dt_s", [1e-4, 1e-3, 0.1, 1 / 3, 7e-5])
@pytest.mark.parametrize("n_ticks", [0, 1, 3, 6, 29, 49])
def test_nir_data_grid_back_into_the_raster(dt_s: float, n_ticks: int) -> None:
    pytest.importorskip("nir", reason="takes the extra 'nir'")
    net = em.Network("n", dt_s=dt_s)
    net.add_source("in", 4, em.Poisson(0.5 / dt_s))
    net.add_population("p", 4, em.LoihiCuba(vth_mant=2))
    net.connect("in", "p", np.diag([200] * 4))
    result = em.run(em.compile(net, em.load_chip("tiny")), n_ticks, batch=2, seed=3)
    data = result.to_nir_data().nodes["p"].observables["spikes"]
    assert (data.n_samples, data.n_neurons) == (2, 4)
    assert np.array_equal(data.to_time_gridded(dt_s).data, result.raster("p"))


def test_nir_files_are_read_by_nir(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir", reason="takes the extra 'nir'")
    result = batch()
    assert result.export(tmp_path / "r.nir") == [tmp_path / "r.nir"]
    found = nir.read_data(tmp_path / "r.nir").nodes["p"].observables["spikes"]
    assert np.array_equal(found.to_time_gridded(1e-4).data, result.raster("p"))
    with pytest.raises(SimulationError, match=r"NIR data are spikes, asked for core: choose .npz or .csv"):
        result.export(tmp_path / "x.nir", tables=["core"])


@pytest.mark.parametrize(
    ("module", "extra", "export"),
    [
        ("pyarrow", "parquet", lambda path: RESULT.export(path / "r.parquet")),
        ("neo", "neo", lambda path: RESULT.to_neo()),
        ("nir", "nir", lambda path: RESULT.export(path / "r.nir")),
    ],
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str, export: Any
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EmulatorError, match=rf"need the extra '{extra}': pip install 'spikemesh\[{extra}\]'"):
        export(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_old_nir_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    nir = pytest.importorskip("nir", reason="takes the extra 'nir'")
    monkeypatch.delattr(nir, "NIRGraphData")
    with pytest.raises(SimulationError, match=r"has no NIRGraphData, 1.0.8 has: update it"):
        RESULT.to_nir_data()


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no format for the ending '.xls': choose from .npz, .csv, .json"):
        RESULT.export(tmp_path / "r.xls")
    with pytest.raises(SimulationError, match="table 'spike': choose from spikes, probes, event, core"):
        RESULT.export(tmp_path / "r.csv", tables=["spike"])


def test_columns_keep_one_type_and_say_what_is_missing(tmp_path: Path) -> None:
    columns = {
        "huge": [2**63, 1],  # beyond 64 bits: floats
        "mixed": [1, "a"],
        "some": [None, 2],
        "none": [None, None],
        "text": ["x,y", None],
    }
    save_tables(tmp_path / "t.npz", {"t": columns}, {})
    with np.load(tmp_path / "t.npz") as file:
        assert file["t.huge"].tolist() == [float(2**63), 1.0]
        assert file["t.mixed"].tolist() == ["1", "a"]
        assert np.isnan(file["t.some"][0]) and file["t.some"][1] == 2
        assert np.isnan(file["t.none"]).all()
        assert file["t.text"].tolist() == ["x,y", ""]
    save_tables(tmp_path / "t.csv", {"t": columns}, {})
    assert read_csv(tmp_path / "t.csv")[0]["text"] == "x,y"
    assert read_csv(tmp_path / "t.csv")[0]["huge"] == str(2**63)


def test_a_run_without_spikes_or_probes_is_exported_too(tmp_path: Path) -> None:
    net = em.Network("mute")
    net.add_population("p", 1, em.LoihiCuba(), record_spikes=False)
    result = em.run(em.compile(net, em.load_chip("tiny")), 0)
    result.export(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        assert file["spikes.tick"].shape == (0,) and file["spikes.tick"].dtype == np.int64
    result.export(tmp_path / "m.csv")
    assert (tmp_path / "m.spikes.csv").read_text().splitlines() == ["sample,tick,population,index"]
    whole = tables_of(RESULT, ["tick"])["tick"]
    assert (tmp_path / "m.tick.csv").read_text().splitlines() == [",".join(whole)]
