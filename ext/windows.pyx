"""Windows on a sharing out: a few of its parts as a hypergraph of its own, so that tables stay small.

Callers: emulator/compiler/parting. Nodes and nets as in _ext/hypergraph.pxd. What a net costs, takes and reaches
in the parts of a window does not depend on where its other pins are, but for what is added up here.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np

from emulator._ext.hypergraph cimport AXONS_IN, AXONS_OUT, MEMORY_BITS, N_LOADS

cdef enum:
    NONE = -1


def counted(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int64_t[::1] weight, const int32_t[::1] count,
    const int32_t[::1] source, const uint8_t[::1] apart, const int64_t[:, ::1] load, const int32_t[::1] part,
    int64_t n_parts, int64_t header_bits,
):
    """Loads int64 [n_parts, 4] of the parts, reach int32 [n_nets] (parts with a target of the net), and the cost."""
    cdef int64_t n_nets = pin_ptr.shape[0] - 1, e, k, r, v, cost = 0, touched
    cdef int32_t p, home
    cdef int64_t[:, ::1] loads = np.zeros((n_parts, N_LOADS), dtype=np.int64)
    cdef int32_t[::1] reach = np.zeros(n_nets, dtype=np.int32)
    cdef int64_t[::1] touched_by = np.full(n_parts, NONE, dtype=np.int64)
    cdef int64_t[::1] reached_by = np.full(n_parts, NONE, dtype=np.int64)
    with nogil:
        for v in range(part.shape[0]):
            for r in range(N_LOADS):
                loads[part[v], r] += load[v, r]
        for e in range(n_nets):
            home, touched = source[e], 0
            for k in range(pin_ptr[e], pin_ptr[e + 1]):
                p = part[pin[k]]
                if touched_by[p] != e:
                    touched_by[p] = e
                    touched += 1
                if reached_by[p] != e and (pin[k] != home or not apart[e]):
                    reached_by[p] = e
                    reach[e] += 1
                    loads[p, MEMORY_BITS] += count[e] * header_bits
                    loads[p, AXONS_IN] += count[e]
            cost += (touched - 1) * weight[e]
            if home >= 0:
                loads[part[home], AXONS_OUT] += <int64_t>count[e] * reach[e]
    return np.asarray(loads), np.asarray(reach), cost


def affinity(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int64_t[::1] weight, const int32_t[::1] part,
    int64_t n_parts, int64_t most,
):
    """float64 [n_parts, n_parts]: weight of the nets that both parts are touched by; those of more than `most`
    parts count for nothing."""
    cdef int64_t n_nets = pin_ptr.shape[0] - 1, e, k, i, n
    cdef int32_t p
    cdef double[:, ::1] shared = np.zeros((n_parts, n_parts), dtype=np.float64)
    cdef int32_t[::1] touched = np.empty(n_parts, dtype=np.int32)
    cdef int64_t[::1] touched_by = np.full(n_parts, NONE, dtype=np.int64)
    with nogil:
        for e in range(n_nets):
            n = 0
            for k in range(pin_ptr[e], pin_ptr[e + 1]):
                p = part[pin[k]]
                if touched_by[p] != e:
                    touched_by[p] = e
                    touched[n] = p
                    n += 1
            if n > most:
                continue
            for i in range(n):
                for k in range(i):
                    shared[touched[i], touched[k]] += <double>weight[e]
                    shared[touched[k], touched[i]] += <double>weight[e]
    return np.asarray(shared)


def window(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int32_t[::1] count, const int32_t[::1] source,
    const uint8_t[::1] apart, const int64_t[:, ::1] load, const int32_t[::1] part, const int32_t[::1] reach, const int32_t[::1] nodes, const int32_t[::1] nets,
    int32_t[::1] number, int64_t n_parts, int64_t n_inside, int64_t header_bits,
):
    """The nets that have two pins or more among `nodes`, which are all those of `n_inside` of n_parts parts.

    nets: those that touch the nodes, ascending, each once. reach: of all parts. number [n_nodes]: -1, and again
    in the end. Returns pin_ptr, pin (numbered as in `nodes`), the net that each is made of, source, apart, outside
    (n_inside + the part of a sender that is not among the nodes; else -1) and the load of the nodes with what they
    take for good by the nets left out and by what nets reach elsewhere.
    """
    cdef int64_t n_nets = nets.shape[0], i, k, n_pins = 0, n = 0, at = 0, begin, n_reached
    cdef int32_t e, p, home, own
    for i in range(n_nets):
        n_pins += pin_ptr[nets[i] + 1] - pin_ptr[nets[i]]
    cdef int64_t[::1] new_ptr = np.zeros(n_nets + 1, dtype=np.int64)
    cdef int32_t[::1] new_pin = np.empty(n_pins, dtype=np.int32)
    cdef int32_t[::1] old = np.empty(n_nets, dtype=np.int32)
    cdef int32_t[::1] new_source = np.empty(n_nets, dtype=np.int32)
    cdef int32_t[::1] outside = np.empty(n_nets, dtype=np.int32)
    cdef int64_t[:, ::1] taken = np.asarray(load)[np.asarray(nodes)]
    cdef int32_t[::1] reached_by = np.full(n_parts, NONE, dtype=np.int32)
    with nogil:
        for i in range(nodes.shape[0]):
            number[nodes[i]] = <int32_t>i
        for i in range(n_nets):
            e = nets[i]
            begin, n_reached = at, 0
            for k in range(pin_ptr[e], pin_ptr[e + 1]):
                own = number[pin[k]]
                if own < 0:
                    continue
                new_pin[at] = own
                at += 1
                p = part[pin[k]]
                if reached_by[p] != e and (pin[k] != source[e] or not apart[e]):
                    reached_by[p] = e
                    n_reached += 1
            home = source[e]
            own = number[home] if home >= 0 else NONE
            if at - begin == 1:
                at = begin
                if n_reached:
                    taken[new_pin[at], MEMORY_BITS] += count[e] * header_bits
                    taken[new_pin[at], AXONS_IN] += count[e]
                if own >= 0:
                    taken[own, AXONS_OUT] += <int64_t>count[e] * reach[e]
                continue
            if own >= 0:
                taken[own, AXONS_OUT] += <int64_t>count[e] * (reach[e] - n_reached)
            new_source[n], old[n] = own, e
            outside[n] = <int32_t>(n_inside + part[home]) if home >= 0 and own < 0 else NONE
            n += 1
            new_ptr[n] = at
        for i in range(nodes.shape[0]):
            number[nodes[i]] = NONE
    kept = np.asarray(old)[:n].copy()
    return (
        np.asarray(new_ptr)[: n + 1].copy(), np.asarray(new_pin)[:at].copy(), kept,
        np.asarray(new_source)[:n].copy(), np.asarray(apart)[kept], np.asarray(outside)[:n].copy(),
        np.ascontiguousarray(taken),
    )


def nets_of(const int64_t[::1] net_ptr, const int32_t[::1] net, const int32_t[::1] nodes, uint8_t[::1] seen):
    """int32: the nets of some nodes, ascending, each once. seen [n_nets]: 0, and again in the end."""
    cdef int64_t i, k, n = 0, n_most = 0
    for i in range(nodes.shape[0]):
        n_most += net_ptr[nodes[i] + 1] - net_ptr[nodes[i]]
    cdef int32_t[::1] found = np.empty(min(n_most, <int64_t>seen.shape[0]), dtype=np.int32)
    with nogil:
        for i in range(nodes.shape[0]):
            for k in range(net_ptr[nodes[i]], net_ptr[nodes[i] + 1]):
                if not seen[net[k]]:
                    seen[net[k]] = 1
                    found[n] = net[k]
                    n += 1
        for i in range(n):
            seen[found[i]] = 0
    return np.sort(np.asarray(found)[:n])
