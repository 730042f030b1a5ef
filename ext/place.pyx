"""Moves bins over the cores of a mesh, and finds coordinates to begin with.

Callers: emulator/compiler/placing. A *node* is a bin or, last, the host port. The cost of a placement is the
sum over pairs of nodes of their packets times the distance of their tiles, |dx| + |dy| in lengths that the
caller gives to columns and rows. All costs are integers, all draws are named by a counter: equal arguments
give equal bits.
"""

cimport cython
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free

import numpy as np

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    EMPTY = -1  # of bin_at; anything lower is no core to move to
    DRAWS = 1024  # length of the caller's table of exponential draws
    FRACTION = 20  # bits behind the point of temperature x draw: 8 + 12
    AIMED = 4  # one in so many moves goes beside a node that the bin talks to
    KEPT = 450  # of 1000 moves; the window is made smaller while fewer are taken


cdef struct Point:
    int32_t x, y  # in the caller's lengths


cdef struct Heat:
    int64_t n_levels  # to come
    int64_t n_moves  # of a level
    int64_t moved  # of this level
    int64_t n_taken  # of them
    int64_t temperature  # in 1/256 of the cost
    int64_t cooling  # in 1/65536
    int64_t window  # in 1/1024 of a tile
    int64_t idle  # levels without a move taken
    uint64_t counter


@cython.overflowcheck(False)
cdef inline uint64_t _draw(uint64_t* counter) noexcept nogil:
    """64 bits: splitmix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014)."""
    cdef uint64_t z
    counter[0] += <uint64_t>0x9E3779B97F4A7C15
    z = counter[0]
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline int64_t _below(uint64_t* counter, int64_t n) noexcept nogil:
    """0 .. n - 1 for n < 2**31."""
    return <int64_t>(((_draw(counter) >> 32) * <uint64_t>n) >> 32)


cdef inline int64_t _between(int64_t a, int64_t b) noexcept nogil:
    # abs() does not compile where overflow is checked
    return a - b if a > b else b - a


cdef inline int64_t _apart(Point a, Point b) noexcept nogil:
    return _between(a.x, b.x) + _between(a.y, b.y)


