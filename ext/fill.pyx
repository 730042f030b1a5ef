"""Fills cores neuron by neuron, counting what they take of each limit as synapses come in.

Callers: emulator/compiler/fill.py. A *rank* is the place of a neuron in the order of filling, a *strand* all
synapses of one sender that may share a run (compiler/incoming.py). Linear in the synapses looked at.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

RESOURCES = (
    "compartments", "axons_out", "compartment_configs", "threshold_configs", "delay_slots", "axons_in",
    "synapse_memory_bits",
)

cdef enum:
    COMPARTMENTS
    AXONS_OUT
    CONFIGS
    THRESHOLDS
    DELAY_SLOTS
    AXONS_IN
    MEMORY_BITS
    N_RESOURCES


cdef struct Run:
    # synapses of one strand in the core
    int32_t core  # number of the core that the rest is about
    int32_t first_slot
    int32_t n_synapses
    int32_t n_in_block  # synapses of the last block, while it is not full
    int32_t is_sparse  # 1 from the first gap or repeated slot on


cdef class Filler:
    """Demand of every rank, and the state of the core being filled.

    limits: [7] in the order of RESOURCES; words: [n_bits, block_synapses + 1] words of a block of that many
    synapses of so many bits. Arrays by rank: indptr [n + 1], longest_delay, entries, config, threshold.
    """

    cdef const int64_t[::1] indptr, entries, limits
    cdef const int32_t[::1] strand, strand_sender, dense_bits, sparse_bits, config, threshold
    cdef const uint8_t[::1] longest_delay
    cdef const int32_t[:, ::1] words
    cdef int64_t word_bits
    cdef Run* runs  # [n_strands]
    cdef int32_t* sender_core  # [n_senders] number of the core that has an axon for it
    cdef int32_t* config_core
    cdef int32_t* threshold_core
    cdef int32_t core  # number of the core being filled, from 1
    cdef int64_t used[N_RESOURCES]
    cdef int64_t delay

    def __cinit__(
        self, indptr, strand, strand_sender, dense_bits, sparse_bits, longest_delay, entries, config, threshold,
        limits, words, int64_t word_bits, int64_t n_senders, int64_t n_configs, int64_t n_thresholds,
    ):
        self.indptr, self.strand, self.strand_sender = indptr, strand, strand_sender
        self.dense_bits, self.sparse_bits, self.longest_delay = dense_bits, sparse_bits, longest_delay
        self.entries, self.config, self.threshold = entries, config, threshold
        self.limits, self.words, self.word_bits = limits, words, word_bits
        self.core = 0
        self.runs = <Run*>calloc(self.strand_sender.shape[0] + 1, sizeof(Run))
        self.sender_core = <int32_t*>calloc(n_senders + 1, sizeof(int32_t))
        self.config_core = <int32_t*>calloc(n_configs + 1, sizeof(int32_t))
        self.threshold_core = <int32_t*>calloc(n_thresholds + 1, sizeof(int32_t))
        if (
            self.runs == NULL or self.sender_core == NULL or self.config_core == NULL
            or self.threshold_core == NULL
        ):
            raise MemoryError("state of the core being filled")

    def __dealloc__(self):
        free(self.runs)
        free(self.sender_core)
        free(self.config_core)
        free(self.threshold_core)

    def fill(self, int64_t held, int64_t held_end, int64_t first, int64_t last):
        """Fills a fresh core with the ranks held .. held_end - 1, then first .. last - 1 as far as they fit.

        Returns how many of the latter fit, the place in RESOURCES of what keeps the next one out (None: all
        fit), and int64 [7] what the held ones take together.
        """
        cdef int64_t rank
        cdef int64_t broken = -1
        cdef int64_t of_held[N_RESOURCES]
        with nogil:
            self.core += 1
            self.delay = 0
            memset(self.used, 0, sizeof(self.used))
            for rank in range(held, held_end):
                self.put(rank)
            of_held[:] = self.used
            rank = first
            while rank < last:
                self.put(rank)
                broken = self.first_broken()
                if broken >= 0:
                    break
                rank += 1
        return rank - first, None if broken < 0 else broken, [of_held[i] for i in range(N_RESOURCES)]

    cdef void put(self, int64_t rank) noexcept nogil:
        """The neuron takes the next slot."""
        cdef int32_t slot = <int32_t>self.used[COMPARTMENTS]
        cdef int64_t i
        self.used[COMPARTMENTS] += 1
        self.used[AXONS_OUT] += self.entries[rank]
        if self.config_core[self.config[rank]] != self.core:
            self.config_core[self.config[rank]] = self.core
            self.used[CONFIGS] += 1
        if self.threshold_core[self.threshold[rank]] != self.core:
            self.threshold_core[self.threshold[rank]] = self.core
            self.used[THRESHOLDS] += 1
        self.delay = max(self.delay, <int64_t>self.longest_delay[rank])
        self.used[DELAY_SLOTS] = self.used[COMPARTMENTS] * self.delay
        for i in range(self.indptr[rank], self.indptr[rank + 1]):
            self.receive(self.strand[i], slot)

    cdef void receive(self, int32_t strand, int32_t slot) noexcept nogil:
        """A synapse onto `slot`. A run costs as a dense one until its first gap, as a sparse one from there on."""
        cdef Run* run = &self.runs[strand]
        cdef int32_t sender, bits
        if run.core != self.core:
            run.core, run.first_slot, run.n_synapses, run.n_in_block, run.is_sparse = self.core, slot, 0, 0, 0
            sender = self.strand_sender[strand]
            if self.sender_core[sender] != self.core:
                self.sender_core[sender] = self.core
                self.used[AXONS_IN] += 1
        elif not run.is_sparse and slot - run.first_slot != run.n_synapses:
            self.used[MEMORY_BITS] += self.run_bits(run, self.sparse_bits[strand])
            self.used[MEMORY_BITS] -= self.run_bits(run, self.dense_bits[strand])
            run.is_sparse = 1
        bits = self.sparse_bits[strand] if run.is_sparse else self.dense_bits[strand]
        self.used[MEMORY_BITS] += self.word_bits * (
            self.words[bits, run.n_in_block + 1] - self.words[bits, run.n_in_block]
        )
        run.n_synapses += 1
        run.n_in_block += 1
        if run.n_in_block == self.words.shape[1] - 1:
            run.n_in_block = 0

    cdef int64_t run_bits(self, const Run* run, int32_t bits) noexcept nogil:
        cdef int64_t block = self.words.shape[1] - 1
        cdef int64_t n_full = (run.n_synapses - run.n_in_block) // block
        return self.word_bits * (n_full * self.words[bits, block] + self.words[bits, run.n_in_block])

    cdef int64_t first_broken(self) noexcept nogil:
        cdef int64_t i
        for i in range(N_RESOURCES):
            if self.used[i] > self.limits[i]:
                return i
        return -1
