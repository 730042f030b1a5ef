"""Rewrites: a network of weights, fan-out and delays in terms of crossbars, which have none of them.

In this order: neurons in the chip's integers (`integers`, `lif`), fan-in (`fan_in`), weights as sums of four
values (`choose`, `codes`, `nearest`), neurons to cores with as many columns as they have targets (`spread`,
`fill`), relays where columns or delays do not reach (`wires`), ticks that they need (`delays`). `proof`
decodes the result and compares it with the network; it shares no code with the others.
"""

from emulator.compiler.rewrite.proof import check_rewrite
from emulator.compiler.rewrite.rewrite import rewrite

__all__ = ["check_rewrite", "rewrite"]
