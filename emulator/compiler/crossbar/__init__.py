"""Passes for chips of crossbar cores: cores described directly, and what populations are rewritten to, are
placed whole.

Invariant: `describe` comes to one flat `CrossbarCores`; what follows knows neither network nor rewrites, save
`symbols`, which names, and `verify`, which reads the image back and compares.
"""
