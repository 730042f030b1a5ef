"""Energy: counts x prices -> Ledger. The only place that knows joules; re-pricing needs no re-run.

Invariants: every amount is an integer in attojoules (1 pJ = 10**6 aJ), so breakdowns add up exactly, and so
do the parts of a difference; joules are the last division. `ChipSpec` takes prices in pJ with at most 6
decimals and static power in mW with at most 3, so nothing is rounded on the way: 1 mW for 1 ps is 1000 aJ.
"""

from emulator.energy.compare import COMPARED, Comparison
from emulator.energy.ledger import AJ_PER_J, PRICE_OF, Ledger, Row, counts, price
from emulator.energy.prices import Prices, priced_chip

__all__ = [
    "AJ_PER_J",
    "COMPARED",
    "PRICE_OF",
    "Comparison",
    "Ledger",
    "Prices",
    "Row",
    "counts",
    "price",
    "priced_chip",
]
