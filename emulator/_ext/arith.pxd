# C twin of emulator/arith.py: the integer arithmetic of a compartment. Registers of the chip are kept in 32
# bits and without branches, so that loops over them vectorise; the policies whose registers are wider
# (`wide.pxd`) take 64. Every wrap goes through unsigned; no signed overflow can occur.
cimport cython
from libc.stdint cimport int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t


@cython.overflowcheck(False)
cdef inline int32_t input_of(uint16_t total, int32_t shift) noexcept nogil:
    """A tick's input wrapped to 22 bits. total: its effective weights, each a multiple of 2**shift, divided
    by that and summed modulo 2**16; with shift >= 6 that is the same as wrapping their sum modulo 2**22."""
    return (<int32_t>((<uint32_t>total) << (shift + 10))) >> 10


@cython.overflowcheck(False)
cdef inline int32_t wrap24(int32_t value) noexcept nogil:
    """Low 24 bits as two's complement."""
    return (<int32_t>((<uint32_t>value) << 8)) >> 8


cdef extern from "<fenv.h>":
    int FE_TOWARDZERO
    int fegetround() noexcept nogil
    int fesetround(int mode) noexcept nogil


cdef inline float share_of(int32_t keep) noexcept nogil:
    """keep / 4096, exactly. keep: 0..4096."""
    return <float>keep * <float>(1.0 / 4096.0)


cdef inline int32_t decay(int32_t value, float share) noexcept nogil:
    """sgn(value) * ((|value| * keep) >> 12) for |value| <= 2**23, share of `share_of(keep)`, if the thread
    rounds toward zero: call `round_toward_zero` before, and give back what it returns to `fesetround`.

    The product has up to 37 bits, of which a float keeps the upper 24. It is below 2**24, so they hold all
    of its integer part, and cutting the rest off in two steps is cutting it off.
    """
    return <int32_t>(<float>value * share)


cdef inline int round_toward_zero() noexcept nogil:
    """Returns the mode of the thread until now."""
    cdef int mode = fegetround()
    fesetround(FE_TOWARDZERO)
    return mode


@cython.overflowcheck(False)
cdef inline void add_wrapping(uint16_t* total, int32_t weight) noexcept nogil:
    """Adds a weight, divided as `input_of` says, modulo 2**16."""
    total[0] = <uint16_t>(total[0] + <uint32_t>weight)


@cython.overflowcheck(False)
cdef inline int64_t add64(int64_t a, int64_t b) noexcept nogil:
    """a + b modulo 2**64, two's complement."""
    return <int64_t>(<uint64_t>a + <uint64_t>b)


@cython.overflowcheck(False)
cdef inline int64_t times64(int64_t value) noexcept nogil:
    """value * 64 modulo 2**64, two's complement."""
    return <int64_t>((<uint64_t>value) << 6)


@cython.overflowcheck(False)
cdef inline int64_t decay64(int64_t value, int64_t keep) noexcept nogil:
    """As `decay`, for any value of 64 bits but the least, which stays what it is when nothing decays."""
    cdef uint64_t magnitude = (<uint64_t>0) - <uint64_t>value if value < 0 else <uint64_t>value
    cdef uint64_t kept = (magnitude >> 12) * <uint64_t>keep + (((magnitude & 4095) * <uint64_t>keep) >> 12)
    return <int64_t>((<uint64_t>0) - kept) if value < 0 else <int64_t>kept


@cython.overflowcheck(False)
cdef inline int64_t wrapped(int64_t value, int32_t bits) noexcept nogil:
    """Low `bits` bits, 1..64, as two's complement."""
    return (<int64_t>((<uint64_t>value) << (64 - bits))) >> (64 - bits)
