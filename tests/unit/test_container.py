"""The container: what goes in comes out, and nothing else is ever taken for a file of ours."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emulator.errors import ImageError
from emulator.formats import container, files
from emulator.formats.files import read_whole, write_atomic

CONTENT: dict[str, Any] = {"name": "x", "n": 3, "table": np.arange(6, dtype=np.int16).reshape(2, 3)}


def written(path: Path, content: dict[str, Any] | None = None) -> bytes:
    container.write(path, "network", 1, CONTENT if content is None else content)
    return path.read_bytes()


def unpacked(data: bytes) -> dict[str, Any]:
    return container.unpack(data, "f", "network", 1)


def sealed(
    description: bytes, arrays: bytes = b"", *, kind: bytes = b"network", version: int = 1, **claims: int
) -> bytes:
    """A file made by hand from the layout in the container's docstring, with a right checksum."""
    padded = description + bytes(-len(description) % 16)
    n_bytes = claims.get("n_bytes", 64 + len(padded) + len(arrays) + 32)
    n_description = claims.get("n_description", len(description))
    header = b"\x89SPKM\r\n\x1a" + struct.pack("<H22sQQ", version, kind, n_description, n_bytes) + bytes(16)
    body = header + padded + arrays
    return body + hashlib.sha256(body).digest()


def array_of(dtype: Any, shape: Any, coding: Any, n_stored: Any, code: int = 1) -> bytes:
    """A description whose only field is an array with these claims."""
    return msgpack.packb({"a": msgpack.ExtType(code, msgpack.packb([dtype, shape, coding, n_stored]))})


def assert_equal(left: Any, right: Any) -> None:
    if isinstance(left, np.ndarray):
        assert right.dtype == left.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_equal(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_equal(a, b)
    else:
        assert left == right and type(left) is type(right)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | hnp.arrays(
        st.sampled_from(container.DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    )
)
contents = st.dictionaries(
    st.text() | st.integers(-(2**63), 2**63 - 1),
    st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(contents)
def test_a_content_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    container.write(path, "record", 1, content)
    assert_equal(content, container.read(path, "record", 1))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(10**6, dtype=np.int32),
        np.arange(10**5),
        np.random.default_rng(0).normal(size=10**5),
        np.tile(np.arange(100, dtype=np.uint8), 10**4),
    ],
    ids=["zeros", "counting", "noise", "repeating"],
)
def test_large_arrays_come_back_and_never_inflate_beyond_the_ratio(tmp_path: Path, array: np.ndarray) -> None:
    data = written(tmp_path / "f", {"array": array})
    assert_equal(array, unpacked(data)["array"])
    assert array.nbytes <= 16 * len(data)


def test_a_large_repetitive_array_is_compressed(tmp_path: Path) -> None:
    array = np.ones(10**6, dtype=np.int64)
    assert len(written(tmp_path / "f", {"array": array})) < array.nbytes / 10


def test_arrays_in_other_orders_are_stored_by_value(tmp_path: Path) -> None:
    plain = np.arange(12, dtype=np.int32).reshape(3, 4)
    odd = {
        "fortran": np.asfortranarray(plain),
        "big endian": plain.astype(">i4"),
        "strided": np.repeat(plain, 2, 1)[:, ::2],
    }
    for name, array in unpacked(written(tmp_path / "f", odd)).items():
        assert_equal(plain, array)
        assert array.flags.aligned and not array.flags.writeable, name


