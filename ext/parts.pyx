"""Shares the nodes of a hypergraph out among parts so that nets touch few, within what a part can take.

Callers: emulator/compiler/parting. Nodes and nets as in _ext/hypergraph.pxd. What a net costs is its weight times
the parts that it touches beyond the first. All is integer, every tie is broken by number: equal arguments give
equal bits.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from emulator._ext.heap cimport NOWHERE, Heap, put, take
from emulator._ext.hypergraph cimport AXONS_IN, AXONS_OUT, COMPARTMENTS, MEMORY_BITS, N_LOADS, Nets

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef enum:
    NONE = -1
    LOOK = 4095  # moves less one from one look for signals to the next: Ctrl-C is not kept waiting
    TRIES = 4  # parts that a node is tried in before it stays


cdef class Parts:
    """A sharing out that is being improved. `part`: int32 [n_nodes], -1 while a node has none; changed in place.

    limits: int64 [n_parts, 4] in the order of _ext/hypergraph.pxd; vector: whether others than compartments are
    looked at; header_bits: memory that a net takes in a part with a target of it. Senders may be in other parts
    that have no nodes here: `outside`, int32 [n_nets], is the row of such a part, behind those of the parts, in
    limits, and `held`, int64 [n_rows - n_parts, 4], what it holds.
    """

    cdef Nets nets
    cdef tuple arrays  # keeps what the pointers point into
    cdef int32_t[::1] part
    cdef const int32_t[::1] outside  # [n_nets] -1: the sender is a node, or an input
    cdef const int64_t[:, ::1] limits  # [n_rows, 4] of parts, and of those outside
    cdef int64_t[:, ::1] load  # [n_rows, 4]
    cdef int64_t n_parts, header_bits
    cdef bint vector, searching, relieving
    cdef int32_t* pins_in  # [n_nets, n_parts] pins of a net in a part
    cdef int32_t* reach  # [n_nets] parts with a target
    cdef int64_t* stay  # [n_nodes] weight of the nets that leave the part with the node
    cdef int64_t* enter  # [n_nodes, n_parts] weight of the nets that the node would bring to a part
    cdef int64_t* whole  # [n_nodes] weight of all nets of the node
    cdef int64_t* change  # [n_rows] of the axons out, by the move that is looked at
    cdef int32_t* changed  # [n_rows] parts that had a change, each once
    cdef uint8_t* is_changed  # [n_rows]
    cdef Heap heap
    cdef uint8_t* done  # [n_nodes] moved in this pass

    def __cinit__(
        self, const int64_t[::1] pin_ptr, const int32_t[::1] pin, const int64_t[::1] weight,
        const int32_t[::1] count, const int32_t[::1] source, const uint8_t[::1] apart,
        const int64_t[::1] net_ptr, const int32_t[::1] net, const int64_t[:, ::1] load,
        part, const int64_t[:, ::1] limits, bint vector, int64_t header_bits, const int32_t[::1] outside,
        held,
    ):
        cdef int64_t n_nodes = net_ptr.shape[0] - 1, n_nets = pin_ptr.shape[0] - 1, n_rows = limits.shape[0], v
        cdef int64_t n_parts = n_rows - len(held)
        if (
            load.shape[0] != n_nodes or load.shape[1] != N_LOADS or len(part) != n_nodes or n_nets < 1
            or weight.shape[0] != n_nets or source.shape[0] != n_nets or apart.shape[0] != n_nets
            or count.shape[0] != n_nets or pin.shape[0] != pin_ptr[n_nets] or net.shape[0] != pin.shape[0]
            or net_ptr[n_nodes] != pin.shape[0] or n_nodes < 1 or n_parts < 1 or outside.shape[0] != n_nets
        ):
            raise ValueError("Parts: arrays of inconsistent shape")
        self.arrays = (pin_ptr, pin, weight, count, source, apart, net_ptr, net, load)
        self.nets.n_nodes, self.nets.n_nets = n_nodes, n_nets
        self.nets.pin_ptr, self.nets.pin, self.nets.weight = &pin_ptr[0], &pin[0], &weight[0]
        self.nets.count, self.nets.source, self.nets.apart = &count[0], &source[0], &apart[0]
        self.nets.net_ptr, self.nets.net, self.nets.load = &net_ptr[0], &net[0], &load[0, 0]
        self.part, self.limits, self.n_parts, self.outside = part, limits, n_parts, outside
        self.vector, self.searching, self.relieving = vector, False, False
        self.header_bits = header_bits
        self.load = np.concatenate([np.zeros((n_parts, N_LOADS), dtype=np.int64), held])
        self.pins_in = <int32_t*>calloc(n_nets * n_parts, sizeof(int32_t))
        self.reach = <int32_t*>calloc(n_nets, sizeof(int32_t))
        self.stay = <int64_t*>calloc(n_nodes, sizeof(int64_t))
        self.enter = <int64_t*>calloc(n_nodes * n_parts, sizeof(int64_t))
        self.whole = <int64_t*>calloc(n_nodes, sizeof(int64_t))
        self.change = <int64_t*>calloc(n_rows, sizeof(int64_t))
        self.changed = <int32_t*>calloc(n_rows, sizeof(int32_t))
        self.is_changed = <uint8_t*>calloc(n_rows, sizeof(uint8_t))
        self.done = <uint8_t*>calloc(n_nodes, sizeof(uint8_t))
        self.heap.node = <int32_t*>malloc(n_nodes * sizeof(int32_t))
        self.heap.key = <int64_t*>malloc(n_nodes * sizeof(int64_t))
        self.heap.place = <int32_t*>malloc(n_nodes * sizeof(int32_t))
        if (
            self.pins_in == NULL or self.reach == NULL or self.stay == NULL or self.enter == NULL
            or self.whole == NULL or self.change == NULL or self.changed == NULL or self.is_changed == NULL
            or self.done == NULL or self.heap.node == NULL or self.heap.key == NULL or self.heap.place == NULL
        ):
            raise MemoryError("parts of the network")
        self.heap.n = 0
        for v in range(n_nodes):
            self.heap.place[v] = NOWHERE
        with nogil:
            self.count_all()

    def __dealloc__(self):
        free(self.pins_in)
        free(self.reach)
        free(self.stay)
        free(self.enter)
        free(self.whole)
        free(self.change)
        free(self.changed)
        free(self.is_changed)
        free(self.done)
        free(self.heap.node)
        free(self.heap.key)
        free(self.heap.place)

    cdef inline int32_t home_of(self, int64_t e) noexcept nogil:
        """The row of the sender's part, NONE if it has none."""
        return self.part[self.nets.source[e]] if self.nets.source[e] >= 0 else self.outside[e]

    cdef inline bint has_target(self, int64_t e, int64_t p) noexcept nogil:
        cdef int32_t pins = self.pins_in[e * self.n_parts + p]
        if pins == 1 and self.nets.apart[e] and self.nets.source[e] >= 0:
            return self.part[self.nets.source[e]] != p
        return pins > 0

    cdef void count_all(self) noexcept nogil:
        """All tables, from the parts of the nodes. Nodes without a part are nowhere."""
        cdef const Nets* nets = &self.nets
        cdef int64_t e, v, k, p, r, total, n_parts = self.n_parts
        cdef int32_t* row
        cdef int32_t only
        for v in range(nets.n_nodes):
            total = 0
            for k in range(nets.net_ptr[v], nets.net_ptr[v + 1]):
                total += nets.weight[nets.net[k]]
            self.whole[v] = total
            for p in range(n_parts):
                self.enter[v * n_parts + p] = total
            if self.part[v] >= 0:
                for r in range(N_LOADS):
                    self.load[self.part[v], r] += nets.load[v * N_LOADS + r]
        for e in range(nets.n_nets):
            row = &self.pins_in[e * n_parts]
            for k in range(nets.pin_ptr[e], nets.pin_ptr[e + 1]):
                if self.part[nets.pin[k]] >= 0:
                    row[self.part[nets.pin[k]]] += 1
            for p in range(n_parts):
                if row[p] == 0:
                    continue
                if self.has_target(e, p):
                    self.reach[e] += 1
                    self.load[p, MEMORY_BITS] += nets.count[e] * self.header_bits
                    self.load[p, AXONS_IN] += nets.count[e]
                if row[p] == 1:
                    only = self.pin_in(e, <int32_t>p)
                    self.stay[only] += nets.weight[e]
                for k in range(nets.pin_ptr[e], nets.pin_ptr[e + 1]):
                    self.enter[<int64_t>nets.pin[k] * n_parts + p] -= nets.weight[e]
            if nets.source[e] >= 0 and self.part[nets.source[e]] >= 0:
                self.load[self.part[nets.source[e]], AXONS_OUT] += <int64_t>nets.count[e] * self.reach[e]

    cdef inline int32_t pin_in(self, int64_t e, int32_t p) noexcept nogil:
        """The first pin of a net in a part that has one."""
        cdef int64_t k = self.nets.pin_ptr[e]
        while self.part[self.nets.pin[k]] != p:
            k += 1
        return self.nets.pin[k]

    cdef void move(self, int32_t v, int32_t to) noexcept nogil:
        """Gives the node to a part, and keeps all tables and the keys of the heap that rise."""
        cdef const Nets* nets = &self.nets
        cdef int32_t origin = self.part[v], u, home
        cdef int64_t e, i, k, r, w, n_parts = self.n_parts
        cdef int32_t* row
        cdef bint in_origin = False, in_to = False
        for r in range(N_LOADS):
            if origin >= 0:
                self.load[origin, r] -= nets.load[v * N_LOADS + r]
            self.load[to, r] += nets.load[v * N_LOADS + r]
        for i in range(nets.net_ptr[v], nets.net_ptr[v + 1]):
            e = nets.net[i]
            w = nets.weight[e]
            row = &self.pins_in[e * n_parts]
            if self.vector:
                home = self.home_of(e)
                if home >= 0:
                    self.load[home, AXONS_OUT] -= <int64_t>nets.count[e] * self.reach[e]
                in_origin = origin >= 0 and self.has_target(e, origin)
                in_to = self.has_target(e, to)
            if origin >= 0:
                row[origin] -= 1
            row[to] += 1
            self.part[v] = to
            if self.vector:
                if in_origin and not self.has_target(e, origin):
                    self.reach[e] -= 1
                    self.load[origin, AXONS_IN] -= nets.count[e]
                    self.load[origin, MEMORY_BITS] -= nets.count[e] * self.header_bits
                if not in_to and self.has_target(e, to):
                    self.reach[e] += 1
                    self.load[to, AXONS_IN] += nets.count[e]
                    self.load[to, MEMORY_BITS] += nets.count[e] * self.header_bits
                home = self.home_of(e)
                if home >= 0:
                    self.load[home, AXONS_OUT] += <int64_t>nets.count[e] * self.reach[e]
            if origin >= 0:
                if row[origin] == 0:
                    self.stay[v] -= w
                    for k in range(nets.pin_ptr[e], nets.pin_ptr[e + 1]):
                        self.enter[nets.pin[k] * n_parts + origin] += w
                elif row[origin] == 1:
                    u = self.pin_in(e, origin)
                    self.stay[u] += w
                    self.risen(u, origin)
            if row[to] == 1:
                self.stay[v] += w
                for k in range(nets.pin_ptr[e], nets.pin_ptr[e + 1]):
                    u = nets.pin[k]
                    self.enter[u * n_parts + to] -= w
                    self.risen(u, to)
            elif row[to] == 2:
                k = nets.pin_ptr[e]
                while self.part[nets.pin[k]] != to or nets.pin[k] == v:
                    k += 1
                self.stay[nets.pin[k]] -= w
            self.part[v] = origin
        self.part[v] = to

    cdef inline void risen(self, int32_t u, int32_t p) noexcept nogil:
        """The node gains more by a move to part p, or by any if it is in p."""
        cdef int64_t key
        if not self.searching or self.done[u]:
            return
        if self.part[u] == p:
            if self.heap.place[u] != NOWHERE:
                key = self.best_of(u)
                if key > self.heap.key[u]:
                    put(&self.heap, u, key)
            else:
                put(&self.heap, u, self.best_of(u))
            return
        key = self.stay[u] - self.enter[u * self.n_parts + p]
        if self.heap.place[u] == NOWHERE or key > self.heap.key[u]:
            put(&self.heap, u, key)

    cdef inline int64_t best_of(self, int32_t v) noexcept nogil:
        """What the best move of the node gains, wherever there is room."""
        cdef const int64_t* enter = &self.enter[v * self.n_parts]
        cdef int64_t p, least = 2**62
        for p in range(self.n_parts):
            if p != self.part[v] and enter[p] < least:
                least = enter[p]
        return self.stay[v] - least

    cdef bint fits(self, int32_t v, int32_t to) noexcept nogil:
        """Whether no load that rises by the move ends up beyond its limit."""
        cdef const Nets* nets = &self.nets
        cdef const int64_t* own = &nets.load[v * N_LOADS]
        cdef int32_t origin = self.part[v], home, p
        cdef int64_t e, i, r, n, n_changed = 0, axons = 0, out = 0
        cdef bint enters, leaves, is_target, result = True
        if self.load[to, COMPARTMENTS] + own[COMPARTMENTS] > self.limits[to, COMPARTMENTS]:
            return False
        if not self.vector:
            return True
        for r in range(1, N_LOADS):
            if self.load[to, r] + own[r] > self.limits[to, r]:
                return False
        for i in range(nets.net_ptr[v], nets.net_ptr[v + 1]):
            e = nets.net[i]
            n = nets.count[e]
            home = nets.source[e]
            is_target = home != v or not nets.apart[e]
            enters = is_target and not self.has_target(e, to)
            leaves = is_target and origin >= 0 and self.pins_in[e * self.n_parts + origin] == (
                2 if home >= 0 and home != v and nets.apart[e] and self.part[home] == origin else 1
            )
            axons += n if enters else 0
            if home == v:
                out += n * (self.reach[e] + (1 if enters else 0) - (1 if leaves else 0))
            elif enters != leaves and self.home_of(e) >= 0:
                p = self.home_of(e)
                if not self.is_changed[p]:
                    self.is_changed[p] = 1
                    self.changed[n_changed] = p
                    n_changed += 1
                self.change[p] += n if enters else -n
        for i in range(n_changed):
            p = self.changed[i]
            if p != to and self.change[p] > 0 and (
                self.load[p, AXONS_OUT] + self.change[p] > self.limits[p, AXONS_OUT]
            ):
                # who has too many already may get more while others are relieved
                result = result and self.relieving and self.load[p, AXONS_OUT] > self.limits[p, AXONS_OUT]
            if p == to:
                out += self.change[p]
            self.change[p] = 0
            self.is_changed[p] = 0
        return (
            result
            and self.load[to, AXONS_IN] + own[AXONS_IN] + axons <= self.limits[to, AXONS_IN]
            and self.load[to, MEMORY_BITS] + own[MEMORY_BITS] + axons * self.header_bits <= self.limits[to, MEMORY_BITS]
            and self.load[to, AXONS_OUT] + own[AXONS_OUT] + out <= self.limits[to, AXONS_OUT]
        )

    cdef inline int32_t best_part(self, int32_t v, int64_t* gain) noexcept nogil:
        """The part with room that the node gains most by going to, and what; NONE if there is none."""
        cdef const int64_t* enter = &self.enter[v * self.n_parts]
        cdef int64_t p, cost, worst = -1, room, best_room, tries
        cdef int32_t best, last = NONE
        cdef int64_t own = self.nets.load[v * N_LOADS]
        for tries in range(TRIES):
            best, cost, best_room = NONE, 2**62, 0
            for p in range(self.n_parts):
                room = self.limits[p, COMPARTMENTS] - self.load[p, COMPARTMENTS] - own
                if p == self.part[v] or room < 0 or enter[p] > cost:
                    continue
                if enter[p] < worst or (enter[p] == worst and p <= last):
                    continue  # tried before
                if enter[p] == cost and (self.vector or room <= best_room):
                    continue
                best, cost, best_room = <int32_t>p, enter[p], room
            if best == NONE:
                return NONE
            if self.fits(v, best):
                gain[0] = self.stay[v] - cost
                return best
            worst, last = cost, best
        return NONE

    cdef inline bint at_border(self, int32_t v) noexcept nogil:
        """Whether a net of the node is in other parts too."""
        cdef const int64_t* enter = &self.enter[v * self.n_parts]
        cdef int64_t p
        for p in range(self.n_parts):
            if p != self.part[v] and enter[p] < self.whole[v]:
                return True
        return False

    def improve(self, const int32_t[::1] order, int64_t n_rounds):
        """Moves nodes that gain by it, in the order given, round by round. Returns what was gained."""
        cdef int64_t i, gain = 0, total = 0, moved
        cdef int32_t v, to
        with nogil:
            for _ in range(n_rounds):
                moved = 0
                for i in range(order.shape[0]):
                    if i & LOOK == LOOK:
                        with gil:
                            PyErr_CheckSignals()
                    v = order[i]
                    if self.best_of(v) <= 0:
                        continue
                    to = self.best_part(v, &gain)
                    if to != NONE and gain > 0:
                        self.move(v, to)
                        total += gain
                        moved += 1
                if moved * 500 < self.nets.n_nodes:
                    break
        return total

    def search(self, int64_t patience):
        """A pass of Fiduccia and Mattheyses: the best move of all, whatever it costs, each node once.

        Ends `patience` moves after the best state, which is gone back to. Returns what was gained.
        """
        cdef int64_t n_nodes = self.nets.n_nodes, gain = 0, total = 0, best = 0, n = 0, n_best = 0
        cdef int32_t v, to
        cdef int32_t[::1] moved = np.empty(n_nodes, dtype=np.int32)
        cdef int32_t[::1] origin = np.empty(n_nodes, dtype=np.int32)
        with nogil:
            for v in range(<int32_t>n_nodes):
                self.done[v] = 0
                if self.at_border(v):
                    put(&self.heap, v, self.best_of(v))
            self.searching = True
            while self.heap.n > 0 and n - n_best < patience:
                v = self.heap.node[0]
                to = self.best_part(v, &gain)
                if to == NONE:
                    take(&self.heap, v)
                    continue
                if gain < self.heap.key[v]:
                    put(&self.heap, v, gain)
                    if self.heap.node[0] != v:
                        continue
                take(&self.heap, v)
                self.done[v] = 1
                moved[n], origin[n] = v, self.part[v]
                self.move(v, to)
                n += 1
                if n & LOOK == LOOK:
                    with gil:
                        PyErr_CheckSignals()
                total += gain
                if total > best:
                    best, n_best = total, n
            self.searching = False
            while self.heap.n > 0:
                take(&self.heap, self.heap.node[self.heap.n - 1])
            while n > n_best:
                n -= 1
                self.move(moved[n], origin[n])
        return best

    def grow(self, const int32_t[::1] order, const int64_t[::1] goal, bint relative):
        """Gives parts to all nodes: part after part takes the node that shares most with it.

        order: nodes as they are tried to begin a part with; goal: compartments of each part; relative: what is
        shared counts by what the node has. Nodes that fit nowhere stay without. Returns the number of parts in use.
        """
        cdef int64_t n_nodes = self.nets.n_nodes, p, i, at = 0, own
        cdef int32_t v
        cdef bint full
        with nogil:
            for v in range(<int32_t>n_nodes):
                self.done[v] = 0
            p = 0
            while p < self.n_parts:
                while at < n_nodes and self.part[order[at]] >= 0:
                    at += 1
                if at == n_nodes:
                    break
                put(&self.heap, order[at], 0)
                full = False
                while not full:
                    if self.heap.n == 0:
                        # what is left shares nothing with the part
                        i = at
                        while i < n_nodes and (self.part[order[i]] >= 0 or self.done[order[i]]):
                            i += 1
                        if i == n_nodes:
                            break
                        put(&self.heap, order[i], 0)
                    v = self.heap.node[0]
                    take(&self.heap, v)
                    own = self.nets.load[v * N_LOADS]
                    self.done[v] = 1
                    if not self.fits(v, <int32_t>p):
                        continue
                    if p < self.n_parts - 1 and self.load[p, COMPARTMENTS] + own // 2 > goal[p]:
                        break
                    self.grow_by(v, <int32_t>p, relative)
                    full = self.load[p, COMPARTMENTS] >= goal[p] and p < self.n_parts - 1
                while self.heap.n > 0:
                    take(&self.heap, self.heap.node[self.heap.n - 1])
                for i in range(n_nodes):
                    self.done[i] = 0
                p += 1
        return p

    cdef void grow_by(self, int32_t v, int32_t p, bint relative) noexcept nogil:
        """The part takes the node; those that share nets with it come nearer."""
        cdef const Nets* nets = &self.nets
        cdef int64_t i, k, shared
        cdef int64_t e
        cdef int32_t u
        self.move(v, p)
        for i in range(nets.net_ptr[v], nets.net_ptr[v + 1]):
            e = nets.net[i]
            if self.pins_in[e * self.n_parts + p] != 1:
                continue
            for k in range(nets.pin_ptr[e], nets.pin_ptr[e + 1]):
                u = nets.pin[k]
                if self.part[u] >= 0 or self.done[u]:
                    continue
                shared = self.whole[u] - self.enter[u * self.n_parts + p]
                put(&self.heap, u, shared * 65536 // self.whole[u] if relative else 2 * shared - self.whole[u])

    def settle(self, const int32_t[::1] order):
        """Gives the nodes without a part, in this order, to the part with room where they cost least.

        Returns how many fit nowhere and stay without.
        """
        cdef int64_t i, p, cost, n_left = 0
        cdef int32_t v, best
        with nogil:
            for i in range(order.shape[0]):
                v = order[i]
                if self.part[v] >= 0:
                    continue
                best, cost = NONE, 0
                for p in range(self.n_parts):
                    if (best == NONE or self.enter[v * self.n_parts + p] < cost) and self.fits(v, <int32_t>p):
                        best, cost = <int32_t>p, self.enter[v * self.n_parts + p]
                if best == NONE:
                    n_left += 1
                else:
                    self.move(v, best)
        return n_left

    cdef inline bint is_over(self, int32_t p) noexcept nogil:
        cdef int64_t r
        for r in range(N_LOADS):
            if self.load[p, r] > self.limits[p, r]:
                return True
        return False

    def relieve(self):
        """Moves nodes out of parts that hold too much, those that lose least by it first.

        Returns the number of parts that hold too much all the same.
        """
        cdef int64_t n_nodes = self.nets.n_nodes, gain = 0, n_over = 0
        cdef int32_t v, to, p
        with nogil:
            self.relieving = True
            for p in range(<int32_t>self.n_parts):
                if not self.is_over(p):
                    continue
                for v in range(<int32_t>n_nodes):
                    if self.part[v] == p:
                        put(&self.heap, v, self.best_of(v))
                while self.heap.n > 0 and self.is_over(p):
                    v = self.heap.node[0]
                    to = self.best_part(v, &gain)
                    if to == NONE:
                        take(&self.heap, v)
                    elif gain < self.heap.key[v]:
                        put(&self.heap, v, gain)
                        if self.heap.node[0] == v:
                            take(&self.heap, v)
                            self.move(v, to)
                    else:
                        take(&self.heap, v)
                        self.move(v, to)
                while self.heap.n > 0:
                    take(&self.heap, self.heap.node[self.heap.n - 1])
                n_over += self.is_over(p)
            self.relieving = False
        return n_over

    def cost(self):
        """Sum over the nets of their weight times the parts beyond the first."""
        cdef int64_t e, p, touched, total = 0
        with nogil:
            for e in range(self.nets.n_nets):
                touched = 0
                for p in range(self.n_parts):
                    touched += self.pins_in[e * self.n_parts + p] > 0
                total += (touched - 1) * self.nets.weight[e]
        return total

    def loads(self):
        """int64 [n_rows, 4]"""
        return np.asarray(self.load).copy()

    def reached(self):
        """int32 [n_nets]: parts with a target of the net."""
        cdef int64_t e
        cdef int32_t[::1] result = np.empty(self.nets.n_nets, dtype=np.int32)
        for e in range(self.nets.n_nets):
            result[e] = self.reach[e]
        return np.asarray(result)
