"""Chip files: inheritance, every refusal with file and line, hostile texts, the JSON Schema."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator.formats import yaml_tree
from emulator.formats.descriptions import MAX_BYTES

SHIPPED = Path(__file__).parents[2] / "hw_configs"
TINY = (SHIPPED / "tiny.yaml").read_text(encoding="utf-8")

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a chip file and returns its path."""

    def write(content: str | bytes, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def line_of(text: str, start: str) -> int:
    """Number of the first line that starts so, from 1."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start))


def test_the_shipped_chips_are_listed_without_the_common_part() -> None:
    loihi = ("kapoho-bay", "loihi", "loihi-spice", "loihi-wide", "nahuku32")
    assert em.chips() == (*loihi, "ns16e", "tiny", "truenorth")


@pytest.mark.parametrize("name", em.chips())
def test_a_shipped_chip_is_named_like_its_file_and_loads_by_path_too(name: str) -> None:
    chip = em.load_chip(name)
    assert chip.name == name
    assert em.load_chip(SHIPPED / f"{name}.yaml") == chip
    assert em.load_chip(str(SHIPPED / f"{name}.yaml")) == chip


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_every_number_of_a_shipped_chip_has_a_source_in_a_comment(path: Path) -> None:
    explained: list[bool] = []  # per open group: whether a comment stands at or right above its key
    above = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = re.match(r"^( *)[\w-]+:(.*)$", line)
        if entry:
            depth = len(entry[1]) // 2
            has_comment = "#" in line or above.strip().startswith("#")
            explained[depth:] = [has_comment]
            if re.match(r"^\s*-?[\d\[]", entry[2]):
                assert any(explained), f"{path.name}: {line.strip()!r} has no source"
        above = line


def test_an_unknown_chip_is_told_the_choices() -> None:
    with pytest.raises(
        em.SpecError, match=r"no chip 'loihy'; did you mean 'loihi'\? choose from kapoho-bay, loihi"
    ):
        em.load_chip("loihy")
    with pytest.raises(em.SpecError, match="no chip ''; choose from"):
        em.load_chip("")


@pytest.mark.parametrize("what", [5, None, b"loihi"])
def test_a_chip_is_a_name_or_a_path(what: Any) -> None:
    with pytest.raises(em.SpecError, match="give the name of a shipped chip or the path"):
        em.load_chip(what)


def test_the_common_part_is_not_a_chip() -> None:
    with pytest.raises(em.SpecError, match=r"loihi-common\.yaml:\d+: a common part, not a chip"):
        em.load_chip("loihi-common")


def test_a_file_inherits_a_shipped_chip_group_by_group(write: Write) -> None:
    path = write(
        "inherits: loihi\nname: mine\ndescription: a bigger one\nreal_chip: false\n"
        "mesh:\n  width: 16\n  hop_ps:\n    ns: 7000\nbarrier_ps:\n  1: 5\n"
    )
    chip, loihi = em.load_chip(path), em.load_chip("loihi")
    expected = loihi.to_dict() | {"name": "mine", "description": "a bigger one", "real_chip": False}
    expected["mesh"]["width"], expected["mesh"]["hop_ps"]["ns"], expected["barrier_ps"] = 16, 7000, {"1": 5}
    assert chip.to_dict() == expected


def test_a_file_inherits_a_file_beside_it_and_so_on(write: Write, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write("abstract: true\ninherits: tiny\nmesh:\n  width: 4\n  height: 3\n", "parts/base.yaml")
    write("inherits: base.yaml\nmesh:\n  height: 5\nname: middle\n", "parts/middle.yml")
    path = write("inherits: parts/middle.yml\nname: top\ndescription: d\nreal_chip: false\n")
    chip = em.load_chip(path)
    assert (chip.name, chip.mesh.width, chip.mesh.height, chip.cores.per_tile) == ("top", 4, 5, 2)


def test_a_chip_says_itself_what_it_is(write: Write) -> None:
    with pytest.raises(em.SpecError, match="3 problems") as caught:
        em.load_chip(write("inherits: tiny\n"))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "name",
        "description",
        "real_chip",
    ]


def test_a_circle_of_inheritance_is_refused(write: Write) -> None:
    write("# one\ninherits: b.yaml\n", "a.yaml")
    write("inherits: ./a.yaml\n", "b.yaml")
    with pytest.raises(
        em.SpecError, match=r"b\.yaml:1: inherits goes in a circle, .*a\.yaml -> .*b\.yaml -> .*a\.yaml"
    ):
        em.load_chip(write("inherits: a.yaml\n"))
    with pytest.raises(em.SpecError, match="circle"):
        em.load_chip(write("inherits: self.yaml\n", "self.yaml"))


def test_a_missing_parent_is_named_with_the_line_that_asks_for_it(write: Write) -> None:
    with pytest.raises(
        em.SpecError, match=r"mine\.yaml:2: inherits 'loihi2': no chip 'loihi2'; did you mean 'loihi'"
    ):
        em.load_chip(write("name: x\ninherits: loihi2\n"))
    with pytest.raises(
        em.SpecError, match=r"mine\.yaml:1: inherits 'gone\.yaml': .*gone\.yaml: no such file"
    ):
        em.load_chip(write("inherits: gone.yaml\n"))


def test_a_violation_is_placed_in_the_file_that_gives_the_value(write: Write) -> None:
    write("mesh:\n  width: 0\n  hop_ns: 3\nlimits:\n  axons_in: 3\n", "base.yaml")
    path = write("inherits: base.yaml\nname: x\n\nlimits:\n\n  axons_out: few\n")
    with pytest.raises(em.SpecError) as caught:
        em.load_chip(path)
    text = str(caught.value)
    assert re.search(r"base\.yaml:2: mesh\.width: 0, must be at least 1", text)
    assert re.search(r"base\.yaml:3: mesh\.hop_ns: unknown key; did you mean 'hop_ps'", text)
    assert re.search(r"mine\.yaml:6: limits\.axons_out: 'few', must be an integer", text)
    assert re.search(r"mine\.yaml:4: limits\.delay_ticks: missing", text), "in the group's nearest file"
    assert re.search(r"base\.yaml:1: mesh\.height: missing", text)
    assert re.search(r"mine\.yaml:1: description: missing", text)


# change of the text of tiny.yaml (pattern, replacement), start of the line that is to be named, words
EDITS: list[tuple[str, str, str, str]] = [
    (r"width: 2", "width: two", "width:", r"mesh\.width: 'two', must be an integer"),
    (r"width: 2", "width: 02", "width:", r"mesh\.width: '02', must be an integer"),
    (r"width: 2", "width: 0x10", "width:", r"mesh\.width: '0x10', must be an integer"),
    (r"width: 2", "width: 2e0", "width:", r"mesh\.width: 2\.0, must be an integer"),
    (r"width: 2", "width: 1:30", "width:", r"mesh\.width: '1:30', must be an integer"),
    (r"width: 2", "width:", "width:", r"mesh\.width: None, must be an integer"),
    (r"width: 2", "width: -2", "width:", r"mesh\.width: -2, must be at least 1"),
    (r"width: 2", "width: [2]", "width:", r"mesh\.width: \[2\], must be an integer"),
    (r"width: 2", "width: " + "9" * 5000, "width:", r"is not readable as int"),
    (r"hop_ps:", "hop_ns:", "hop_ns:", r"mesh\.hop_ns: unknown key; did you mean 'hop_ps'\?"),
    (r"hop_ps:", "hop_ns:", "mesh:", r"mesh\.hop_ps: missing; add a group with the keys ew, ns"),
    (r"energy_pj:", "energy_nj:", "energy_nj:", r"energy_nj: unknown key; did you mean 'energy_pj'\?"),
    (r"cycle_ps: 1", "cycle_ns: 1", "cycle_ns:", r"mesh\.cycle_ns: unknown key; did you mean 'cycle_ps'\?"),
    (r"cycle_ps: 1", "cycle_ps: 0", "cycle_ps:", r"mesh\.cycle_ps: 0, must be at least 1"),
    (r"send: 4", "send: -4", "send: -4", r"energy_pj\.send: -4, must be at least 0"),
    (r"send: 4", "send: .nan", "send: .nan", r"energy_pj\.send: nan, must be a finite number"),
    (r"send: 4", "send: .inf", "send: .inf", r"energy_pj\.send: inf, must be "),
    (r"send: 4", "send: 4 pJ", "send: 4 pJ", r"energy_pj\.send: '4 pJ', must be a number"),
    (r"real_chip: false", "real_chip: no", "real_chip:", r"real_chip: 'no', must be true or false"),
    (r"side: W", "side: E", "side:", r"host_port\.side: 'E', tile \(0, 0\) has a neighbour"),
    (r"  1: 5", "  one: 5", "one:", r"barrier_ps\.one: 'one', the key must be an integer"),
    (r"  1: 5\n", "", "barrier_ps:", r"barrier_ps: entries for \[2, 4\] tiles, 1 tile must have one"),
    (r"\[0, 6\]", "[0, 6, 3]", "index_bits:", r"index_bits\.2: 3, must be 0 or in 6\.\.12"),
    (r"domain: barrier", "domain: free", "domain:", r"domain: 'free', choose from 'barrier'"),
    (r"arbiter: round_robin", "arbiter: fair", "arbiter:", r"choose from 'round_robin', 'fixed' or 'oldest'"),
    (
        r"cores:\n  per_tile: 2",
        "cores: 2",
        "cores:",
        r"cores: 2 where there should be a group with the keys per_tile",
    ),
    (r"name: tiny", "name: tiny\nname: twice", "name: twice", r"'name' is given twice, first in line 3"),
    (
        r"  height: 2",
        "  width: 3\n  height: 2",
        "width: 3",
        r"'mesh\.width' is given twice, first in line 10",
    ),
    (r"name: tiny", "name: &x tiny\nother: *x", "other:", r"aliases are not allowed"),
    (r"name: tiny", "name: !!python/object:os.system tiny", "name:", r"tag .*python/object.* is not allowed"),
    (r"name: tiny", "name: !!int tiny", "name:", r"'tiny' is not readable as int"),
    (r"name: tiny", "? [a, b]\n: tiny", "? [a", r"a key must be plain text"),
    (r"name: tiny", "name: tiny\n  real: no", "real: no", r"not readable as YAML"),
    (r"name: tiny", "name: 'tiny", "", r"not readable as YAML"),
    (r"name: tiny", "name: tiny\n---\nname: other", "---", r"not readable as YAML: .*document"),
    (r"name: tiny", "name: ti\x07ny", "name:", r"a character that cannot be text"),
    (r"name: tiny", "name: " + "[" * 40, "name:", r"nested more than 16 deep"),
    (r"name: tiny", 'name: "\\uD800"', "name:", r"half of a surrogate pair is not allowed"),
    (r"name: tiny", 'name: "\\UFFFFFFFF"', "", r"not readable as YAML"),
    (r"name: tiny", "inherits: [a]\nname: tiny", "inherits:", r"inherits: \['a'\], must be a name or a file"),
    (r"name: tiny", "abstract: maybe\nname: tiny", "abstract:", r"abstract: 'maybe', must be true or false"),
    (r"name: tiny", '"\\e[31mred": 1\nname: tiny', '"\\e', r"'\\x1b\[31mred': unknown key"),
]


@pytest.mark.parametrize(
    ("pattern", "change", "start", "words"), EDITS, ids=[f"{e[1][:30]!r}" for e in EDITS]
)
def test_a_malformed_file_is_refused_with_its_line(
    write: Write, pattern: str, change: str, start: str, words: str
) -> None:
    text, n_changes = re.subn(pattern, lambda _: change, TINY, count=1)
    assert n_changes == 1
    path = write(text)
    with pytest.raises(em.SpecError, match=words) as caught:
        em.load_chip(path)
    problem = next(problem for problem in caught.value.problems if re.search(words, problem))
    assert problem.startswith(f"{path}:{line_of(text, start)}: " if start else f"{path}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"mine\.yaml: empty: describe a chip, or inherit one"),
        (b"# nothing\n", r"mine\.yaml: empty"),
        (b"- a\n- b\n", r"mine\.yaml:1: \['a', 'b'\] where a table of keys and values was expected"),
        (b"just words", r"'just words' where a table"),
        (b"name: caf\xe9\n", r"mine\.yaml:1: not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", r"mine\.yaml:1: not UTF-8 text"),
        (b"\x00\x00\x00\x00", r"a character that cannot be text"),
        (b"name: x\n" * (MAX_BYTES // 8 + 1), rf"bytes, limit {MAX_BYTES}"),
    ],
)
def test_what_is_no_description_at_all_is_refused(write: Write, content: bytes, words: str) -> None:
    with pytest.raises(em.SpecError, match=words):
        em.load_chip(write(content))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(em.SpecError, match=r"gone\.yaml: no such file"):
        em.load_chip(tmp_path / "gone.yaml")
    with pytest.raises(em.SpecError, match="a folder, expected a file"):
        em.load_chip(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(em.SpecError, match="a device, pipe or socket"):
        em.load_chip(tmp_path / "pipe.yaml")
    with pytest.raises(em.SpecError, match="must be the name of a file"):
        em.load_chip("a\0b.yaml")


def test_aliases_of_aliases_cost_nothing(write: Write) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(em.SpecError, match=r"mine\.yaml:2: .*aliases are not allowed"):
        em.load_chip(write(bomb))


def test_a_byte_order_mark_and_windows_lines_are_read(write: Write) -> None:
    path = write(b"\xef\xbb\xbf" + TINY.replace("\n", "\r\n").encode())
    assert em.load_chip(path) == em.load_chip("tiny")


def test_plain_numbers_are_read_as_written() -> None:
    numbers = "a: 1\nb: -3\nc: 1.5\nd: .5\ne: 2.\nf: 1e3\n"
    others = "g: true\nh: ~\ni: 'x'\nj: 010\nk: yes\nl: 1_000\nm: 2001-01-01\n"
    assert yaml_tree.parse(numbers + others, "x").data == {
        "a": 1,
        "b": -3,
        "c": 1.5,
        "d": 0.5,
        "e": 2.0,
        "f": 1000.0,
        "g": True,
        "h": None,
        "i": "x",
        "j": "010",
        "k": "yes",
        "l": "1_000",
        "m": "2001-01-01",
    }


@given(st.data())
def test_any_damage_of_a_file_is_either_harmless_or_a_spec_error(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(TINY)))
    cut = data.draw(st.integers(0, 20))
    put = data.draw(
        st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["*", "&a ", "!!", "? ", "- "])
    )
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_text(TINY[:place] + put + TINY[place + cut :], encoding="utf-8", newline="")
    try:
        chip = em.load_chip(path)
    except em.SpecError as error:
        assert str(path) in str(error)
    else:
        assert em.ChipSpec.from_dict(chip.to_dict()) == chip


def test_the_schema_knows_every_key_its_range_and_its_meaning() -> None:
    schema = em.chip_schema()
    json.dumps(schema)
    definitions = schema["$defs"]
    may_be_null = {"tick_ps", "barrier_ps", "synapse_format"}
    assert set(definitions["ChipSpec"]["required"]) == set(em.ChipSpec.model_fields) - may_be_null
    width = definitions["Mesh"]["properties"]["width"]
    assert (width["type"], width["minimum"], width["maximum"]) == ("integer", 1, 1024)
    assert width["description"] == "tiles from west to east"
    assert definitions["Mesh"]["additionalProperties"] is False
    barrier, none = definitions["ChipSpec"]["properties"]["barrier_ps"]["anyOf"]
    assert barrier["propertyNames"] == {"pattern": "^[1-9][0-9]*$"} and none == {"type": "null"}


def test_the_schema_lets_the_chips_of_a_board_be_left_out_or_null() -> None:
    definitions = em.chip_schema()["$defs"]
    for part, owner in (("", "Mesh"), ("Part", "MeshPart")):
        chip = definitions[owner]["properties"]["chip"]
        assert chip["anyOf"] == [{"$ref": f"#/$defs/ChipTiles{part}"}, {"type": "null"}]
    assert "chip" not in definitions["Mesh"]["required"]
    assert set(definitions["ChipTiles"]["required"]) == {"width", "height", "link"}
    assert "hop_chip" not in definitions["EnergyPj"]["required"]


def test_the_schema_lets_a_file_that_inherits_be_a_part() -> None:
    schema = em.chip_schema()
    assert schema["if"] == {"anyOf": [{"required": ["inherits"]}, {"required": ["abstract"]}]}
    part = schema["$defs"]["ChipSpecPart"]
    assert {"inherits", "abstract"} <= set(part["properties"]) and "required" not in part
    assert part["properties"]["mesh"]["$ref"] == "#/$defs/MeshPart"
    assert "required" not in schema["$defs"]["MeshPart"]
    assert schema["$defs"]["MeshPart"]["properties"]["hop_ps"]["$ref"] == "#/$defs/HopPsPart"
