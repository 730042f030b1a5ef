# C twin of emulator/philox.py: Philox4x32-10, several blocks at a time so that the loop over them vectorises.
cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from emulator._ext.core cimport cloned_void

cdef extern from *:
    """
    typedef uint32_t *restrict spikemesh_uint32;
    """
    ctypedef uint32_t* apart_u32 "spikemesh_uint32"

cdef enum:
    LANES = 16  # blocks drawn together
    N_WORDS = 64  # draws in them


@cython.overflowcheck(False)
cdef inline void turn(
    uint32_t* c0, uint32_t* c1, uint32_t* c2, uint32_t* c3, uint32_t key0, uint32_t key1, uint32_t step
) noexcept nogil:
    """One round of a block."""
    cdef uint64_t left = <uint64_t>0xD2511F53u * c0[0]
    cdef uint64_t right = <uint64_t>0xCD9E8D57u * c2[0]
    c0[0] = <uint32_t>(right >> 32) ^ c1[0] ^ (key0 + step * 0x9E3779B9u)
    c2[0] = <uint32_t>(left >> 32) ^ c3[0] ^ (key1 + step * 0xBB67AE85u)
    c1[0] = <uint32_t>right
    c3[0] = <uint32_t>left


@cython.overflowcheck(False)
cdef inline cloned_void philox4x32(
    uint32_t block, uint32_t word1, uint32_t word2, uint32_t word3, uint32_t key0, uint32_t key1, apart_u32 out
) noexcept nogil:
    """The N_WORDS words of the LANES counters (block + lane, word1, word2, word3), in order."""
    cdef uint32_t c0, c1, c2, c3
    cdef int lane
    for lane in range(LANES):
        c0, c1, c2, c3 = block + <uint32_t>lane, word1, word2, word3
        turn(&c0, &c1, &c2, &c3, key0, key1, 0)  # written out: a loop in the loop would not vectorise
        turn(&c0, &c1, &c2, &c3, key0, key1, 1)
        turn(&c0, &c1, &c2, &c3, key0, key1, 2)
        turn(&c0, &c1, &c2, &c3, key0, key1, 3)
        turn(&c0, &c1, &c2, &c3, key0, key1, 4)
        turn(&c0, &c1, &c2, &c3, key0, key1, 5)
        turn(&c0, &c1, &c2, &c3, key0, key1, 6)
        turn(&c0, &c1, &c2, &c3, key0, key1, 7)
        turn(&c0, &c1, &c2, &c3, key0, key1, 8)
        turn(&c0, &c1, &c2, &c3, key0, key1, 9)
        out[4 * lane] = c0
        out[4 * lane + 1] = c1
        out[4 * lane + 2] = c2
        out[4 * lane + 3] = c3
