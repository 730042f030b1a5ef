"""Hypergraph: nodes that are to be shared out among parts, and nets that want to touch few of them.

A net is the neurons that a sender and its targets are, or clusters of such. What a core holds of a net takes
memory and an axon only if a target is among it: `source` is the pin of the sender (-1: none), `apart` tells that
no target is in the same pin.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t

cdef enum:
    COMPARTMENTS = 0
    MEMORY_BITS = 1
    AXONS_IN = 2
    AXONS_OUT = 3
    N_LOADS = 4


@cython.overflowcheck(False)
cdef inline uint64_t mix(uint64_t z) noexcept nogil:
    """64 bits: the finaliser of splitmix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014)."""
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef struct Nets:
    # borrowed from arrays of the caller
    int64_t n_nodes, n_nets
    const int64_t* pin_ptr  # [n_nets + 1]
    const int32_t* pin  # nodes, each once in a net
    const int64_t* weight  # [n_nets] packets that a further part costs
    const int32_t* count  # [n_nets] senders that this net stands for
    const int32_t* source  # [n_nets]
    const uint8_t* apart  # [n_nets]
    const int64_t* net_ptr  # [n_nodes + 1]
    const int32_t* net  # nets of each node
    const int64_t* load  # [n_nodes, N_LOADS] what a node takes wherever it is
