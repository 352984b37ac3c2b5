// What the fill of a tile means: its domain, the change of its loss, or how well it is remembered.
import { h } from '../shared/dom.js';
import { signed } from '../shared/format.js';
import { memorization, sampleChange } from '../shared/run.js';

const OUTER = 0.98; // beyond this share of the samples, colours saturate

/** { mode, level (N,) from 0 to 1, rises (N,), changes (N,), legend } for a colour mode. */
export function colouring(run, view, mode) {
  const changes = run.samples.map(({ id }) => sampleChange(run, view, id).value || 0); // NaN: not known
  const found = { mode, changes, rises: changes.map((value) => value > 0) };
  if (mode === 'memorization') return { ...found, ...remembered(run.samples.map(({ id }) => memorization(run, view, id))) };
  const sorted = changes.map(Math.abs).sort((a, b) => a - b);
  const limit = Math.max(0.005, sorted[Math.floor(sorted.length * OUTER)]);
  const level = changes.map((value) => Math.min(1, Math.abs(value) / limit));
  return { ...found, level, legend: mode === 'change' ? changeLegend(limit) : '' };
}

/** Darker for what training taught more of: loss before it minus loss after it. */
function remembered(gains) {
  const sorted = gains.filter(Number.isFinite).sort((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length * (1 - OUTER))] ?? 0;
  const high = sorted[Math.floor((sorted.length - 1) * OUTER)] ?? 1;
  const level = gains.map((value) => Math.max(0, Math.min(1, (value - low) / (high - low || 1))) || 0);
  return { level, legend: h('span', { class: 'ro-scale',
    'data-tip': 'Memorization of each tile, nats per token: its loss before training minus its loss after, the darker, the more it was learned' },
  signed(low, 2), h('span', { class: 'ro-scale-bar ro-scale-memory' }), `${signed(high, 2)} nats/token`) };
}

function changeLegend(limit) {
  return h('span', { class: 'ro-scale', 'data-tip': 'Change of each tile’s final loss against the reference order, nats per token' },
    signed(-limit), h('span', { class: 'ro-scale-bar' }), signed(limit), ' nats/token');
}

/** The fill as CSS, for what is not drawn with elements. */
export function fillOf({ mode, level, rises }, sample) {
  const { id, shade } = sample;
  if (mode === 'domain') return `var(--ro-domain-${shade})`;
  const share = `${10 * Math.round(level[id] * 10)}%`; // eleven shades are enough at a few pixels
  const colour = mode === 'memorization' ? '--ro-accent' : rises[id] ? '--ro-rise' : '--ro-fall';
  return `color-mix(in oklab, var(${colour}) ${share}, var(--ro-zero))`;
}
