"""Hypothesis profiles: how many examples a test tries."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
"""Running a chip takes longer than Hypothesis expects of an example."""


def register_profiles() -> None:
    """`ci`: 300 examples, the same ones each time; `nightly`: 5,000 other ones each time."""
    settings.register_profile(
        "ci", max_examples=300, deadline=None, suppress_health_check=SLOW, derandomize=True
    )
    settings.register_profile("nightly", max_examples=5000, deadline=None, suppress_health_check=SLOW)
