# A run of a machine: what all workers share, and what each has of its own.
from emulator._ext.core cimport Compartments, Configuration, Rows, Stretch, Sums
from emulator._ext.crossbar cimport Crossbars
from emulator._ext.crossbar_tick cimport Share
from emulator._ext.crossing cimport Crossing
from emulator._ext.generator cimport Generators
from emulator._ext.losses cimport Losses
from emulator._ext.team cimport Barrier
from emulator._ext.wide cimport Overflow, WideCompartments, WideRows
from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    SPIKES = 0
    FIRST_SENT = 1  # transmitted .. synaptic_ops_sparse: what a sender's spike causes
    N_SENT = 14
    SYNAPTIC_OPS = 13  # of dense lists and crossbars
    INACTIVE = 15
    ACTIVE = 16
    BARRIER = 17
    LOST = 18
    N_EVENTS = 19

cdef enum Status:
    OK = 0
    NO_MEMORY = 1
    DEADLOCK = 2
    OVERFLOWN = 3
    NO_THREAD = 4

cdef enum Variable:
    U = 0
    V = 1
    V_RAW = 2


cdef struct Block:
    # compartments of one stretch that are updated, or skipped, at once
    int32_t start  # slot
    int32_t n
    int32_t stretch
    int32_t part
    int32_t quiet  # 1: nothing was left in its registers, so that without input nothing changes


cdef struct Senders:
    const int64_t* sent  # [n_senders, N_SENT] events that one spike causes
    int64_t* n_spikes  # [n_senders]
    const uint8_t* recorded  # [n_slots]; NULL: none is
    const int64_t* event_ptr  # [n_rows + 1]
    const int32_t* event_sender  # host inputs that spike in a row, as senders, ascending


cdef struct Inputs:
    # host inputs that spike in this tick and in the one before, as senders, ascending
    const int32_t* sender[2]
    int64_t n[2]
    Generators generators  # their inputs are numbered as senders too
    int32_t* drawn[2]  # [n_inputs + 1] room for senders when there are generators


cdef struct Samples:
    # registers when a sample starts (one set for all samples, or one each) and when it has ended
    int64_t n_ticks  # of a sample
    int64_t n_starts
    const void* start_u  # int32 (wide: int64) [n_starts, n_slots]
    const void* start_v
    const int32_t* start_counter
    const void* start_pending  # [n_starts, n_delays, width]; NULL: nothing is due; crossbars: uint8, per axon
    void* end_u  # [n_samples, n_slots]
    void* end_v
    int32_t* end_counter
    void* end_pending  # [n_samples, n_delays, width]


cdef struct Probes:
    # lane l reads slot[l], of crossbar cores the place; probe p has lanes lane_ptr[p] .. lane_ptr[p + 1], all of one variable
    int64_t n
    const int64_t* lane_ptr
    const int32_t* slot
    const int32_t* variable  # [n] of Variable
    const int64_t* at  # [n, n_ticks] row of the sample's output, or -1
    const int64_t* n_probed  # [n] such rows
    const int64_t* output  # [n] address of int32 (wide: int64) [n_samples, n_probed, n_lanes]
    uint8_t* counter_before  # [n_lanes]


cdef struct Worker:
    int64_t first_slot
    int64_t end_slot
    int64_t first_block
    int64_t end_block
    int64_t first_part
    int64_t end_part
    int64_t first_row
    int32_t* fired[2]  # slots that fired in this tick and in the one before, ascending
    int64_t n_fired[2]
    int64_t counts[2][N_EVENTS]  # of this tick and of the one before
    int32_t* spikes  # recorded slots, row after row
    int32_t* n_of_row  # [n_rows] how many of them are of a row
    int64_t n_recorded
    int64_t n_room
    int64_t row  # its own view of where the run is
    int64_t row_of_sums
    int64_t first_lane  # what probes name, see `Probes.slot`
    int64_t end_lane
    Share cores  # of crossbars


cdef struct Run:
    int32_t wide
    int64_t n_slots
    int64_t n_delays  # longest delay
    Configuration each
    Compartments compartments
    const Stretch* stretches
    uint8_t* lean  # [n_stretches] see core.pxd
    int64_t* n_active  # [n_stretches] active updates of the run
    Block* blocks
    const int64_t* part_slot  # [n_parts + 1] first slot of a part
    Rows rows
    Sums sums
    WideCompartments wide_compartments
    WideRows wide_rows
    Crossbars crossbars
    int64_t n_axons  # of crossbar cores
    int64_t* wide_active  # [n_slots] active updates of the run
    Overflow overflow
    Senders senders
    Losses losses
    Inputs inputs
    Samples samples
    Probes probes
    int64_t* counts  # [n_rows, N_EVENTS]
    Worker* workers
    int64_t n_workers
    Barrier barrier
    # A status is set before a meeting and read after it; whoever is a tick ahead sets the other one.
    int32_t failed[2]
    int32_t mesh_failed
    int64_t end_row
    Crossing* crossing  # NULL: untimed
