"""The process's one estimate service of each run, and what a session wants to know of it."""

import streamlit as st

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.service import AsOf, EstimateService
from reorder_core.estimators import DEFAULT
from reorder_core.store.queries import Published
from reorder_core.store.run import Run
from ui.app import state


def service(run: Run) -> EstimateService:
    """The run's service; the same for every session and page."""
    return _service(run, str(run.path), run.fingerprint)


def informed(run: Run) -> AsOf:
    """The default estimator, informed as this session wants: by all of the ledger, or as a link."""
    return service(run).as_of(state.as_of(run.id), DEFAULT)


def published(run: Run) -> Published:
    """The run's published tables, for named queries."""
    return _published(run, str(run.path), run.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _published(_run: Run, path: str, fingerprint: str) -> Published:
    return Published(_run)


@st.cache_resource(max_entries=4, show_spinner=False)
def _service(_run: Run, path: str, fingerprint: str) -> EstimateService:
    return EstimateService(_run, ResultCache(_run.path / "cache" / "results-cache.duckdb",
                                             fingerprint))  # fmt: skip
