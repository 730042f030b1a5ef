"""Compiled blocks. Built from `ext/`; only `emulator.engine` imports them."""
