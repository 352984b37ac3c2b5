"""A run built from the browser: the form, its YAML, the plan, how far the build is."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import streamlit as st
import yaml

from reorder_core.config import PRESETS, ModelConfig, TrainingConfig, parse_config
from reorder_core.errors import ConfigError, OrderError
from reorder_core.store.files import write_text
from ui.app import jobs, known_runs, state, visitors
from ui.app.job import Job
from ui.app.markdown import plain

QUEUE = "builds"
"""Names the builds in the queue, as a run's id names its retrainings."""
POLL_SECONDS = 1.0
PLAN_SECONDS = 120
BASE = TrainingConfig().base.model_dump(mode="json", exclude_defaults=True)
NEW = ModelConfig().model_dump(mode="json")
FIELDS = (
    "name", "kind", "path", "steps", "size", "seed", "optimizer", "schedule", "model", "lora",
    "width", "layers", "base", "rate", "length", "preset",
)  # fmt: skip
KINDS = {
    "controlled": "Controlled text, made here", "python-docs": "Python's documentation",
    "folder": "My own text",
}  # fmt: skip


def build() -> None:
    """The form; while a build runs, its progress, log and a way to stop it."""
    begun = bool(jobs.queue().all(QUEUE))  # the list above grows, and this panel is drawn anew
    with st.expander("Build a run", expanded=begun, key="ro_build_panel"):
        if visitors.read_only():
            st.caption("This app is read-only; build on the command line.")
            return
        _jobs()
        _form()
        text = written()
        st.code(text, language="yaml")
        try:
            config = parse_config(text, "the form")
        except ConfigError as error:
            st.error(plain(str(error)))
            return
        with st.container(horizontal=True):
            wanted = st.button("Plan first", key="ro_build_plan")
            st.button("Build", type="primary", key="ro_build_begin", on_click=_begin_as_written)
        if wanted:
            with st.spinner("Reading the text, timing a step"):
                st.markdown(plan_words(config.name, text))


def _form() -> None:
    """The widgets; `asked` reads them."""
    left, right = st.columns(2)
    with left:
        st.text_input("Name", "my-run", key="ro_build_name")
        kind = st.selectbox("Text", list(KINDS), format_func=KINDS.__getitem__, key="ro_build_kind")
        if kind == "folder":
            st.text_input("Its folder or file", key="ro_build_path")
        st.number_input("Steps", 2, 512, 32, key="ro_build_steps")
        st.number_input("Samples a step", 1, 64, 8, key="ro_build_size")
        st.number_input("Seed", 0, 2**31 - 1, 0, key="ro_build_seed")
        st.selectbox("Optimizer", ["adam", "adamw"], key="ro_build_optimizer")
        st.selectbox(
            "Learning rate over time", ["constant", "cosine", "linear", "wsd"],
            key="ro_build_schedule",
        )  # fmt: skip
    with right:
        source = st.text_input(
            "Pretrained model (a folder, a GGUF file, a name on the hub; empty: a small new one)",
            key="ro_build_model",
        )
        if source:
            st.number_input("LoRA rank (0: all parameters)", 0, 256, 0, key="ro_build_lora")
        else:
            st.number_input("Width of the model", 8, 1024, NEW["hidden_size"], 8,
                            key="ro_build_width")  # fmt: skip
            st.number_input("Its layers", 1, 24, NEW["layers"], key="ro_build_layers")
            st.number_input("Steps of the base phase", 0, 20_000, BASE["steps"],
                            key="ro_build_base")  # fmt: skip
        st.number_input("Learning rate", 0.0, 1.0, 6e-4, format="%.5f", step=1e-4,
                        key="ro_build_rate")  # fmt: skip
        st.number_input("Tokens a sample, at most", 8, 4096, 64, key="ro_build_length")
        st.selectbox(
            "Precomputation", ["", *PRESETS], key="ro_build_preset",
            format_func=lambda name: name or "as it is by default",
        )  # fmt: skip


def written() -> str:
    """The configuration that the form says now, as YAML."""
    return yaml.safe_dump(asked(), sort_keys=False)


def asked() -> dict[str, Any]:
    """The same as a value; what was left as it is by default is not in it.

    Read from what the widgets hold, not from what they returned: a click that
    comes before the page has followed the last change still builds what is on screen.
    """
    said = {name: state.shown(f"ro_build_{name}") for name in FIELDS}
    steps, size, kind, source = (said[name] for name in ("steps", "size", "kind", "model"))
    corpus = {"kind": kind, "samples": steps * size, "sequence_length": said["length"]}
    corpus |= {"path": said["path"] or ""} if kind == "folder" else {}
    value: dict[str, Any] = {"name": said["name"], "seed": said["seed"], "corpus": corpus}
    training = {"steps": steps, "batch_size": size, "learning_rate": said["rate"]}
    for name, default in (("optimizer", "adam"), ("schedule", "constant")):
        training |= {name: said[name]} if said[name] != default else {}
    if source:
        value["model"] = {"from": source}
        value["model"] |= {"lora": {"rank": said["lora"]}} if said["lora"] else {}
    else:
        shape = {"hidden_size": said["width"], "layers": said["layers"]}
        if any(shape[name] not in (None, NEW[name]) for name in shape):
            value["model"] = {**shape, "intermediate_size": int(2.75 * said["width"])}
        if said["base"] not in (None, BASE["steps"]):
            training["base"] = _base(said["base"])
            corpus |= {} if said["base"] else {"base_samples": 0}
    value["training"] = training
    return value | ({"projection": {"preset": said["preset"]}} if said["preset"] else {})


