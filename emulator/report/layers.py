"""What the layers of a network do over its inputs: how sparse they are, and how alike their responses are.

A layer's response to a sample is the spike count of each of its neurons. Two samples are as alike to a layer
as their responses are correlated over its neurons; the matrix of these correlations is symmetric, with ones
on its diagonal. Layers that tell inputs apart decorrelate them: away from the diagonal it fades from layer to
layer, or stays only within a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.errors import SimulationError
from emulator.report.tables import table_text
from emulator.report.units import percent

if TYPE_CHECKING:
    from emulator.engine.result import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A source or population over the samples of a run."""

    name: str
    kind: str  # "source" or "population"
    responses: NDArray[np.int64]  # [n_samples, n] spikes of each neuron
    n_ticks: int

    @property
    def activation_sparsity(self) -> float:
        """Share of neurons x ticks without a spike."""
        chances = self.responses.size * self.n_ticks
        return 1.0 - float(self.responses.sum()) / chances if chances else 1.0

    @property
    def silent(self) -> float:
        """Share of the neurons that a sample leaves silent, on average."""
        return float((self.responses == 0).mean())

    @property
    def population_sparseness(self) -> float | None:
        """1 - mean(r)^2 / mean(r^2) over the neurons, on average over samples with a spike: 0, all alike;
        near 1, few neurons have all spikes (after Treves and Rolls 1991). None: no spike."""
        active = self.responses[self.responses.any(axis=1)].astype(np.float64)
        if not len(active):
            return None
        return float((1 - active.mean(axis=1) ** 2 / (active**2).mean(axis=1)).mean())

    def correlations(self) -> Floats:
        """[n_samples, n_samples]; nan for samples whose response is the same in all neurons."""
        centred = self.responses - self.responses.mean(axis=1, keepdims=True)
        norm = np.sqrt((centred**2).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = np.where(norm[:, None] > 0, centred / norm[:, None], np.nan)
        return np.asarray(np.clip(unit @ unit.T, -1, 1))


def layers_of(result: Result) -> tuple[Layer, ...]:
    """Sources whose spikes are known and recorded populations, in the network's order."""
    n_samples = result.record.n_samples
    given = result.stimulus if result.provenance is not None else {}
    layers = []
    for part in result.program.symbols.parts:
        if part.kind == "source" and part.name in given:
            events = given[part.name]
            sample = events[:, 0] if events.shape[1] == 3 else np.zeros(len(events), np.int64)
            flat: NDArray[Any] = np.bincount(sample * part.n + events[:, -1], minlength=n_samples * part.n)
        elif part.kind == "population" and part.recorded:
            flat = result.spike_counts(part.name).ravel()
        else:
            continue
        responses = flat.astype(np.int64).reshape(n_samples, part.n)
        layers.append(Layer(part.name, part.kind, responses, result.n_ticks))
    return tuple(layers)


def layer_numbers(result: Result, labels: ArrayLike | None = None) -> list[dict[str, Any]]:
    """Sparsity and mean correlations of each layer.

    labels: [n_samples] class of each sample; then pairs within a class and of two classes are told apart.
    None where there is no such pair, or no response that varies over the neurons. Raises SimulationError.
    """
    classes = _classes(result, labels)
    return [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "n": layer.responses.shape[1],
            "activation_sparsity": layer.activation_sparsity,
            "silent": layer.silent,
            "population_sparseness": layer.population_sparseness,
            **_mean_correlations(layer.correlations(), classes),
        }
        for layer in layers_of(result)
    ]


def layers_text(rows: list[dict[str, Any]]) -> str:
    """A row per layer, of `layer_numbers`."""
    header = ("layer", "neurons", "ticks silent", "neurons silent", "sparseness", *_HEADER)
    lines = [
        (
            row["layer"],
            f"{row['n']:,}",
            percent(row["activation_sparsity"]),
            percent(row["silent"]),
            *(_share(row[key]) for key in ("population_sparseness", *_KEYS)),
        )
        for row in rows
    ]
    return table_text("Layers over the inputs", header, lines)


_HEADER = ("correlation", "same class", "other class")
_KEYS = ("correlation", "correlation_same_class", "correlation_other_class")


def _classes(result: Result, labels: ArrayLike | None) -> NDArray[Any]:
    n_samples = result.record.n_samples
    if labels is None:
        return np.arange(n_samples)
    classes = np.asarray(labels)
    if classes.shape != (n_samples,):
        raise SimulationError(
            f"labels of shape {list(classes.shape)}: the run has {n_samples} samples, give a label for each"
        )
    return classes


def _mean_correlations(matrix: Floats, classes: NDArray[Any]) -> dict[str, float | None]:
    """Over pairs of different samples: of all, of one class, of two classes."""
    upper = np.triu(np.ones(matrix.shape, dtype=bool), 1) & np.isfinite(matrix)
    same = classes[:, None] == classes[None, :]
    chosen = (upper, upper & same, upper & ~same)
    return {
        key: float(matrix[pairs].mean()) if pairs.any() else None
        for key, pairs in zip(_KEYS, chosen, strict=True)
    }


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
