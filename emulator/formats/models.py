"""Neuron models in network files."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from emulator.formats import container
from emulator.formats.fields import Fields
from emulator.network.models import MODELS, Model, TrueNorth, model_fields


def model_content(model: Model) -> dict[str, Any]:
    """A model as maps, plain values and arrays."""
    return {
        "type": next(name for name, kind in MODELS.items() if isinstance(model, kind)),
        "parameters": {name: parameter(value) for name, value in model_fields(model).items()},
    }


def parameter(value: Any) -> Any:
    """A model's parameter as it can be stored: None, text, a number, or an array of numbers."""
    if value is None or isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.dtype.name not in container.DTYPES:  # flags, half floats, Python integers of any size
        array = array.astype(np.float64)
    return array.item() if array.ndim == 0 else array


def read_model(part: Fields) -> Model:
    """The model of `model_content`, as a network takes it; what is wrong is noted."""
    part.only("type", "parameters")
    kind = MODELS[part.text("type", *MODELS)]
    given = part.sub("parameters")
    names = [field.name for field in fields(kind)]
    given.only(*names)
    for name in names:
        value = given.table.get(name)
        expected: tuple[type[Any], ...] = (int, float, np.ndarray)
        if name == "tau_syn_s" or (kind is TrueNorth and name == "s"):
            expected += (type(None),)
        elif name in ("integrator", "reset_mode"):
            expected = (str,)
        words = " or ".join(sorted(choice.__name__ for choice in expected))
        found = type(value).__name__ if name in given.table else "missing"
        given.require(name in given.table and isinstance(value, expected), name, f"{found}, expected {words}")
    return kind(**{name: given.table.get(name, 0) for name in names})
