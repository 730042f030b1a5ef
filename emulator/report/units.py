"""Numbers as people read them: SI prefixes, thousands separators, shares."""

from __future__ import annotations

import math

PREFIXES = ("a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T")
UNIT = PREFIXES.index("")
PS_PER_S = 10**12
NOT_MEASURED = "-"


def si(value: float | None, unit: str, digits: int = 3) -> str:
    """`value` in `unit` with an SI prefix and `digits` significant digits: `si(1.5e-6, "J")` is `1.50 µJ`."""
    if value is None:
        return NOT_MEASURED
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    value = float(f"{value:.{digits - 1}e}")  # rounded first: 999.9996 n is 1.00 µ
    exponent = _thousands(value)
    scaled = value / 1000.0**exponent
    before_point = max(1, math.floor(math.log10(abs(scaled)) + 1e-9) + 1)
    return f"{scaled:.{max(0, digits - before_point)}f} {PREFIXES[exponent + UNIT]}{unit}"


def seconds(value_ps: float | None) -> str:
    """A time in ps, shown in seconds with a prefix."""
    return si(None if value_ps is None else value_ps / PS_PER_S, "s")


def number(value: float | None) -> str:
    """Counts with thousands separators; fractions with four significant digits."""
    if value is None:
        return NOT_MEASURED
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share of 1 in per cent; what is not zero is never shown as zero."""
    if share is None:
        return NOT_MEASURED
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %"


def short(name: str, longest: int) -> str:
    """A name cut to `longest` letters, which then shows."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def compact(value: float) -> str:
    """A round number as axes show it: 1,200 from a thousand up, 1.2 M from a million up."""
    if abs(value) < 1e6:
        return f"{value:,.10g}"
    factor, prefix = scale_for(abs(value))
    return f"{value * factor:.10g} {prefix}"


def scale_for(largest: float) -> tuple[float, str]:
    """Factor and prefix that bring `largest` into 1..1000, for axes: multiply values by the factor."""
    if largest == 0 or not math.isfinite(largest):
        return 1.0, ""
    exponent = _thousands(largest)
    return 1000.0**-exponent, PREFIXES[exponent + UNIT]


def _thousands(value: float) -> int:
    """Exponent of 1000 that brings `value` into 1..1000, as far as there are prefixes."""
    exponent = math.floor(math.log10(abs(value)) / 3 + 1e-9)
    return min(max(exponent, -UNIT), len(PREFIXES) - 1 - UNIT)
