"""The contract between compiler and engines: what exists (spec), what is loaded (image), what is counted.

Invariant: nothing here knows a network's words or opens a file.
"""
