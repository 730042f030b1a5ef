"""Stimuli as numpy files: rasters and events by source name, never objects, never more memory than bytes."""

from __future__ import annotations

import dataclasses
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import EmulatorError, ImageError, SimulationError
from emulator.formats import load_stimulus, stimuli
from emulator.program import Part, Program
from emulator.testing.small_run import small_program


@pytest.fixture(scope="module")
def one_source() -> Program:
    """Its source `in` has two inputs."""
    return small_program()


@pytest.fixture(scope="module")
def two_sources(one_source: Program) -> Program:
    """Sources `left` and `right` of one input each."""
    sources = (Part("left", "source", np.array([0])), Part("right", "source", np.array([1])))
    parts = (*sources, *one_source.symbols.populations)
    return dataclasses.replace(one_source, symbols=dataclasses.replace(one_source.symbols, parts=parts))


RASTER = np.array([[True, False], [False, True], [True, True]])
EVENTS = np.array([[0, 1], [2, 0]], dtype=np.int32)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", ">i4", "int64", "uint64"])
def test_events_of_any_integer_come_back_as_int64(tmp_path: Path, one_source: Program, dtype: str) -> None:
    np.savez(tmp_path / "s.npz", **{"in": EVENTS.astype(dtype)})
    found = load_stimulus(tmp_path / "s.npz", one_source)["in"]
    assert found.dtype == np.int64 and found.tolist() == EVENTS.tolist()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "array", [RASTER, np.stack([RASTER, ~RASTER]), np.asfortranarray(RASTER), RASTER[:0]]
)
def test_a_raster_comes_back_as_it_was(
    tmp_path: Path, one_source: Program, save: Any, array: np.ndarray
) -> None:
    save(tmp_path / "s.npz", **{"in": array})
    found = load_stimulus(tmp_path / "s.npz", one_source)["in"]
    assert found.dtype == np.bool_ and np.array_equal(found, array)


def test_a_npy_file_feeds_the_only_source(tmp_path: Path, one_source: Program) -> None:
    np.save(tmp_path / "s.npy", RASTER)
    assert np.array_equal(load_stimulus(str(tmp_path / "s.npy"), one_source)["in"], RASTER)


def test_a_batch_of_events_has_a_leading_column(tmp_path: Path, two_sources: Program) -> None:
    events = np.array([[0, 0, 0], [5, 2, 0]])
    np.savez(tmp_path / "s.npz", left=events, right=np.zeros((6, 3, 1), dtype=bool))
    assert load_stimulus(tmp_path / "s.npz", two_sources)["left"].tolist() == events.tolist()


def test_a_source_may_be_left_out(tmp_path: Path, two_sources: Program) -> None:
    np.savez(tmp_path / "s.npz", right=np.zeros((0, 2), dtype=int))
    assert list(load_stimulus(tmp_path / "s.npz", two_sources)) == ["right"]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            RASTER[:, :1],
            r"source 'in': raster of shape \[3, 1\], expected \[n_ticks, 2\] or \[n_samples, n_ticks, 2\]",
        ),
        (RASTER[0], r"raster of shape \[2\]"),
        (RASTER.astype(float), "dtype float64, expected bool .a raster. or integers .events."),
        (np.zeros((3, 4), dtype=int), r"events of shape \[3, 4\], expected .* a raster must be bool"),
        (np.zeros(3, dtype=int), r"events of shape \[3\]"),
        (np.array(5), r"events of shape \[\]"),
        (np.array([[0, 2]]), "event 0 has index 2, outside 0..1"),
        (np.array([[-1, 0]]), "negative"),
        (np.array([[2**63, 0]], dtype=np.uint64), "overlong"),
        (np.array([["a", "b"]]), "dtype <U1, expected bool"),
        (np.array([[0, 1]], dtype=complex), "dtype complex128, expected bool"),
        (np.zeros(2, dtype=[("tick", int), ("index", int)]), "expected bool"),
    ],
)
def test_an_array_that_fits_no_source_is_refused(
    tmp_path: Path, one_source: Program, array: np.ndarray, words: str
) -> None:
    np.savez(tmp_path / "s.npz", **{"in": array})
    with pytest.raises(EmulatorError, match=words) as caught:
        load_stimulus(tmp_path / "s.npz", one_source)
    assert str(tmp_path / "s.npz") in str(caught.value)


def test_all_arrays_that_are_wrong_are_listed_at_once(tmp_path: Path, two_sources: Program) -> None:
    np.savez(tmp_path / "s.npz", left=np.zeros(3, dtype=int), right=RASTER, labels=np.arange(3))
    with pytest.raises(SimulationError, match="3 problems") as caught:
        load_stimulus(tmp_path / "s.npz", two_sources)
    assert "no source 'labels' in the program; it has 'left', 'right'" in str(caught.value)


def test_arrays_with_and_without_samples_do_not_mix(tmp_path: Path, two_sources: Program) -> None:
    np.savez(tmp_path / "s.npz", left=np.zeros((2, 3, 1), dtype=bool), right=np.zeros((1, 2), dtype=int))
    with pytest.raises(
        SimulationError, match="either all arrays have a sample axis or none: 'left' has one, 'right' lacks"
    ):
        load_stimulus(tmp_path / "s.npz", two_sources)


