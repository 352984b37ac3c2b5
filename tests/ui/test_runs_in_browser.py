"""The runs page in a browser: list, open, compare, plan, build, log, cancel, import, delete."""

import shutil
from pathlib import Path
from typing import Any

from driving import Served

from reorder_core.building.build import build_run
from reorder_core.config import read_config
from reorder_core.store.run import open_run

PATIENCE = 120_000


def opened(page: Any, served: Served) -> None:
    page.goto(f"{served.url}/runs")
    page.get_by_role("heading", name="Runs", exact=True).wait_for(timeout=PATIENCE)
    page.get_by_text("Delete a run").wait_for(timeout=PATIENCE)


def widget(page: Any, key: str) -> Any:
    return page.locator(f".st-key-{key}")


def choose(page: Any, key: str, option: str) -> None:
    """Pick an entry of a select box by what it begins with."""
    found = page.get_by_role("option").filter(has_text=option).first
    for _ in range(60):
        if not page.get_by_role("option").count():  # shut, also because the page was drawn anew
            widget(page, key).locator("input").click()
        page.wait_for_timeout(500)
        if found.count():
            found.click()
            return
    raise AssertionError(f"{key} has no option {option!r}")


def write(page: Any, key: str, text: str) -> None:
    field = widget(page, key).locator("input").first
    field.fill(text)
    field.press("Enter")


def unfold(page: Any, title: str) -> None:
    """Open a panel that is shut."""
    panel = page.locator("details").filter(has=page.locator("summary", has_text=title)).last
    if panel.get_attribute("open") is None:
        panel.locator("summary").first.click()


def shown(page: Any, text: str, timeout: int = PATIENCE) -> None:
    page.get_by_text(text).first.wait_for(timeout=timeout)


def enabled(page: Any, key: str, wanted: bool = True) -> None:
    """Wait until the button of that key can be clicked, or can not."""
    page.wait_for_function(
        "([key, wanted]) => !document.querySelector(`.st-key-${key} button`).disabled === wanted",
        arg=[key, wanted], timeout=PATIENCE,
    )  # fmt: skip


def test_runs_are_listed_opened_and_compared(page: Any, served_runs: tuple[Served, Path]) -> None:
    served, home = served_runs
    tiny, faster = open_run(home / "tiny-real"), open_run(home / "tiny-faster")
    opened(page, served)
    widget(page, "ro_runs_open").locator("input").click()
    titles = page.get_by_role("option").all_inner_texts()
    assert {tiny.id, faster.id} <= {title.split("(")[-1].rstrip(")") for title in titles}
    page.get_by_role("option").filter(has_text=tiny.id).click()
    widget(page, "ro_runs_open_it").get_by_role("button").click()
    page.wait_for_url(f"**/runs?run={tiny.id}", timeout=PATIENCE)
    choose(page, "ro_runs_compare", "tiny-faster")
    shown(page, "texts are in both. What was learned of them goes together with ρ")
    page.locator(".st-key-ro_chart_two-runs .main-svg").first.wait_for(timeout=PATIENCE)
    page.get_by_role("link", name="Timeline").click()
    page.wait_for_selector(".ro-timeline[data-state=ready]", timeout=PATIENCE)
    assert page.locator(".ro-tile").count() == tiny.count


def fill_form(page: Any, name: str, steps: str = "4") -> None:
    unfold(page, "Build a run")
    for key, value in (
        ("name", name), ("steps", steps), ("size", "4"), ("length", "48"), ("base", "20"),
        ("width", "16"), ("layers", "1"),
    ):  # fmt: skip
        write(page, f"ro_build_{key}", value)
    choose(page, "ro_build_preset", "quick")
    page.locator("pre").filter(has_text="preset: quick").wait_for(timeout=PATIENCE)


def test_a_run_is_planned_built_with_its_log_and_is_what_its_yaml_builds(
    page: Any, served_runs: tuple[Served, Path], tmp_path: Path
) -> None:
    served, home = served_runs
    opened(page, served)
    fill_form(page, "by-form")
    widget(page, "ro_build_plan").get_by_role("button").click()
    shown(page, "parameters are trained. The build costs")
    assert not (home / "by-form").exists(), "a plan trains nothing"
    widget(page, "ro_build_begin").get_by_role("button").click()
    shown(page, "by-form: built; open it above", 2 * PATIENCE)
    unfold(page, "Log")
    log = widget(page, "ro_log_by-form").inner_text()
    assert "done after" in log and "reference run" in log and "curvature" in log
    built = open_run(home / "by-form")
    again = open_run(build_run(read_config(home / "by-form.yaml"), tmp_path / "again"))
    assert built.manifest is not None and again.manifest is not None
    assert (built.id, built.manifest.config_digest) == (again.id, again.manifest.config_digest)
    numbers = {n: f.sha256 for n, f in built.manifest.files.items() if n != "results.duckdb"}
    assert numbers == {n: again.manifest.files[n].sha256 for n in numbers}, "bit by bit"
    choose(page, "ro_runs_open", "by-form")


def test_a_build_is_cancelled_and_goes_on_from_there(
    page: Any, served_runs: tuple[Served, Path]
) -> None:
    served, home = served_runs
    opened(page, served)
    fill_form(page, "cut-short", "128")
    widget(page, "ro_build_begin").get_by_role("button").click()
    widget(page, "ro_cancel_cut-short").get_by_role("button").click(timeout=PATIENCE)
    shown(page, "cut-short: cancelled; building again goes on from there")
    assert not (home / "cut-short" / "run.yaml").exists()


def test_a_run_is_imported_from_a_folder_and_from_a_zip_or_refused_with_the_reason(
    page: Any, served_runs: tuple[Served, Path], tmp_path: Path
) -> None:
    served, home = served_runs
    shutil.move(home / "tiny-faster", tmp_path / "faster")
    damaged = shutil.copytree(tmp_path / "faster", tmp_path / "damaged")
    content = bytearray((damaged / "curvature.safetensors").read_bytes())
    content[-9] ^= 1
    (damaged / "curvature.safetensors").write_bytes(content)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "faster")
    opened(page, served)
    unfold(page, "Import a run")
    write(page, "ro_import_path", str(damaged))
    widget(page, "ro_import_it").get_by_role("button").click()
    shown(page, "curvature.safetensors was altered: its digest is")
    assert not (home / "tiny-faster").exists()
    write(page, "ro_import_path", "")
    enabled(page, "ro_import_it", False)  # else the click would still be of the folder
    widget(page, "ro_import_file").locator("input[type=file]").set_input_files(packed)
    enabled(page, "ro_import_it")
    widget(page, "ro_import_it").get_by_role("button").click()
    shown(page, "is here, with 0 retrained orders")
    open_run(home / "tiny-faster").verify()
    choose(page, "ro_runs_open", "tiny-faster")


def test_a_run_is_deleted_after_its_name_was_written(
    page: Any, served_runs: tuple[Served, Path]
) -> None:
    served, home = served_runs
    shutil.copytree(home / "tiny-real", home / "spare")
    shutil.rmtree(home / "tiny-real")
    opened(page, served)
    unfold(page, "Delete a run")
    choose(page, "ro_runs_delete", "tiny-real")
    button = widget(page, "ro_runs_delete_it").get_by_role("button")
    assert button.is_disabled()
    write(page, "ro_runs_delete_name", "tiny-fast")
    assert button.is_disabled()
    write(page, "ro_runs_delete_name", "tiny-real")
    enabled(page, "ro_runs_delete_it")
    button.click()
    shown(page, "is deleted")
    assert sorted(p.name for p in home.iterdir() if p.name.startswith(("spare", "reorder-"))) == []