def test_numpy_scalars_and_tuples_become_plain(tmp_path: Path) -> None:
    found = unpacked(
        written(tmp_path / "f", {"a": np.int64(3), "b": (1, np.float32(0.5)), "c": np.bool_(True)})
    )
    assert_equal({"a": 3, "b": [1, 0.5], "c": True}, found)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "f") == written(tmp_path / "g")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), r"content\.x is a object"),
        ({1.5: 2}, r"content\.x has the key 1.5"),
        ({True: 2}, r"content\.x has the key True"),
        ([0, {"y": 1j}], r"content\.x\[1\]\.y is a complex"),
        (2**64, r"content\.x has the integer 18446744073709551616"),
        ({-(2**63) - 1: 0}, r"content\.x has the integer"),
        ("\ud800", "network holds what no file can"),
        (np.array([None]), r"content\.x is an array of object"),
        (np.zeros(2, dtype=bool), r"content\.x is an array of bool"),
        (np.zeros((1,) * 5), "5 axes"),
        (b"bytes", r"content\.x is a bytes"),
        ([None] * (2**20 + 1), r"content\.x has 1048577 entries, limit 1048576"),
    ],
)
def test_what_a_file_cannot_hold_is_named(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        written(tmp_path / "f", {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_a_file_truncated_at_any_byte_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "f")
    for length in range(len(data)):
        (tmp_path / "f").write_bytes(data[:length])
        with pytest.raises(ImageError, match=r"truncated|it is empty") as caught:
            container.read(tmp_path / "f", "network", 1)
        assert str(tmp_path / "f") in str(caught.value)


def test_a_file_with_any_bit_flipped_is_refused(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "f"))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ImageError, match=r"damaged|not a file|truncated|follow its end"):
            unpacked(bytes(data))
        data[bit // 8] ^= 1 << bit % 8
    assert_equal(CONTENT, unpacked(bytes(data)))


def test_the_layout_is_the_documented_one() -> None:
    array = msgpack.ExtType(1, msgpack.packb(["int16", [3], 0, 6]))
    data = sealed(msgpack.packb({"a": array, "b": "x"}), struct.pack("<3h", 1, -2, 3) + bytes(10))
    assert_equal({"a": np.array([1, -2, 3], dtype=np.int16), "b": "x"}, unpacked(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + bytes(200), "not a file of spikemesh"),
        (sealed(b"\x80") + b"\n", "1 bytes follow its end"),
        (sealed(b"\x80", kind=b"program"), "holds a program, expected a network: read it with load_program"),
        (sealed(b"\x80", kind=b"\xff\xfe"), "of no kind this release knows"),
        (sealed(b"\x80", version=2), "schema version 2 of network, this release reads 1: update"),
        (sealed(b"\x80", version=0), "schema version 0 .* write it again"),
        (sealed(b"\x80", n_description=2**63), "claims 9223372036854775808 bytes"),
        (sealed(b"\x80", n_bytes=2**60), "truncated"),
        (sealed(b"\x90"), "a list, expected a map"),
        (sealed(b"\x80\x80"), "cannot be decoded"),
        (sealed(b"\xc1"), "cannot be decoded"),
        (sealed(b""), "cannot be decoded"),
        (sealed(b"\x91" * 5000), "cannot be decoded"),
        (sealed(b"\xdd\xff\xff\xff\xff" * 20), "cannot be decoded"),
        (sealed(b"\x81\xa1\xff\x01"), "cannot be decoded"),
        (sealed(b"\x81\xc0\x01"), "key of its description is a NoneType"),
        (sealed(b"\x81\x90\x01"), "key of its description is a list|cannot be decoded"),
        (sealed(b"\x82\xa1a\x01\xa1a\x02"), "holds a key twice"),
        (sealed(array_of("int8", [4], 0, 4, code=7), bytes(16)), "unknown type 7"),
        (sealed(array_of("object", [4], 0, 4), bytes(16)), "dtype 'object', allowed are"),
        (sealed(array_of(["int8"], [4], 0, 4), bytes(16)), "dtype"),
        (sealed(array_of("int8", [4, -1], 0, 4), bytes(16)), "shape"),
        (sealed(array_of("int8", [1] * 5, 0, 1), bytes(16)), "shape"),
        (sealed(array_of("int8", 4, 0, 4), bytes(16)), "shape"),
        (sealed(array_of("int8", [True], 0, 1), bytes(16)), "shape"),
        (sealed(array_of("int8", [0, 2**39, 2**39], 0, 0)), "cannot be decoded|shape"),
        (sealed(array_of("int8", [4], 2, 4), bytes(16)), "coding 2"),
        (sealed(array_of("int8", [4], 0, 5), bytes(16)), "4 bytes is stored in 5"),
        (sealed(array_of("int8", [4], 0, 400), bytes(16)), "claims 400 bytes, 16 are left"),
        (sealed(array_of("int8", [4], 0, 4), b"1234"), "ends without its padding"),
        (sealed(array_of("int8", [4], 0, 4), bytes(32)), "16 bytes belong to no array"),
        (
            sealed(array_of("int8", [2**35], 1, 16), bytes(16)),
            "claims 34359738368 bytes from 16, limit 16 to 1",
        ),
        (sealed(array_of("int8", [9], 1, 16), bytes(16)), "cannot be inflated"),
        (
            sealed(array_of("int8", [9], 1, 16), zlib.compress(bytes(8)).ljust(16, b"\0")),
            "another length than 9",
        ),
        (
            sealed(array_of("int8", [7], 1, 16), zlib.compress(bytes(8)).ljust(16, b"\0")),
            "another length than 7",
        ),
        (sealed(array_of("int8", [9], 1, 0)), "from 0, limit"),
    ],
)
def test_a_forged_file_with_a_right_checksum_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        unpacked(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=32))
def test_no_bytes_under_a_right_checksum_do_worse_than_an_error(description: bytes, arrays: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert isinstance(unpacked(sealed(description, arrays)), dict)


def test_a_list_longer_than_the_limit_is_refused() -> None:
    n = 2**20 + 1
    with pytest.raises(ImageError, match="cannot be decoded"):
        unpacked(sealed(b"\x81\xa1a\xdd" + n.to_bytes(4, "big") + b"\xc0" * n))


def test_a_small_file_cannot_take_much_memory() -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    nested = sealed(b"\xdd\x00\x0f\xff\xff" * 200)  # lists in lists, each of which claims a million entries
    bomb = zlib.compress(bytes(10**8), 9)
    arrays = bomb + bytes(-len(bomb) % 16)
    inflating = sealed(array_of("int8", [16 * len(bomb)], 1, len(bomb)), arrays)
    for data, limit in ((nested, 2**31), (inflating, 40 * len(inflating))):
        tracemalloc.start()
        with pytest.raises(ImageError):
            unpacked(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit


# files


def test_a_write_replaces_the_old_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with open(path, "rb") as reader:  # whoever reads the old file goes on reading the old file
        write_atomic(path, b"new ", memoryview(b"file"))
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new file"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_link_goes_on_pointing_at_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "file system is read-only"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_failing_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(ImageError, match=words) as caught:
        write_atomic(path, b"new")
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full refuses every byte as a full disk does."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 (closed by the code under test)
    monkeypatch.setattr(files, "open", lambda path, mode: full, raising=False)
    with pytest.raises(ImageError, match="disk is full: free some space"):
        write_atomic(tmp_path / "f", b"x" * 10**6)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "f", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_flushed_does_not_fail_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any) -> int:
        if Path(path) == tmp_path:
            raise OSError(errno.EINVAL, "no such thing here")
        return real(path, flags, *rest)

    monkeypatch.setattr(files.os, "open", refuse)
    write_atomic(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"


def test_bad_targets_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "read-only").write_bytes(b"old")
    (tmp_path / "read-only").chmod(0o444)
    (tmp_path / "plain").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    cases = {
        str(tmp_path / "missing" / "f"): "folder does not exist: create it",
        str(tmp_path / "plain" / "f"): "is a file, not a folder",
        str(tmp_path): "a folder, give the name of a file",
        str(tmp_path / "pipe"): "a device, pipe or socket",
        str(tmp_path / "read-only"): "read-only, make it writable",
        str(tmp_path / ("x" * 300)): "name is too long",
        "": "must be the name of a file",
        "a\0b": "must be the name of a file",
    }
    for path, words in cases.items():
        with pytest.raises(ImageError, match=words):
            write_atomic(path, b"new")
    with pytest.raises(ImageError, match="path 3: must be a string"):
        write_atomic(3, b"new")  # type: ignore[arg-type]
    assert (tmp_path / "read-only").read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["pipe", "plain", "read-only"]


def test_only_sound_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"12345")
    cases = {
        "missing": "no such file: check the path",
        "pipe": "a device, pipe or socket, expected a file",
        "": "a folder, expected a file",
        "large/f": "cannot be read",
        "large": "5 bytes, limit 4",
        "x" * 300: "cannot be read",
    }
    for name, words in cases.items():
        with pytest.raises(ImageError, match=words):
            read_whole(tmp_path / name, 4)


def test_two_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    texts = [letter * 10**5 for letter in (b"a", b"b")]
    writers = [
        threading.Thread(target=lambda text=text: [write_atomic(path, text) for _ in range(20)])
        for text in texts
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in texts
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
