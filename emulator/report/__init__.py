"""What a person sees: programs, runs and chips as text, numbers and pictures.

Invariants: text and JSON are made from the same numbers; nothing is left out of a picture or a table
without it saying so; matplotlib is imported only when a picture is drawn.
"""

from emulator.report.baseline_text import baseline_numbers, baseline_text, baselines_text
from emulator.report.breakdown_text import BREAKDOWNS, breakdown_text
from emulator.report.chip_text import chip_line, chip_numbers, chip_text, chips_text
from emulator.report.comparison_text import comparison_numbers, comparison_text
from emulator.report.explain import explanation
from emulator.report.explain_picture import draw_map
from emulator.report.explain_text import explain_text
from emulator.report.layers import Layer, layer_numbers, layers_of, layers_text
from emulator.report.page import save_page
from emulator.report.pictures import make_folder, save_picture, save_pictures
from emulator.report.program_text import program_text
from emulator.report.provenance_text import made_by, provenance_text
from emulator.report.result_text import result_text, run_line
from emulator.report.summary import result_numbers
from emulator.report.utilisation import peaks
from emulator.report.wire_text import wire_numbers, wire_text

__all__ = [
    "BREAKDOWNS",
    "Layer",
    "baseline_numbers",
    "baseline_text",
    "baselines_text",
    "breakdown_text",
    "chip_line",
    "chip_numbers",
    "chip_text",
    "chips_text",
    "comparison_numbers",
    "comparison_text",
    "draw_map",
    "explain_text",
    "explanation",
    "layer_numbers",
    "layers_of",
    "layers_text",
    "made_by",
    "make_folder",
    "peaks",
    "program_text",
    "provenance_text",
    "result_numbers",
    "result_text",
    "run_line",
    "save_page",
    "save_picture",
    "save_pictures",
    "wire_numbers",
    "wire_text",
]
