# Arrays that Python lends to a compiled block.
cimport numpy


cdef inline size_t address(dict arrays, str name, str dtype) except? 0:
    """Of the first value of an array, which has to be of this dtype and in one piece."""
    cdef numpy.ndarray array = arrays[name]
    assert array.dtype.name == dtype and numpy.PyArray_IS_C_CONTIGUOUS(array), (name, array.dtype)
    return <size_t>numpy.PyArray_DATA(array)
