"""Compiled blocks, built from `ext/`; each has one owner: `engine`, `compiler` or `chip`."""
