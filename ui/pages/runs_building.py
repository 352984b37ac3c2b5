"""A run built from the browser: the form, its YAML, the plan, how far the build is."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import streamlit as st
import yaml

from reorder_core.config import parse_config
from reorder_core.errors import ConfigError, OrderError
from reorder_core.store.files import write_text
from ui.app import jobs, known_runs, state, visitors
from ui.app.job import Job
from ui.app.markdown import plain

QUEUE = "builds"
"""Names the builds in the queue, as a run's id names its retrainings."""
POLL_SECONDS = 1.0
PLAN_SECONDS = 120
KINDS = {
    "controlled": "Controlled text, made here", "python-docs": "Python's documentation",
    "folder": "My own text",
}  # fmt: skip


def build() -> None:
    """The form; while a build runs, its progress, log and a way to stop it."""
    with st.expander("Build a run"):
        if visitors.read_only():
            st.caption("This app is read-only; build on the command line.")
            return
        _jobs()
        value = _form()
        text = yaml.safe_dump(value, sort_keys=False)
        st.code(text, language="yaml")
        try:
            config = parse_config(text, "the form")
        except ConfigError as error:
            st.error(plain(str(error)))
            return
        with st.container(horizontal=True):
            wanted = st.button("Plan first", key="ro_build_plan")
            st.button("Build", type="primary", key="ro_build_begin", on_click=begin,
                      args=(config.name, text))  # fmt: skip
        if wanted:
            with st.spinner("Reading the text, timing a step"):
                st.markdown(plan_words(config.name, text))


def _form() -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        name = st.text_input("Name", "my-run", key="ro_build_name")
        kind = st.selectbox("Text", list(KINDS), format_func=KINDS.__getitem__, key="ro_build_kind")
        path = st.text_input("Its folder or file", key="ro_build_path") if kind == "folder" else ""
        steps = st.number_input("Steps", 2, 512, 32, key="ro_build_steps")
        size = st.number_input("Samples a step", 1, 64, 8, key="ro_build_size")
    with right:
        source = st.text_input(
            "Pretrained model (a folder, a GGUF file, a name on the hub; empty: a small new one)",
            key="ro_build_model",
        )
        rank = st.number_input("LoRA rank (0: all parameters)", 0, 256, 0, key="ro_build_lora")
        rate = st.number_input(
            "Learning rate", 0.0, 1.0, 6e-4, format="%.5f", step=1e-4, key="ro_build_rate"
        )
        length = st.number_input("Tokens a sample, at most", 8, 4096, 64, key="ro_build_length")
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="ro_build_seed")
    corpus = {"kind": kind, "samples": int(steps * size), "sequence_length": int(length)}
    corpus |= {"path": path} if kind == "folder" else {}
    value: dict[str, Any] = {"name": name, "seed": int(seed), "corpus": corpus}
    if source:
        value["model"] = {"from": source, **({"lora": {"rank": int(rank)}} if rank else {})}
    value["training"] = {
        "steps": int(steps), "batch_size": int(size), "learning_rate": float(rate)
    }  # fmt: skip
    return value


def _kept(name: str, text: str) -> Path:
    """The form's YAML in a file, which the command line can build, too."""
    known_runs.home().mkdir(parents=True, exist_ok=True)
    file = known_runs.home() / f"{name}.yaml"
    write_text(file, text)
    return file


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
        f"{found['query_bytes'] / 1e6:.1f}."
    )


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
                min(1.0, job.done / job.total) if job.total else float(job.state == "done"),
                text=f"{plain(job.name)}: {_words(job)}",
            )
            if job.active:
                st.button("Cancel", key=f"ro_cancel_{job.name}", on_click=queue.cancel,
                          args=(QUEUE, job.name))  # fmt: skip
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
