"""Philox4x32-10, a counter-based generator: the counter names the draw, nothing is remembered between draws.

J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Works on
Python ints and on numpy arrays of uint64; `_ext/philox.pxd` is the C twin.
"""

from __future__ import annotations

from typing import Any

WORD = 0xFFFFFFFF
ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # golden ratio, sqrt(3) - 1

STREAM_BITS = 24
TICK_BITS = 40
"""How a counter is shared out: a network has up to 2**24 streams, a run goes on for up to 2**40 ticks."""

Words = tuple[Any, Any, Any, Any]


def philox4x32(counter: Words, key: tuple[Any, Any]) -> Words:
    """Four 32-bit words of four; each word of counter and key may be an array."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        left, right = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2  # 64 bits
        c0, c2 = (right >> 32) ^ c1 ^ k0, (left >> 32) ^ c3 ^ k1
        c1, c3 = right & WORD, left & WORD
        k0, k1 = (k0 + KEY_STEPS[0]) & WORD, (k1 + KEY_STEPS[1]) & WORD
    return c0, c1, c2, c3


def draw(seed: int, stream: int, sample: int, tick: int, block: Any) -> Words:
    """The draws of inputs 4 * block .. 4 * block + 3 of a source in a tick.

    seed: 64 bits; stream: STREAM_BITS, the source; sample: 31 bits; tick: TICK_BITS, counted over all runs
    that went on from each other; block: 30 bits, may be an array of uint64.
    """
    counter = (block, tick & WORD, sample, (tick >> 32) << STREAM_BITS | stream)
    return philox4x32(counter, (seed & WORD, seed >> 32))


LINK_STREAM = 1 << 31
"""Third word of the counter that makes a link's key: draws of sources have a sample there, below it."""


def link_key(seed: int, source: Any, link: Any) -> tuple[Any, Any]:
    """The key of the draws that a link makes for a source's packets. seed: 64 bits; source and link: 32 bits,
    ints or arrays of uint64."""
    return philox4x32((source, link, LINK_STREAM, 0), (seed & WORD, seed >> 32))[:2]


def link_draw(key: tuple[Any, Any], number: Any, sample: int, tick: int) -> Any:
    """32 bits: the draw for packet `number` of a source, 32 bits, in a tick of TICK_BITS of a sample."""
    return philox4x32((number, tick & WORD, sample, tick >> 32), key)[0]


CORE_STREAM = 1
"""Last word of the counter that makes a core's key; that of a link's key is 0 there."""


def core_key(seed: int, core: Any) -> tuple[Any, Any]:
    """The key of the draws of a core's neurons. seed: 64 bits; core: 32 bits, int or array of uint64."""
    return philox4x32((core, 0, LINK_STREAM, CORE_STREAM), (seed & WORD, seed >> 32))[:2]


def neuron_draw(key: tuple[Any, Any], neuron: Any, use: int, sample: int, tick: int) -> Words:
    """Four words of 32 bits of a neuron, 8 bits, for one of 2**24 uses in a tick of TICK_BITS of a sample."""
    return philox4x32((use << 8 | neuron, tick & WORD, sample, tick >> 32), key)
