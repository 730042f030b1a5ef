"""Figures of README.md and the rows of RESULTS.md that they come from.

`SAID` holds every measured figure: its words there, the number in them, and the row that measures it. Counts
at the prices of chip files must be the row's value to the digits that README.md gives; times of a machine are
told beside each other only, since another machine has others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from results import Row

README = Path(__file__).resolve().parent.parent / "README.md"
Pick = Literal["only", "least", "most"]


@dataclass(frozen=True)
class Said:
    """A figure of README.md."""

    words: str  # as they stand there, whatever the line breaks
    number: str  # of these words
    benchmark: str
    figure: str  # regular expression; matches the whole name of the row, or of several
    pick: Pick = "only"
    factor: float = 1.0  # README's unit by the row's
    how: Literal["equal", "at most", "at least", "time"] = "equal"

    @property
    def value(self) -> float:
        return float(self.number.replace(",", ""))

    @property
    def tolerance(self) -> float:
        """Half of the last digit that is given; of 139,000 the last one that is not 0."""
        digits = self.number.replace(",", "")
        if "." in digits:
            return float(0.5 * 10.0 ** -len(digits.partition(".")[2]))
        return float(0.5 * 10.0 ** (len(digits) - len(digits.rstrip("0")) if float(digits) else 0))


SOUND, SPIKES, PAYS = "soundloc", "energy-vs-spikes", "energy-vs-neurons: loihi pays below, against tpu-sram"
ALL_MOVED = r"local-memory: .*, clocked, batch 1, weights off_chip: moving them"
IN_CORE = r"local-memory: .*, event-driven, loihi, weights near: moving them"
LATENCY = r".* depth (8|16): latency (below 70 % load|at 70 to 90 % load), worst error"
THROUGHPUT = r".* depth (8|16): throughput in overload, error"  # of 2 and 4 BookSim2's ports bind
FAST, LARGE, MIXED = "10k-1000, delay 1", "50k-1000, delay 1", "50k-1000, delay 1-16"
EVENTS = ": emulator: synaptic events per second"

SAID = (
    Said("right direction | 86.7 %", "86.7", "networks", f"{SOUND}: right"),
    Said("| 86.7 % | 86.5 % |", "86.5", "networks", f"{SOUND}: right in floats"),
    Said("mean angular error | 4.23°", "4.23", "networks", f"{SOUND}: mean error"),
    Said("| 4.23° | 4.25° |", "4.25", "networks", f"{SOUND}: mean error in floats"),
    Said("source framework | 93.9 %", "93.9", "networks", f"{SOUND}: same answer as the source framework"),
    Said("139,000 synaptic operations", "139,000", "networks", f"{SOUND}: synaptic operations"),
    Said("5.3 µJ of dynamic energy", "5.3", "networks", f"{SOUND}: dynamic energy of an inference"),
    Said("69 µJ of the whole chip", "69", "networks", f"{SOUND}: static energy of an inference"),
    Said("0.67 ms for 100 ms of sound", "0.67", "networks", f"{SOUND}: latency, half are within"),
    Said("99 % are within 0.68 ms", "0.68", "networks", f"{SOUND}: latency, 99 % are within"),
    Said("right in 86.9 or", "86.9", "networks", f"{SOUND}, weights of 6 bits: right"),
    Said("or 86.1 %", "86.1", "networks", f"{SOUND}, weights of 4 bits: right"),
    Said("7.06 nJ a spike on `loihi`", "7.06", "claims", f"{SPIKES}: loihi: a spike"),
    Said("286 pJ on `truenorth`", "286", "claims", f"{SPIKES}: truenorth: a spike", factor=1000),
    Said("R² above 0.9999", "0.0001", "claims", f"{SPIKES}: .*: 1 - R2 of the line", "most", how="at most"),
    Said("exactly 0 J without", "0", "claims", f"{SPIKES}: .*: transmission without spikes", "most"),
    Said("below 0.14 spikes", "0.14", "claims", f"{PAYS}, batch 1"),
    Said("below 0.005 at its best batch", "0.005", "claims", f"{PAYS}, best batch"),
    Said("it never does at that batch", "0", "claims", f"{PAYS}, best batch, with static power"),
    Said("96 to 99 %", "96", "claims", ALL_MOVED, "least"),
    Said("96 to 99 %", "99", "claims", ALL_MOVED, "most"),
    Said("2 to 6 % of Loihi's", "2", "claims", IN_CORE, "least"),
    Said("2 to 6 % of Loihi's", "6", "claims", IN_CORE, "most"),
    Said("would need 200 cores", "200", "mapping", "ring on loihi: cores in order"),
    Said("and takes 25", "25", "mapping", "ring on loihi: cores"),
    Said("within 1 % up to 90 %", "1", "booksim", LATENCY, "most", how="at most"),
    Said("within 0.5 %", "0.5", "booksim", THROUGHPUT, "most", how="at most"),
    Said("61.0 mW", "61.0", "networks", "truenorth at 20 Hz, 128 synapses: mW"),
    Said("128 synapses | 44.0 |", "44.0", "networks", "truenorth at 20 Hz, 128 synapses: GSOPS/W"),
    Said("256 synapses | 383 |", "383", "networks", "truenorth at 200 Hz, 256 synapses: GSOPS/W"),
    Said("96.9 % on 4 cores", "96.9", "networks", "digits on truenorth: right"),
    Said("96.9 % on 4 cores", "4", "networks", "digits on truenorth: cores"),
    Said("76.6 % on 15", "76.6", "networks", f"{SOUND} on truenorth: right"),
    Said("76.6 % on 15", "15", "networks", f"{SOUND} on truenorth: cores"),
    Said("(86.5 % in floats)", "86.5", "networks", f"{SOUND}: right in floats"),
    Said("575 million synaptic events", "575", "speed", f"{FAST}{EVENTS}", how="time"),
    Said("276 times as fast as brian2-loihi", "276", "speed", f"{FAST}: emulator : brian2-loihi", how="time"),
    Said("115 times as fast as sanafe", "115", "speed", f"{FAST}: emulator : sanafe", how="time"),
    Said("run at 563 million", "563", "speed", f"{LARGE}{EVENTS}", how="time"),
    Said("at 409 million", "409", "speed", f"{MIXED}{EVENTS}", how="time"),
)


@dataclass(frozen=True)
class Compared:
    """What README.md says, and what was measured."""

    said: Said
    measured: float | None  # in README's unit; None: no such row

    @property
    def differs(self) -> bool:
        """Whether README.md is wrong; times of a machine never are."""
        if self.measured is None or self.said.how == "time":
            return False
        above = self.measured - self.said.value
        if self.said.how != "equal":
            return above > 0 if self.said.how == "at most" else above < 0
        return abs(above) > self.said.tolerance * (1 + 1e-9)

    @property
    def line(self) -> str:
        """For people."""
        shown = "not measured" if self.measured is None else f"measured {float(f'{self.measured:.4g}'):g}"
        mark = "  DIFFERS" if self.differs else ""
        limit = {"at most": "at most ", "at least": "at least "}.get(self.said.how, "")
        return f'README says {limit}{self.said.number} ("{self.said.words}"), {shown}{mark}'


def compare(rows: Iterable[Row], said: Sequence[Said] = SAID) -> list[Compared]:
    """Each figure with the row or rows that measure it."""
    measured = list(rows)
    return [Compared(one, _measured(one, measured)) for one in said]


def missing_words(said: Sequence[Said] = SAID, path: Path = README) -> list[str]:
    """Words that README.md has no longer."""
    text = " ".join(path.read_text("utf-8").split())
    return [one.words for one in said if one.words not in text]


def rows_of(text: str) -> list[Row]:
    """The rows of RESULTS.md."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    return [Row(*one[:4]) for one in cells if len(one) > 4 and one[4].startswith("`")]


def _measured(said: Said, rows: list[Row]) -> float | None:
    name = re.compile(said.figure)
    found = [row for row in rows if row.benchmark == said.benchmark and name.fullmatch(row.figure)]
    values = [said.factor * float(row.value.split()[0]) for row in found]
    if not values:
        return None
    assert said.pick != "only" or len(values) == 1, (said, values)
    return min(values) if said.pick == "least" else max(values)
