"""Makes a hypergraph smaller: nodes that share nets become one.

Callers: emulator/compiler/parting. Nodes and nets as in _ext/hypergraph.pxd.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t

import numpy as np

from emulator._ext.hypergraph cimport N_LOADS, mix

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef enum:
    NONE = -1
    LOOK = 4095  # nodes less one from one look for signals to the next: Ctrl-C is not kept waiting


def transpose(const int64_t[::1] pin_ptr, const int32_t[::1] pin, int64_t n_nodes):
    """Nets of each node: int64 [n_nodes + 1] and int32 [n_pins]."""
    cdef int64_t n_nets = pin_ptr.shape[0] - 1, net, place
    cdef int64_t[::1] net_ptr = np.zeros(n_nodes + 1, dtype=np.int64)
    cdef int32_t[::1] nets = np.empty(pin.shape[0], dtype=np.int32)
    cdef int64_t[::1] at
    with nogil:
        for place in range(pin.shape[0]):
            net_ptr[pin[place] + 1] += 1
        for place in range(n_nodes):
            net_ptr[place + 1] += net_ptr[place]
    at = np.asarray(net_ptr)[:n_nodes].copy()
    with nogil:
        for net in range(n_nets):
            for place in range(pin_ptr[net], pin_ptr[net + 1]):
                nets[at[pin[place]]] = <int32_t>net
                at[pin[place]] += 1
    return np.asarray(net_ptr), np.asarray(nets)


def cluster(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int64_t[::1] weight, const int64_t[::1] net_ptr,
    const int32_t[::1] net, const int64_t[:, ::1] load, const int64_t[::1] cap, const int32_t[::1] order,
    const int32_t[::1] part, int64_t max_pins, int64_t max_visits, int64_t n_least,
):
    """Joins each node to the cluster that it shares most with. Returns int32 [n_nodes] cluster, and their number.

    order: all nodes, as they are looked at; cap [4]: most that a cluster may take; part [n_nodes]: only nodes of
    one part are joined; nets of more than max_pins count for nothing; of the nets of a node, so many are looked at
    that some max_visits pins are seen; n_least: clusters that are enough.
    """
    cdef int64_t n_nodes = order.shape[0], i, k, place, r, step, seen, n_touched, n_clusters = n_nodes
    cdef int32_t v, u, c, best
    cdef double share, score, best_score
    cdef bint fits
    cdef int32_t[::1] head = np.arange(n_nodes, dtype=np.int32)  # a node of the cluster, by which it is called
    cdef uint8_t[::1] joined = np.zeros(n_nodes, dtype=np.uint8)  # whether it is in a cluster with others
    cdef double[::1] shared = np.zeros(n_nodes, dtype=np.float64)
    cdef int32_t[::1] touched = np.empty(n_nodes, dtype=np.int32)
    cdef int64_t[:, ::1] taken = np.array(load, dtype=np.int64)
    with nogil:
        for i in range(n_nodes):
            v = order[i]
            if i & LOOK == LOOK:
                with gil:
                    PyErr_CheckSignals()
            if joined[v]:
                continue
            if n_clusters <= n_least:
                break
            seen = 0
            for k in range(net_ptr[v], net_ptr[v + 1]):
                seen += min(pin_ptr[net[k] + 1] - pin_ptr[net[k]], max_pins)
            step = 1 + seen // max_visits
            n_touched = 0
            k = net_ptr[v] + i % step - step
            while k + step < net_ptr[v + 1]:
                k += step
                place = pin_ptr[net[k]]
                seen = pin_ptr[net[k] + 1]
                if seen - place > max_pins:
                    continue
                share = <double>weight[net[k]] / <double>(seen - place - 1)
                while place < seen:
                    u = pin[place]
                    place += 1
                    c = head[u]
                    if shared[c] == 0:
                        touched[n_touched] = c
                        n_touched += 1
                    shared[c] += share
            best, best_score = NONE, 0
            for k in range(n_touched):
                c = touched[k]
                score = shared[c]
                shared[c] = 0
                if c == v or part[c] != part[v]:
                    continue
                score /= <double>taken[c, 0]
                if score < best_score or (score == best_score and c > best):
                    continue
                fits = True
                for r in range(N_LOADS):
                    fits = fits and taken[c, r] + taken[v, r] <= cap[r]
                if fits:
                    best, best_score = c, score
            if best != NONE:
                head[v] = best
                joined[v] = joined[best] = 1
                for r in range(N_LOADS):
                    taken[best, r] += taken[v, r]
                n_clusters -= 1
    heads, where = np.unique(np.asarray(head), return_inverse=True)
    return where.reshape(-1).astype(np.int32), len(heads)


@cython.overflowcheck(False)
def contract(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int32_t[::1] count, const int32_t[::1] source,
    const uint8_t[::1] apart, const int64_t[:, ::1] load, const int32_t[::1] cluster_of, int64_t n_clusters,
    int64_t header_bits,
):
    """Nets between clusters, those within one are taken into its load.

    Returns pin_ptr, pin, the net that each is made of, source, apart, a hash of the pins, load [n_clusters, 4].
    Pins of a net ascend. header_bits: memory that a net takes in a core whose targets are in it.
    """
    cdef int64_t n_nets = pin_ptr.shape[0] - 1, e, place, r, n = 0, at = 0, begin
    cdef int32_t c, home
    cdef bint alone
    cdef uint64_t code
    cdef int64_t[::1] new_ptr = np.zeros(n_nets + 1, dtype=np.int64)
    cdef int32_t[::1] new_pin = np.empty(pin.shape[0], dtype=np.int32)
    cdef int32_t[::1] old = np.empty(n_nets, dtype=np.int32)
    cdef int32_t[::1] new_source = np.empty(n_nets, dtype=np.int32)
    cdef uint8_t[::1] new_apart = np.empty(n_nets, dtype=np.uint8)
    cdef uint64_t[::1] hashed = np.empty(n_nets, dtype=np.uint64)
    cdef int64_t[::1] seen = np.full(n_clusters, NONE, dtype=np.int64)
    cdef int64_t[:, ::1] taken = np.zeros((n_clusters, N_LOADS), dtype=np.int64)
    with nogil:
        for place in range(cluster_of.shape[0]):
            for r in range(N_LOADS):
                taken[cluster_of[place], r] += load[place, r]
        for e in range(n_nets):
            begin = at
            home = cluster_of[source[e]] if source[e] >= 0 else NONE
            alone = apart[e]
            code = 0
            for place in range(pin_ptr[e], pin_ptr[e + 1]):
                c = cluster_of[pin[place]]
                if seen[c] != e:
                    seen[c] = e
                    new_pin[at] = c
                    code += mix(<uint64_t>c + 1)
                    at += 1
                if c == home and pin[place] != source[e]:
                    alone = False
            if at - begin == 1:
                at = begin
                c = new_pin[at]
                taken[c, 1] += count[e] * header_bits
                taken[c, 2] += count[e]
                if home >= 0:
                    taken[c, 3] += count[e]
                continue
            new_source[n], new_apart[n], hashed[n], old[n] = home, alone, code, <int32_t>e
            n += 1
            new_ptr[n] = at
    return (
        np.asarray(new_ptr)[: n + 1].copy(), np.asarray(new_pin)[:at].copy(), np.asarray(old)[:n].copy(),
        np.asarray(new_source)[:n].copy(), np.asarray(new_apart)[:n].copy(), np.asarray(hashed)[:n].copy(),
        np.asarray(taken),
    )


def same_as_before(
    const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int64_t[::1] order, const uint8_t[::1] alike,
    int64_t n_nodes,
):
    """uint8 [n_nets]: whether the net at each place of `order` has the pins of the one before it.

    alike: where it may have, by size and hash.
    """
    cdef int64_t i, place, net, n_nets = order.shape[0]
    cdef bint same
    cdef uint8_t[::1] result = np.zeros(n_nets, dtype=np.uint8)
    cdef int64_t[::1] seen = np.full(n_nodes, NONE, dtype=np.int64)
    with nogil:
        for i in range(n_nets):
            net = order[i]
            same = alike[i] != 0 and i > 0
            if same:
                for place in range(pin_ptr[net], pin_ptr[net + 1]):
                    if seen[pin[place]] != order[i - 1]:
                        same = False
                        break
            result[i] = same
            for place in range(pin_ptr[net], pin_ptr[net + 1]):
                seen[pin[place]] = net
    return np.asarray(result)
