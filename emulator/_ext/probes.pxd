# Probes: what is read after an update.
from emulator._ext.core cimport Configuration
from emulator._ext.crossbar cimport potential
from emulator._ext.run_state cimport U, V_RAW, Probes, Run, Worker
from libc.stdint cimport int32_t, int64_t, uint8_t


cdef inline int64_t probed_row(const Run* run, int64_t probe, int64_t row) noexcept nogil:
    """Row of a probe's output that a tick goes to, over all samples; -1: it does not ask for the tick."""
    cdef int64_t n_ticks = run.samples.n_ticks
    cdef int64_t at = run.probes.at[probe * n_ticks + row % n_ticks]
    return at if at < 0 else at + row // n_ticks * run.probes.n_probed[probe]


cdef inline bint is_own(const Worker* worker, int32_t slot) noexcept nogil:
    return worker.first_lane <= slot < worker.end_lane


cdef inline void remember_counters(Run* run, Worker* worker) noexcept nogil:
    """A raw voltage needs the refractory counter as it stood before the update."""
    cdef Probes* probes = &run.probes
    cdef const uint8_t* counter = run.wide_compartments.counter if run.wide else run.compartments.counter
    cdef int64_t probe, lane
    for probe in range(probes.n):
        if probes.variable[probe] == V_RAW and probed_row(run, probe, worker.row) >= 0:
            for lane in range(probes.lane_ptr[probe], probes.lane_ptr[probe + 1]):
                if is_own(worker, probes.slot[lane]):
                    probes.counter_before[lane] = counter[probes.slot[lane]]


cdef inline void read_probes(Run* run, Worker* worker) noexcept nogil:
    """Reads the lanes of the worker's slots whose probe asks for this tick."""
    cdef Probes* probes = &run.probes
    cdef int64_t probe, lane, at, value
    for probe in range(probes.n):
        at = probed_row(run, probe, worker.row)
        if at < 0:
            continue
        at *= probes.lane_ptr[probe + 1] - probes.lane_ptr[probe]
        for lane in range(probes.lane_ptr[probe], probes.lane_ptr[probe + 1]):
            if is_own(worker, probes.slot[lane]):
                value = value_of(run, probes.variable[probe], lane)
                if run.wide:
                    (<int64_t*>probes.output[probe])[at] = value
                else:
                    (<int32_t*>probes.output[probe])[at] = <int32_t>value
            at += 1


cdef inline int64_t value_of(const Run* run, int32_t variable, int64_t lane) noexcept nogil:
    """What a lane reads. Raw: while refractory the register holds the counter, as a compartment does that
    has just been set to 0; a soft reset leaves v where it is."""
    cdef const Configuration* each = &run.each
    cdef int32_t slot = run.probes.slot[lane]
    cdef bint fired
    if run.crossbars.n_cores:
        return potential(&run.crossbars, slot)
    if variable == U:
        return run.wide_compartments.u[slot] if run.wide else run.compartments.u[slot]
    if variable == V_RAW and not each.soft[slot]:
        fired = run.wide_compartments.fired[slot] if run.wide else run.compartments.fired[slot]
        if fired:
            return 128 * each.refractory[slot]
        if run.probes.counter_before[lane] > 0:
            return 128 * <int64_t>run.probes.counter_before[lane]
    return run.wide_compartments.v[slot] if run.wide else run.compartments.v[slot]
