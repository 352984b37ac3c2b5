"""Which room may import which: dependencies point one way, and every arrow is in the table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from reorder_core.estimators import DEFAULT

ROOT = Path(__file__).parents[1]
_CORE = "errors yaml_text records orders"
_KEPT = f"{_CORE} config store quantities"
_ASKED = f"{_KEPT} training estimators"
ARROWS = {
    # room: what it may import, besides itself
    "errors": "",
    "yaml_text": "errors",
    "records": "errors",
    "orders": "errors",
    "quantities": "records",
    "corpus": "errors",
    "config": "errors yaml_text corpus",
    "store": "errors yaml_text records orders corpus config quantities",
    "importing": "errors store",
    "training": f"{_KEPT} corpus",
    "recall": f"{_KEPT} training",
    "estimators": f"{_KEPT} training",
    "execution": "errors config store",
    "recording": "errors yaml_text config store training",
    "building": f"{_ASKED} corpus execution recording",
    "cache": f"{_CORE} store estimators",
    "judge": f"{_ASKED} execution recall",
    "explore": f"{_ASKED} judge",
    "analysis": f"{_ASKED} judge explore recall",
    "curricula": _ASKED,
    "export": f"{_CORE} store",
    "library": f"{_ASKED} building curricula execution importing judge",
    "cli": (
        f"{_ASKED} building corpus curricula execution export importing judge recording recall "
        "analysis"
    ),
    "ui": "reorder_core",
    "ui.charts": "",
    "ui.app": "ui.charts",
    "ui.queries": "ui.app ui.charts",
    "ui.timeline": "ui.app ui.charts ui.queries",
    "ui.memorization": "ui.app ui.charts ui.queries ui.timeline",
    "ui.generalization": "ui.app ui.charts ui.queries ui.timeline ui.memorization",
    "ui.recall": "ui.app ui.charts ui.queries ui.timeline ui.memorization",
    "ui.curricula": "ui.app ui.charts ui.queries ui.timeline",
    "ui.pages": "ui.app ui.charts ui.queries ui.timeline",
}


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, those inside functions, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: say the whole name in imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    """`estimators` of reorder_core.estimators.hybrid, `ui.app` of ui.app.state; "" of others."""
    package, *rest = name.split(".")
    if package == "ui":
        return f"ui.{rest[0]}" if rest and (ROOT / "ui" / rest[0]).is_dir() else "ui"
    return rest[0] if package == "reorder_core" and rest else ""


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def against(path: Path, home: str) -> list[str]:
    """Arrows of a file that the table does not allow."""
    allowed, faults = set(ARROWS[home].split()) | {home, ""}, []
    for name in imported(path):
        if room(name) in allowed:
            continue
        if home.startswith("ui.") and name.startswith("reorder_core."):
            continue
        faults.append(f"{path.name} imports {name}: {home} may not import {room(name)}")
    return faults


def _files() -> list[Path]:
    found = [path for top in ("reorder_core", "ui") for path in (ROOT / top).rglob("*.py")]
    return [path for path in found if path.parent.name not in ("reorder_core", "ui") or
            path.stem not in ("__init__", "__main__")]  # fmt: skip


def test_every_arrow_between_rooms_is_in_the_table():
    files = _files()
    assert len(files) > 150
    homes = {path: room(_name(path)) for path in files}
    unknown = {home for home in homes.values() if home not in ARROWS}
    assert not unknown, f"rooms without a line in the table: {sorted(unknown)}"
    assert [fault for path, home in homes.items() for fault in against(path, home)] == []


def test_the_table_has_no_way_back_up():
    """Taken together, the arrows allowed never lead from a room to itself."""
    below = {name: set(may.split()) & set(ARROWS) for name, may in ARROWS.items()}
    while below:
        lowest = [name for name, may in below.items() if not may & set(below)]
        assert lowest, f"these import each other in a circle: {sorted(below)}"
        for name in lowest:
            del below[name]


@pytest.mark.parametrize(
    ("line", "home"),
    [
        ("from reorder_core.estimators import open_estimator", "store"),
        ("def late():\n    from reorder_core.building.stages import BuildContext", "estimators"),
        ("import reorder_core.judge.fidelity", "orders"),
        ("from ui.app import state", "analysis"),
        ("from ui.pages import home", "ui.timeline"),
    ],
)
def test_an_arrow_back_up_is_found(tmp_path: Path, line: str, home: str):
    path = tmp_path / "module.py"
    path.write_text(line)
    assert len(against(path, home)) == 1


def test_the_core_and_the_charts_know_no_streamlit_and_pages_are_imported_by_none():
    for path in _files():
        names = {name.split(".")[0] for name in imported(path)}
        assert "pages" not in names, path
        if not path.is_relative_to(ROOT / "ui"):
            assert not names & {"streamlit", "plotly", "ui"}, path


def test_pages_and_commands_name_no_default_estimator():
    """They ask for `estimators.DEFAULT`, or for an ability."""
    of_estimators = ROOT / "reorder_core" / "estimators"
    spelled = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for top in ("app.py", "pages", "ui", "reorder_core")
        for path in ([ROOT / top] if top == "app.py" else (ROOT / top).rglob("*.py"))
        if not path.is_relative_to(of_estimators)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == DEFAULT
    ]
    assert spelled == []