def test_a_npy_file_for_two_sources_is_refused(tmp_path: Path, two_sources: Program) -> None:
    np.save(tmp_path / "s.npy", RASTER)
    with pytest.raises(SimulationError, match=r"is for one source, the program has 2 \('left', 'right'\)"):
        load_stimulus(tmp_path / "s.npy", two_sources)


def test_other_files_are_refused(tmp_path: Path, one_source: Program) -> None:
    (tmp_path / "s.csv").write_text("0,1\n")
    (tmp_path / "s.npz").write_text("0,1\n")
    (tmp_path / "s.npy").write_text("0,1\n")
    (tmp_path / "empty.npy").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    cases = {
        "s.csv": (ImageError, r"\.csv suffix, choose from \.npz, \.npy"),
        "s.npz": (ImageError, "not a sound .npz file"),
        "s.npy": (ImageError, "not a sound .npy file"),
        "empty.npy": (ImageError, "not a sound .npy file"),
        "empty.npz": (SimulationError, "holds no array"),
        "missing.npz": (ImageError, "no such file"),
    }
    for name, (kind, words) in cases.items():
        with pytest.raises(kind, match=words):
            load_stimulus(tmp_path / name, one_source)


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (open, ("trapped", "w"))


def test_objects_are_never_unpickled(
    tmp_path: Path, one_source: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("s.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez("s.npz", **{"in": np.array([Trap()], dtype=object)})
    Path("p.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("s.npy", "s.npz", "p.npy"):
        with pytest.raises(ImageError, match=r"dtype object, expected|not a sound"):
            load_stimulus(name, one_source)
    assert not Path("trapped").exists()


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A .npy file with any header."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1000000000000, 2)}"),
            "takes 2000000000129 bytes",
        ),
        (npy("{'descr': '|b1', 'fortran_order': False, 'shape': (-1, -2)}", b"ab"), "not a sound|takes"),
        (
            npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2)}", b"abc"),
            "takes 131 bytes, the file has 132",
        ),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04N."), "dtype object"),
        (npy("{'descr': '|b1', 'shape': (1, 2)}", b"ab"), "not a sound .npy file"),
        (npy("__import__('os')"), "not a sound .npy file"),
        (npy("{'shape': ("), "not a sound .npy file"),
        (
            npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2)}", b"ab", b"\x03\x00"),
            r"version \(3, 0\), choose",
        ),
        (
            npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2)}", b"ab", b"\x09\x00"),
            "version|not a sound",
        ),
    ],
)
def test_a_forged_npy_file_is_refused(tmp_path: Path, one_source: Program, data: bytes, words: str) -> None:
    (tmp_path / "s.npy").write_bytes(data)
    with pytest.raises(ImageError, match=words):
        load_stimulus(tmp_path / "s.npy", one_source)


def zipped(*members: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, one_source: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stimuli, "MAX_BYTES", 10**6)
    (tmp_path / "s.npz").write_bytes(zipped(("in.npy", bytes(10**7))))
    with pytest.raises(ImageError, match="unpacks to 10000000 bytes, limit 1000000: give events"):
        load_stimulus(tmp_path / "s.npz", one_source)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_odd_zip_files_are_refused(tmp_path: Path, one_source: Program) -> None:
    buffer = io.BytesIO()
    np.save(buffer, RASTER)
    array = buffer.getvalue()
    cases = (
        (zipped(("in.npy", array), ("in.npy", array)), "holds an array twice"),
        (zipped(("in.npy", array), ("in", array)), "holds an array twice"),
        (zipped(("in.npy", array), packing=zipfile.ZIP_LZMA), "packed in a way numpy does not"),
        (zipped(("in.npy", array[:-1])), "takes"),
    )
    for data, words in cases:
        (tmp_path / "s.npz").write_bytes(data)
        with pytest.raises(ImageError, match=words):
            load_stimulus(tmp_path / "s.npz", one_source)


def archive_bytes() -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **{"in": RASTER})
    return out.getvalue()


DATA = archive_bytes()


@settings(max_examples=300)
@given(st.integers(0, 8 * len(DATA) - 1))
def test_a_flipped_bit_never_does_worse_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, one_source: Program, bit: int
) -> None:
    data = bytearray(DATA)
    data[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(data)
    try:
        found = load_stimulus(path, one_source)
    except EmulatorError:
        return
    assert np.array_equal(found["in"], RASTER)  # the bit was in a field that nobody reads


def test_a_file_truncated_at_any_byte_is_refused(tmp_path: Path, one_source: Program) -> None:
    np.save(tmp_path / "whole.npy", RASTER)
    for suffix, data in ((".npz", DATA), (".npy", (tmp_path / "whole.npy").read_bytes())):
        for length in range(len(data)):
            (tmp_path / f"s{suffix}").write_bytes(data[:length])
            with pytest.raises(ImageError):
                load_stimulus(tmp_path / f"s{suffix}", one_source)