def _base(steps: int) -> dict[str, Any]:
    """The default base phase at another length, its warm-up no more than a fourth of it."""
    if not steps:
        return {"steps": 0}
    return {**BASE, "steps": steps, "warmup_steps": min(BASE["warmup_steps"], steps // 4)}


def _kept(name: str, text: str) -> Path:
    """The form's YAML in a file, which the command line can build, too."""
    known_runs.home().mkdir(parents=True, exist_ok=True)
    file = known_runs.home() / f"{name}.yaml"
    write_text(file, text)
    return file


def _begin_as_written() -> None:
    text = written()
    try:
        begin(parse_config(text, "the form").name, text)
    except ConfigError as error:
        st.toast(f"Not begun: {plain(str(error))}.", icon=":material/block:")


def begin(name: str, text: str) -> None:
    """Put a build into the queue."""
    try:
        visitors.must_be_free_to("build")
        out = known_runs.home() / name
        arguments = ("build", str(_kept(name, text)), "--out", str(out))
        jobs.queue().submit_batch(out, QUEUE, name, arguments)
    except (OrderError, OSError) as error:
        st.toast(f"Not begun: {plain(str(error))}.", icon=":material/block:")


def plan_words(name: str, text: str) -> str:
    """What the build would cost, from `plan`, in a process of its own."""
    try:
        file = _kept(name, text)
        command = [sys.executable, "-m", "reorder_core", "plan", str(file), "--json"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            cwd=known_runs.ROOT, timeout=PLAN_SECONDS, check=False,
        )  # fmt: skip
    except OSError as error:
        return f"**No plan:** {plain(str(error))}"
    except subprocess.TimeoutExpired:
        return f"No plan within {PLAN_SECONDS} s; ask on the command line."
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        return f"**No plan:** {plain(last.removeprefix('error: '))}"
    found = json.loads(done.stdout)
    seconds = found["seconds"]
    took = (
        "not timed, as the model is large" if seconds is None else f"about {seconds / 60:.0f} min"
    )
    return (
        f"**{plain(name)}**: {found['parameters']:,} parameters are trained. The build costs "
        f"{found['rre']['total']:.1f} trainings, {took}, and leaves "
        f"{found['bytes']['total'] / 1e6:.1f} MB, of which an estimate reads "
        f"{found['query_bytes'] / 1e6:.1f}. {_foretold(found)}"
    )


def _foretold(plan: dict[str, Any]) -> str:
    """What fidelity to expect, and what makes estimates noise."""
    found = plan["expected"]
    told = "Nothing like these settings was measured: judge the run on Fidelity once it is built."
    if found:
        told = (
            f"On random orders expect R² about {found['r2']:.2f} and ρ of a sample about "
            f"{found['rho_sample']:.2f}, as {plain(found['settings'])} had on "
            f"{plain(found['source'])}."
        )
    return told + "".join(f"\n\n:material/warning: {plain(w)}." for w in plan["warnings"])


def _jobs() -> None:
    queue = jobs.queue()
    known = queue.all(QUEUE)
    active = any(job.active for job in known)
    st.fragment(_progress, run_every=POLL_SECONDS if active else None)()


def _progress() -> None:
    queue = jobs.queue()
    known = queue.all(QUEUE)
    for job in known:
        with st.container(horizontal=True, vertical_alignment="center", key=f"ro_job_{job.name}"):
            st.progress(
                1.0 if job.state == "done" else min(1.0, job.done / max(1, job.total)),
                text=f"{plain(job.name)}: {_words(job)}",
            )
            if job.active:
                st.button("Cancel", key=f"ro_cancel_{job.name}", on_click=queue.cancel,
                          args=(QUEUE, job.name))  # fmt: skip
        if job.log:
            with st.expander("Log", key=f"ro_log_{job.name}"):
                st.code("\n".join(job.log), language=None, height=200, wrap_lines=True)
    if queue.ended != state.jobs_seen():
        state.set_jobs_seen(queue.ended)
        st.rerun()


def _words(job: Job) -> str:
    if job.state == "running":
        spent = time.monotonic() - job.started
        return f"{plain(job.label)} {job.done} of {job.total}, {spent:.0f} s so far"
    return {
        "queued": "waiting …", "done": "built; open it above", "failed": plain(job.message),
        "cancelled": "cancelled; building again goes on from there",
    }[job.state]  # fmt: skip