cdef class Search:
    """A placement that is being improved.

    indptr [n_nodes + 1], other, weight: packets between each node and the others, both ways added up, every
    pair in both rows; column_at [width], row_at [height]: where columns and rows are; core_of: int32 [n_nodes]
    and bin_at: int32 [n_cores] are changed in place; movable: int32 bins; box: first and last column, first and
    last row that bins may go to.
    """

    cdef const int64_t[::1] indptr, weight
    cdef const int32_t[::1] other, column_at, row_at, movable
    cdef int32_t[::1] core_of, bin_at
    cdef Point* at  # [n_nodes]
    cdef int64_t per_tile, width
    cdef int64_t box[4]
    cdef Heat heat_left
    cdef const int32_t[::1] draws

    def __cinit__(
        self, indptr, other, weight, column_at, row_at, int64_t per_tile, core_of, bin_at, movable, box
    ):
        cdef int64_t node
        self.indptr, self.other, self.weight = indptr, other, weight
        self.column_at, self.row_at, self.per_tile = column_at, row_at, per_tile
        self.core_of, self.bin_at, self.movable = core_of, bin_at, movable
        self.width = self.column_at.shape[0]
        self.box = box
        self.heat_left.n_levels = 0
        if (
            self.indptr.shape[0] != self.core_of.shape[0] + 1
            or self.other.shape[0] != self.indptr[self.core_of.shape[0]]
            or self.weight.shape[0] != self.other.shape[0]
            or self.bin_at.shape[0] != self.width * self.row_at.shape[0] * per_tile
        ):
            raise ValueError("Search: arrays of inconsistent shape")
        self.at = <Point*>calloc(self.core_of.shape[0], sizeof(Point))
        if self.at == NULL:
            raise MemoryError("places of the bins")
        for node in range(self.core_of.shape[0]):
            self.at[node] = self.point(self.core_of[node] // per_tile)

    def __dealloc__(self):
        free(self.at)

    cdef inline Point point(self, int64_t tile) noexcept nogil:
        cdef Point here
        here.x, here.y = self.column_at[tile % self.width], self.row_at[tile // self.width]
        return here

    cdef inline int64_t gain(self, int32_t node, Point here, Point there, int32_t but) noexcept nogil:
        """What the cost rises by when a node goes from here to there; a node `but` is left out."""
        cdef const int32_t* other = &self.other[0]
        cdef const int64_t* weight = &self.weight[0]
        cdef const Point* at = self.at
        cdef int64_t k, total = 0
        cdef Point place
        for k in range(self.indptr[node], self.indptr[node + 1]):
            place = at[other[k]]
            if other[k] != but:
                total += weight[k] * (
                    _between(place.x, there.x) + _between(place.y, there.y) - _between(place.x, here.x) - _between(place.y, here.y)
                )
        return total

    cdef inline void move(self, int32_t node, int32_t core, Point there) noexcept nogil:
        """The node and the bin at that core, if there is one, change places."""
        cdef int32_t back = self.core_of[node], swapped = self.bin_at[core]
        self.bin_at[back] = swapped
        if swapped != EMPTY:
            self.core_of[swapped] = back
            self.at[swapped] = self.at[node]
        self.bin_at[core] = node
        self.core_of[node] = core
        self.at[node] = there

    def cost(self):
        """Sum over all pairs of packets x distance."""
        cdef int64_t node, k, total = 0
        with nogil:
            for node in range(self.core_of.shape[0]):
                for k in range(self.indptr[node], self.indptr[node + 1]):
                    if self.other[k] > node:
                        total += self.weight[k] * _apart(self.at[node], self.at[self.other[k]])
        return total

    def descend(self, int64_t radius, int64_t n_visits):
        """Each bin in turn takes the place, or changes it with the bin there, that saves most, until none does.

        Looked at are tiles within `radius` columns and rows of the bin and of the middle of those that it
        talks to. Ends after about n_visits looks at a pair of nodes.
        """
        cdef int64_t i, left = n_visits
        cdef bint moved = True
        with nogil:
            while moved and left > 0:
                moved = False
                for i in range(self.movable.shape[0]):
                    if left > 0 and self.indptr[self.movable[i]] < self.indptr[self.movable[i] + 1]:
                        moved |= self.improve(self.movable[i], radius, &left)

    cdef bint improve(self, int32_t node, int64_t radius, int64_t* left) noexcept nogil:
        cdef int64_t best = 0, tile = self.core_of[node] // self.per_tile
        cdef int32_t best_core = -1
        self.look_around(node, tile % self.width, tile // self.width, radius, left, &best, &best_core)
        if radius < self.width or radius < self.row_at.shape[0]:
            tile = self.middle(node)
            self.look_around(node, tile % self.width, tile // self.width, radius, left, &best, &best_core)
        if best_core < 0:
            return False
        self.move(node, best_core, self.point(best_core // self.per_tile))
        return True

    cdef int64_t middle(self, int32_t node) noexcept nogil:
        """Tile in the middle of the nodes that this one talks to."""
        cdef int64_t k, tile, x = 0, y = 0, total = 0
        for k in range(self.indptr[node], self.indptr[node + 1]):
            tile = self.core_of[self.other[k]] // self.per_tile
            x += self.weight[k] * (tile % self.width)
            y += self.weight[k] * (tile // self.width)
            total += self.weight[k]
        return (y + total // 2) // total * self.width + (x + total // 2) // total

    cdef void look_around(
        self, int32_t node, int64_t x, int64_t y, int64_t radius, int64_t* left, int64_t* best, int32_t* best_core
    ) noexcept nogil:
        """Lowers `best`, what the cost rises by, where a core of the tiles around does."""
        cdef int64_t column, row, tile, own = self.core_of[node] // self.per_tile, rise, total
        cdef int32_t core, swapped
        cdef int64_t degree = self.indptr[node + 1] - self.indptr[node]
        cdef Point here = self.at[node], there
        cdef bint alone
        for row in range(max(self.box[2], y - radius), min(self.box[3], y + radius) + 1):
            for column in range(max(self.box[0], x - radius), min(self.box[1], x + radius) + 1):
                tile = row * self.width + column
                if tile == own:
                    continue
                there = self.point(tile)
                rise, alone = 0, False  # of the node going there by itself
                for core in range(tile * self.per_tile, (tile + 1) * self.per_tile):
                    swapped = self.bin_at[core]
                    if swapped < EMPTY:
                        continue
                    if not alone:
                        rise, alone = self.gain(node, here, there, -1), True
                        left[0] -= degree
                    total = rise
                    if swapped != EMPTY:
                        total += self.swap_back(swapped, node, there, here)
                        left[0] -= self.indptr[swapped + 1] - self.indptr[swapped]
                    if total < best[0]:
                        best[0], best_core[0] = total, core

    cdef inline int64_t swap_back(self, int32_t swapped, int32_t node, Point here, Point there) noexcept nogil:
        """What the cost rises by when `swapped` goes the other way, with what `gain` of the node alone got
        wrong: the distance between the two stays what it is."""
        cdef int64_t k, total = 0
        cdef int32_t other
        for k in range(self.indptr[swapped], self.indptr[swapped + 1]):
            other = self.other[k]
            if other == node:
                total += self.weight[k] * _apart(here, there)
            else:
                total += self.weight[k] * (_apart(self.at[other], there) - _apart(self.at[other], here))
        return total

    def heat(
        self, int64_t n_levels, int64_t n_moves, int64_t temperature, int64_t cooling, uint64_t seed,
        const int32_t[::1] draws,
    ):
        """Begins an annealing, which `anneal` goes on with: n_levels times n_moves moves, each taken where it
        saves or costs no more than temperature x draw.

        temperature: in 1/256 of the cost, after each level that times cooling / 65536; draws: int32 [1024]
        exponential ones, in 1/4096.
        """
        if self.movable.shape[0] == 0 or draws.shape[0] != DRAWS:
            raise ValueError(f"Search.heat: {self.movable.shape[0]} bins, {draws.shape[0]} draws")
        self.heat_left = Heat(
            n_levels=n_levels, n_moves=n_moves, moved=0, n_taken=0, temperature=temperature, cooling=cooling,
            window=max(self.width, self.row_at.shape[0]) << 10, idle=0, counter=seed,
        )
        self.draws = draws

    def anneal(self, int64_t n_moves):
        """Up to n_moves of the moves that are left; 0: all are done. How they are cut changes no bit."""
        cdef Heat* heat = &self.heat_left
        cdef int64_t left = n_moves
        with nogil:
            while left > 0 and heat.n_levels > 0:
                if heat.moved < heat.n_moves:
                    heat.n_taken += self.try_move(&heat.counter, heat.window >> 10, heat.temperature, self.draws)
                    heat.moved += 1
                    left -= 1
                if heat.moved == heat.n_moves:
                    self.cool(heat)
        return heat.n_levels * heat.n_moves - heat.moved

    cdef void cool(self, Heat* heat) noexcept nogil:
        """Ends a level."""
        cdef int64_t widest = max(self.width, self.row_at.shape[0]) << 10
        heat.temperature = heat.temperature * heat.cooling >> 16
        heat.window = heat.window * (1000 - KEPT + heat.n_taken * 1000 // max(heat.n_moves, 1)) // 1000
        heat.window = min(max(heat.window, 1024), widest)
        heat.idle = 0 if heat.n_taken else heat.idle + 1
        heat.n_levels = 0 if heat.idle == 3 else heat.n_levels - 1
        heat.moved = heat.n_taken = 0

    cdef bint try_move(
        self, uint64_t* counter, int64_t window, int64_t temperature, const int32_t[::1] draws
    ) noexcept nogil:
        cdef int32_t node = self.movable[_below(counter, self.movable.shape[0])], core, swapped
        cdef int64_t tile = self.core_of[node] // self.per_tile, own = tile, low, high, row, rise
        cdef int64_t degree = self.indptr[node + 1] - self.indptr[node]
        cdef Point here = self.at[node], there
        if degree and _below(counter, AIMED) == 0:
            tile = self.core_of[self.other[self.indptr[node] + _below(counter, degree)]] // self.per_tile
            window = 1
        low, high = max(self.box[2], tile // self.width - window), min(self.box[3], tile // self.width + window)
        if low > high:
            return False
        row = low + _below(counter, high - low + 1)
        low, high = max(self.box[0], tile % self.width - window), min(self.box[1], tile % self.width + window)
        if low > high:
            return False
        tile = row * self.width + low + _below(counter, high - low + 1)
        core = <int32_t>(tile * self.per_tile + (_below(counter, self.per_tile) if self.per_tile > 1 else 0))
        swapped = self.bin_at[core]
        if tile == own or swapped < EMPTY:
            return False
        there = self.point(tile)
        rise = self.gain(node, here, there, swapped)
        if swapped != EMPTY:
            rise += self.gain(swapped, there, here, node)
        if rise > 0 and rise > (temperature * draws[_below(counter, DRAWS)]) >> FRACTION:
            return False
        self.move(node, core, there)
        return True


def coordinates(
    const int64_t[::1] indptr, const int32_t[::1] other, const int64_t[::1] weight, double[:, ::1] vectors,
    int64_t n_rounds, int64_t n_steps,
):
    """Turns vectors [2, n] towards the slowest two of the graph's Laplacian: its spectral coordinates.

    Rounds of inverse iteration, each with up to n_steps of conjugate gradients per vector. Plain loops of C:
    the order of additions, and so the outcome, is the same everywhere.
    """
    cdef int64_t n = vectors.shape[1], number, i, j
    cdef double[::1] degree = np.zeros(n)
    cdef double[:, ::1] room = np.zeros((4, n))
    cdef double total = 0
    with nogil:
        for i in range(n):
            for j in range(indptr[i], indptr[i + 1]):
                degree[i] += weight[j]
            degree[i] = max(degree[i], 1.0)
            total += degree[i]
        for number in range(n_rounds):
            for i in range(2):
                _centre(vectors[i], degree, total)
                if i:
                    _part(vectors[1], vectors[0], degree)
                _scale(vectors[i], degree)
                _solve(indptr, other, weight, degree, vectors[i], room, n_steps)
            with gil:
                PyErr_CheckSignals()  # a round can take as long as one waits for Ctrl-C
        for i in range(2):
            _centre(vectors[i], degree, total)
            if i:
                _part(vectors[1], vectors[0], degree)
            _scale(vectors[i], degree)


cdef void _centre(double[::1] x, double[::1] degree, double total) noexcept nogil:
    cdef int64_t i
    cdef double mean = 0
    for i in range(x.shape[0]):
        mean += degree[i] * x[i]
    mean /= total
    for i in range(x.shape[0]):
        x[i] -= mean


cdef void _part(double[::1] x, double[::1] y, double[::1] degree) noexcept nogil:
    """Takes out of x what it has of y, which has length 1."""
    cdef int64_t i
    cdef double along = 0, length = 0
    for i in range(x.shape[0]):
        along += degree[i] * x[i] * y[i]
        length += degree[i] * y[i] * y[i]
    if length > 0:
        for i in range(x.shape[0]):
            x[i] -= along / length * y[i]


cdef void _scale(double[::1] x, double[::1] degree) noexcept nogil:
    cdef int64_t i
    cdef double length = 0
    for i in range(x.shape[0]):
        length += degree[i] * x[i] * x[i]
    if length > 0:
        length = sqrt(length)
        for i in range(x.shape[0]):
            x[i] /= length


cdef void _solve(
    const int64_t[::1] indptr, const int32_t[::1] other, const int64_t[::1] weight, double[::1] degree,
    double[::1] x, double[:, ::1] room, int64_t n_steps,
) noexcept nogil:
    """x <- solution z of (L + D / 2**20) z = D x, by conjugate gradients with the diagonal taken out."""
    cdef double[::1] residual = room[0], direction = room[1], image = room[2], z = room[3]
    cdef double product = 0, first, step, curved, before
    cdef int64_t n = x.shape[0], number, i, j
    for i in range(n):
        residual[i], z[i] = degree[i] * x[i], 0
        direction[i] = residual[i] / degree[i]
        product += residual[i] * direction[i]
    first = product
    for number in range(n_steps):
        if product <= 1e-10 * first:
            break
        curved = 0
        for i in range(n):
            image[i] = degree[i] * direction[i] / (1 << 20)
            for j in range(indptr[i], indptr[i + 1]):
                image[i] += weight[j] * (direction[i] - direction[other[j]])
            curved += image[i] * direction[i]
        if curved <= 0:
            break
        step, before, product = product / curved, product, 0
        for i in range(n):
            z[i] += step * direction[i]
            residual[i] -= step * image[i]
            product += residual[i] * residual[i] / degree[i]
        for i in range(n):
            direction[i] = residual[i] / degree[i] + product / before * direction[i]
    for i in range(n):
        x[i] = z[i]
