# C twin of emulator/arith.py: the integer arithmetic of a compartment, in 32 bits and without branches so
# that loops over it vectorise. Every wrap goes through unsigned; no signed overflow can occur.
cimport cython
from libc.stdint cimport int16_t, int32_t, uint16_t, uint32_t


cdef inline int32_t input_of(uint16_t total) noexcept nogil:
    """A tick's input wrapped to 22 bits. total: its effective weights, each a multiple of 64, divided by 64
    and summed modulo 2**16, which is the same as wrapping their sum modulo 2**22."""
    return (<int32_t>(<int16_t>total)) * 64


cdef inline int32_t wrap24(int32_t value) noexcept nogil:
    """Low 24 bits as two's complement."""
    return (<int32_t>((<uint32_t>value) << 8)) >> 8


cdef inline int32_t decay(int32_t value, int32_t keep) noexcept nogil:
    """sgn(value) * ((|value| * keep) >> 12) with keep = 4096 - rate, 0..4096, and |value| <= 2**23.

    The product needs 36 bits; split at bit 12 it needs 24, and the shift drops nothing of the high part.
    """
    cdef int32_t magnitude = -value if value < 0 else value
    cdef int32_t kept = (magnitude >> 12) * keep + (((magnitude & 4095) * keep) >> 12)
    return -kept if value < 0 else kept


@cython.overflowcheck(False)
cdef inline void add_wrapping(uint16_t* total, int16_t weight) noexcept nogil:
    """Adds a weight, divided by 64, modulo 2**16."""
    total[0] = <uint16_t>(total[0] + <uint16_t>weight)
