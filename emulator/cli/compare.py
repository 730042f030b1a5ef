"""`spikemesh report A --compare B`: two records held against each other."""

from __future__ import annotations

from emulator import report as reports
from emulator.cli.output import Output, UsageError
from emulator.energy import COMPARED
from emulator.engine import Result


def compare_reports(output: Output, a: Result, b: Result, by: str | None) -> None:
    """Prints what b costs more or less than a."""
    if by is not None and by not in COMPARED:
        raise UsageError(f"--by {by} with --compare: choose from {', '.join(COMPARED)}")
    output.text(reports.comparison_text(a, b, by or "event"))
    output.data(reports.comparison_numbers(a, b, by or "event"))
