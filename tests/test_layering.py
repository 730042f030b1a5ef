"""Reads the imports of every module and fails on any arrow drawn backwards."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "emulator"

LEAVES = frozenset({"errors", "arith", "arrays", "memory", "philox", "record"})
CONTRACT = LEAVES | {"pieces", "chip", "program"}
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "arith": frozenset(),
    "arrays": frozenset(),
    "memory": frozenset({"errors"}),
    "philox": frozenset(),
    "record": frozenset(),
    "pieces": frozenset({"record"}),
    "chip": LEAVES | {"_ext"},
    "network": LEAVES,
    "program": LEAVES | {"chip"},
    "traffic": LEAVES | {"chip"},
    "compiler": CONTRACT | {"network", "_ext"},
    "reference": CONTRACT - {"program"},
    "energy": CONTRACT,
    "clocked": CONTRACT | {"network"},  # reads sizes off a network; nothing is compiled for a clocked machine
    "faults": CONTRACT,
    "formats": CONTRACT | {"network"},
    # a result says which release made it
    "engine": CONTRACT | {"faults", "traffic", "reference", "energy", "formats", "_ext", "__version__"},
    "report": CONTRACT | {"traffic", "energy", "formats", "__version__"},
    "bench": CONTRACT
    | {"traffic", "network", "compiler", "energy", "clocked", "formats", "faults", "engine", "report"},
    "cli": CONTRACT
    | {"traffic", "network", "compiler", "energy", "formats", "engine", "report", "bench", "__version__"},
    "__main__": frozenset({"cli"}),
    "_hypothesis": frozenset({"chip"}),
    "_ext": frozenset(),
}
"""Folder or module of the package -> what it may import of ours besides itself."""

BLOCKS: dict[str, frozenset[str]] = {
    "chip": frozenset({"tables"}),
    "compiler": frozenset({"cluster", "lists", "fill", "mantissas", "parts", "place", "proof", "windows"}),
    "engine": frozenset({"machine", "mesh", "core", "layout", "routes", "generator", "sweep"}),
}
"""Who uses which compiled blocks."""

FRONTS = {
    ("program", "formats"),
    ("program", "report"),
    ("engine", "report"),
    ("network", "formats"),
}
"""One-line methods that hand on to a higher layer, importing it when called."""

KIT_FRONTS = {
    "emulator/cli/verify.py": "the command that tries the laws on somebody's chip",
    "emulator/_hypothesis.py": "what Hypothesis calls to draw a chip by its type",
}
"""Who imports the testing tools all the same, when called: they need the extra `test`."""

TYPES_ONLY = {("report", "engine")}
"""A report names the type it is given; it never runs the engine."""

FILE_METHODS = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}


class Arrow(NamedTuple):
    place: str
    own: str
    target: str
    function: ast.FunctionDef | None
    types_only: bool


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The folder or module directly under the package: emulator/chip/spec.py -> chip."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(node: ast.AST) -> Iterator[str]:
    """Dotted names an import statement loads; `from emulator import arith` loads emulator.arith."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import: write the full name"
        if node.module == "emulator":
            yield from (f"emulator.{alias.name}" for alias in node.names)
        else:
            yield str(node.module)


def imports(path: Path) -> Iterator[tuple[str, int, ast.FunctionDef | None, bool]]:
    """Every import: name, line, the function it stands in, whether only type checkers see it."""

    def visit(
        node: ast.AST, function: ast.FunctionDef | None, types_only: bool
    ) -> Iterator[tuple[str, int, ast.FunctionDef | None, bool]]:
        for child in ast.iter_child_nodes(node):
            for name in imported(child):
                yield name, child.lineno, function, types_only  # type: ignore[attr-defined]
            inner = child if isinstance(child, ast.FunctionDef) else function
            guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from visit(child, inner, types_only or guard)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), None, False)


def arrows() -> Iterator[Arrow]:
    for path in modules():
        own = part_of(path)
        for name, line, function, types_only in imports(path):
            head, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if head == "emulator" and target != own:
                yield Arrow(f"{path.relative_to(ROOT)}:{line}", own, target, function, types_only)


def allowed(arrow: Arrow) -> bool:
    if arrow.own in ("__init__", "testing") or arrow.target in MAY_IMPORT[arrow.own]:
        return True
    pair = (arrow.own, arrow.target)
    if arrow.target == "testing" and (arrow.function is not None or arrow.types_only):
        return arrow.place.partition(":")[0] in KIT_FRONTS
    return (arrow.function is not None and pair in FRONTS) or (arrow.types_only and pair in TYPES_ONLY)


def test_every_part_of_the_package_has_a_place_in_the_layering() -> None:
    parts = {part_of(path) for path in modules()} - {"__init__", "testing"}
    assert parts <= set(MAY_IMPORT), f"no layer is given for {sorted(parts - set(MAY_IMPORT))}"


