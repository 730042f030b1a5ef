"""Pictures of a run as PNG files: spikes, energy by event, energy per core on the mesh.

matplotlib is imported only when a picture is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emulator.errors import ImageError
from emulator.formats.files import write_atomic
from emulator.report.summary import result_numbers
from emulator.report.units import short, si

if TYPE_CHECKING:
    from emulator.engine.result import Result
    from emulator.report.mesh_load import MeshLoad
    from emulator.report.raster import Train


def save_pictures(result: Result, folder: str | PathLike[str], *, prefix: str = "") -> list[Path]:
    """Writes `<prefix>spikes.png`, `<prefix>energy.png` and `<prefix>mesh.png`; makes the folder if need be.

    Returns the paths in this order. Each file is replaced as a whole. Raises ImageError.
    """
    target = make_folder(folder)
    return [save_picture(target, f"{prefix}{name}", content) for name, content in pictures(result)]


def save_picture(folder: Path, name: str, content: bytes) -> Path:
    """Writes the PNG `content` as `<name>.png` into a folder that is there; returns its path."""
    path = folder / f"{name}.png"
    write_atomic(path, content)
    return path


def make_folder(folder: str | PathLike[str]) -> Path:
    """The folder, with those above it. Raises ImageError if it cannot be made."""
    target = Path(os.fspath(folder))
    try:
        target.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ImageError(
            f"{target}: a file of that name exists, expected a folder: choose another name"
        ) from None
    except OSError as error:
        raise ImageError(
            f"{target}: the folder cannot be made: {error.strerror or error}: choose another"
        ) from error
    return target


def pictures(result: Result) -> Iterator[tuple[str, bytes]]:
    """Name and PNG content of each picture, one after another."""
    from emulator.report import canvas
    from emulator.report.energy_picture import draw_energy
    from emulator.report.heat_map import draw_heat_map
    from emulator.report.heat_map_large import draw_large
    from emulator.report.mesh_load import readable
    from emulator.report.raster import draw_raster

    record, where = result.record, _where(result)
    with canvas.style():
        yield "spikes", canvas.png(draw_raster(_trains(result), record.n_samples, record.n_ticks, where))
        yield "energy", canvas.png(draw_energy(result.energy.table("event"), _energy_line(result)))
        load = _mesh_load(result)
        draw_mesh = draw_heat_map if readable(load) else draw_large
        yield "mesh", canvas.png(draw_mesh(load, where))


def _where(result: Result) -> str:
    symbols, chip = result.program.symbols, result.program.chip
    return f"{short(symbols.network, 40)} on {short(chip.name, 40)}"


def _energy_line(result: Result) -> str:
    numbers = result_numbers(result)
    samples = f"{numbers['n_samples']:,} samples of " if numbers["n_samples"] != 1 else ""
    total = f"{si(result.energy.total_j, 'J')} in all"
    untimed = (
        "" if numbers["energy"]["static_j"] is not None else ", without static power: the run was not timed"
    )
    return f"{_where(result)}; {samples}{numbers['n_ticks']:,} ticks: {total}{untimed}"


def _trains(result: Result) -> list[Train]:
    from emulator.report.raster import Train

    trains = []
    for part in result.program.symbols.populations:
        if not part.recorded:
            continue
        spikes = result.spikes(part.name)
        if spikes.shape[1] == 2:  # one sample, no column for it
            spikes = np.column_stack([np.zeros(len(spikes), dtype=np.int64), spikes])
        trains.append(Train(part.name, part.n, spikes))
    return trains


def _mesh_load(result: Result) -> MeshLoad:
    from emulator.report.mesh_load import MeshLoad

    chip, counts = result.program.chip, result.counts
    core_j = {
        row["core"]: row["energy_j"]
        for row in result.energy.table("core")
        if isinstance(row.get("core"), int)
    }
    return MeshLoad(
        width=chip.mesh.width,
        height=chip.mesh.height,
        per_tile=chip.cores.per_tile,
        host_x=chip.host_port.x,
        host_y=chip.host_port.y,
        host_side=chip.host_port.side,
        core_j=core_j,
        link_packets=np.asarray(result.record.link_counts),
        host_in=counts["host_in"],
        host_out=counts["host_out"],
        chip_size=chip.chip_size,
    )
