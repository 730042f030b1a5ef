"""What Hypothesis runs when it is imported (its entry point): how chips are drawn by their type alone."""

from __future__ import annotations

from typing import Any

from emulator.chip.spec import ChipSpec


def register() -> None:
    """Makes `st.from_type(ChipSpec)` work. The strategies are imported when one is drawn from."""
    from hypothesis import strategies as st

    st.register_type_strategy(ChipSpec, _chips)


def _chips(_: Any) -> Any:
    from emulator.testing import chips

    return chips()