def test_no_import_points_to_a_higher_layer() -> None:
    wrong = [f"{arrow.place}: {arrow.own} imports {arrow.target}" for arrow in arrows() if not allowed(arrow)]
    assert not wrong, "\n".join(wrong)


def test_the_layering_itself_has_no_circle() -> None:
    order: list[str] = []
    waiting = {part: set(below) & set(MAY_IMPORT) for part, below in MAY_IMPORT.items()}
    while waiting:
        free = sorted(part for part, below in waiting.items() if below <= set(order))
        assert free, f"circle among {sorted(waiting)}"
        order += free
        waiting = {part: below for part, below in waiting.items() if part not in order}


def test_a_front_imports_and_hands_on_and_does_nothing_else() -> None:
    for arrow in arrows():
        if (arrow.own, arrow.target) in FRONTS and arrow.function is not None:
            body = [
                line for line in arrow.function.body if not isinstance(line, ast.Expr) or not _is_text(line)
            ]
            assert len(body) == 2, f"{arrow.place}: {arrow.function.name} is more than an import and a call"


def _is_text(line: ast.Expr) -> bool:
    return isinstance(line.value, ast.Constant)


def test_users_and_two_fronts_alone_import_the_testing_tools() -> None:
    found = [arrow for arrow in arrows() if arrow.target == "testing"]
    wrong = [arrow.place for arrow in found if not allowed(arrow)]
    assert not wrong, wrong
    assert {arrow.place.partition(":")[0] for arrow in found} == set(KIT_FRONTS)


@pytest.mark.parametrize(
    ("library", "owner"),
    [
        ("simpy", "reference"),
        ("typer", "cli"),
        ("matplotlib", "report"),
        ("plotly", "report"),
        ("nir", "formats"),
    ],
)
def test_a_library_is_used_by_its_owner_alone(library: str, owner: str) -> None:
    users = {
        part_of(path) for path in modules() for name, *_ in imports(path) if name.partition(".")[0] == library
    }
    # graphs to read are drawn with the library that others write them with
    assert users - ({"testing"} if library == "nir" else set()) <= {owner}


def test_only_formats_opens_files() -> None:
    wrong = []
    for path in modules():
        # memory reads what the system shows of itself, which is nobody's file
        if part_of(path) in ("formats", "testing", "memory"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                is_open = isinstance(node.func, ast.Name) and node.func.id == "open"
                is_method = isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS
                discards = bool(node.args) and ast.unparse(node.args[0]) == "os.devnull"
                if (is_open or is_method) and not discards:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}")
    assert not wrong, "\n".join(wrong)


def blocks() -> list[Path]:
    return sorted([*(ROOT / "ext").glob("*.pyx"), *(PACKAGE / "_ext").glob("*.pxd")])


def test_every_compiled_block_has_one_owner_who_alone_imports_it() -> None:
    names = sorted(block for owned in BLOCKS.values() for block in owned)
    assert names == sorted(path.stem for path in (ROOT / "ext").glob("*.pyx"))
    wrong = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("emulator._ext"):
                used = {alias.name for alias in node.names}
                if node.module != "emulator._ext" or not used <= BLOCKS.get(part_of(path), frozenset()):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {sorted(used)}")
    assert not wrong, wrong


def test_compiled_blocks_know_no_python_module_of_ours() -> None:
    pattern = re.compile(r"^\s*(?:from|c?import)\s+(emulator[.\w]*)", re.MULTILINE)
    wrong = [
        f"{path.name}: {name}"
        for path in blocks()
        for name in pattern.findall(path.read_text(encoding="utf-8"))
        if not name.startswith("emulator._ext")
    ]
    assert not wrong, wrong


def test_compiled_blocks_leave_directives_to_setup() -> None:
    # One of its own would also switch the checks of the checked build off. A function that wraps on purpose,
    # through unsigned numbers, may say so.
    pattern = re.compile(r"^#\s*(?:cython|distutils)\s*:|@cython\.(?:boundscheck|wraparound|cdivision)", re.M)
    wrong = [path.name for path in blocks() if pattern.search(path.read_text(encoding="utf-8"))]
    assert not wrong, wrong


def test_importing_the_package_loads_no_extra_and_nothing_slow() -> None:
    unwanted = ("nir", "h5py", "pyNN", "mpi4py", "dask", "matplotlib", "typer", "jinja2", "simpy")
    script = f"import sys, emulator; print(*(name for name in {unwanted} if name in sys.modules))"
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert outcome.stdout.split() == []


def test_the_package_imports_without_its_extras() -> None:
    script = (
        "import sys\n"
        "for name in ('nir', 'h5py', 'pyNN', 'mpi4py', 'dask'): sys.modules[name] = None\n"
        "import emulator\n"
        "print(*emulator.chips())"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "loihi" in outcome.stdout.split()
