# C twin of emulator/arith.py: the integer arithmetic of a compartment, in 32 bits and without branches so
# that loops over it vectorise. Every wrap goes through unsigned; no signed overflow can occur.
cimport cython
from libc.stdint cimport int32_t, uint32_t


cdef inline int32_t wrap22(uint32_t raw) noexcept nogil:
    """Low 22 bits as two's complement. raw: any sum modulo 2**32."""
    return (<int32_t>(raw << 10)) >> 10


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
cdef inline void add_wrapping(uint32_t* total, int32_t weight) noexcept nogil:
    """Adds modulo 2**32, which the later wrap to 22 bits does not notice."""
    total[0] += <uint32_t>weight
