// The line of headline figures: what this order would have changed, in four numbers.
import { missed } from '../figures/dots.js';
import { h, setText, info } from '../shared/dom.js';
import { digitsFor, interval, number, signed } from '../shared/format.js';
import { mean, probeChange, sampleChange } from '../shared/run.js';

const CARDS = [
  ['heldout', 'Held-out loss', 'Mean loss on text never trained on, averaged over domains, in nats per token; below it the '
    + 'change against the reference order. Below zero: generalizes better.'],
  ['training', 'Training loss', 'Mean final loss over all trained samples, in nats per token; below it the change against the '
    + 'reference order. Below zero: the training text is remembered better.'],
  ['most', 'Moved most', 'The sample whose final loss differs most from the reference order.'],
  ['distance', 'Distance', 'How far the estimated final weights lie from the reference run’s, relative to '
    + 'how far training went: 0 is the same model. Estimates lose trust as it grows.'],
];

const FARED = 'The estimator\u2019s name says which retrainings it knows: those that the build designed + those of the ledger. How such numbers have fared: estimates of orders like this one, by the estimator as the build left it, against real '
  + 'retrainings that it had not seen. \u201cinterval held\u201d: the share of retrained losses inside the 90 % intervals, of held-out losses '
  + 'by domain, or of single samples; \u201conly\u201d where that is below 80 %, so that such intervals are too narrow; \u201cerror\u201d: the mean absolute error of the number above, nats per token. More on the page Fidelity.';

export class Summary {
  constructor() {
    this.cards = Object.fromEntries(CARDS.map(([key, label, tip]) => {
      const value = h('output', { class: 'ro-kpi-value', 'data-kpi': key });
      const note = h('span', { class: 'ro-kpi-note', 'data-kpi-change': key });
      const last = h('span', { class: 'ro-kpi-note', 'data-kpi-last': key });
      const truth = h('span', { class: 'ro-kpi-truth', 'data-kpi-truth': key });
      const fared = h('span', { class: 'ro-kpi-note', 'data-kpi-fared': key });
      const element = h('div', { class: 'ro-kpi' }, h('span', { class: 'ro-kpi-label' }, label, info(tip)), value, truth, note, last, fared);
      return [key, { value, note, last, truth, fared, element }];
    }));
    this.source = h('span', { class: 'ro-source', 'data-source': '' });
    this.fared = h('span', { class: 'ro-fared' });
    this.element = h('section', { 'aria-label': 'What this order changes' },
      h('div', { class: 'ro-kpis' }, Object.values(this.cards).map((card) => card.element)),
      h('p', { class: 'ro-provenance' }, this.source, ' ', this.fared, info(FARED)));
  }

  show(run, view, slots) {
    setText(this.source, view.source);
    setText(this.fared, view.atReference ? '' : view.fared.words); // what was measured needs no judge
    for (const [key, card] of Object.entries(this.cards)) setText(card.fared, view.fared[key] && !view.atReference ? `track record: ${view.fared[key]}` : '');
    this.change('heldout', view, probeChange(run, view, -1), mean(run.reference.probeLoss));
    this.change('training', view, trainingChange(run, view), mean(run.reference.sampleLoss));
    this.most(run, view);
    const moved = run.referenceOrder.filter((id, slot) =>
      Math.floor(slots[id] / run.batch) !== Math.floor(slot / run.batch)).length;
    this.last(run, view);
    this.put('distance', number(view.estimate.distance, 3), `${moved} of ${run.count} samples at another step`, '');
  }

  /** The level, and under it what this order changes of it; where it was retrained, that leads. */
  change(key, view, { value, lo, hi, truth }, base) {
    const range = Number.isFinite(lo) ? `, 90 % ${interval(lo, hi, 4)}` : '';
    const known = Number.isFinite(truth);
    const note = view.atReference ? 'measured: others are compared with it' : `${known ? 'estimated ' : ''}${signed(value, 4)}${range}`;
    const level = base + (known ? truth : value);
    this.put(key, number(level, 3), note, view.atReference ? '' : verdict({ value, lo, hi, truth }, 4), level);
    this.cards[key].note.dataset.value = value;
  }

  /** What the last move alone changed, where there was one. */
  last(run, view) {
    const { previous } = view;
    const text = ([value, low, high], digits) => `last move ${signed(value, digits)} ${interval(low, high, digits)}`;
    setText(this.cards.heldout.last, previous ? text(previous.heldOut, 4) : '');
    setText(this.cards.training.last, previous ? `last move ${signed(mean(previous.sample), 4)}` : '');
    if (!previous) { setText(this.cards.most.last, ''); return; }
    const top = previous.sample.reduce((best, value, id) => (Math.abs(value) > Math.abs(previous.sample[best]) ? id : best), 0);
    setText(this.cards.most.last, `last move: sample ${top} ${signed(previous.sample[top])}`);
  }

  most(run, view) {
    const rows = run.samples.map(({ id }) => ({ id, ...sampleChange(run, view, id) }));
    const best = ({ value, truth }) => (Number.isFinite(truth) ? truth : value || 0);
    const top = rows.reduce((a, b) => (Math.abs(best(b)) > Math.abs(best(a)) ? b : a));
    const sample = run.samples[top.id];
    const nothing = view.atReference || Math.abs(best(top)) < 1e-6;
    this.put('most', nothing ? '\u2013' : signed(best(top)), nothing ? 'no sample'
      : `sample ${top.id}, ${sample.flags[0] ?? sample.name}`, nothing ? '' : verdict(top, 3), nothing ? '' : best(top));
  }

  /** Another order is on its way: these numbers are not of it. */
  wait() {
    for (const key of Object.keys(this.cards)) {
      this.put(key, '\u2026', '', '');
      setText(this.cards[key].last, '');
      setText(this.cards[key].fared, '');
    }
    setText(this.source, '\u2026');
    setText(this.fared, '');
  }

  /**
   * @param {string} key
   * @param {number | string} [raw]
   */
  put(key, value, note, truth, raw) {
    const card = this.cards[key];
    setText(card.value, value);
    setText(card.note, note);
    setText(card.truth, truth);
    card.value.dataset.value = raw ?? '';
  }
}

function trainingChange(run, view) {
  const base = mean(run.reference.sampleLoss);
  return { value: mean(view.estimate.sampleLoss) - base, lo: NaN, hi: NaN,
    truth: view.truth ? mean(view.truth.sampleLoss) - base : NaN };
}

function verdict({ value, lo, hi, truth }, digits) {
  if (!Number.isFinite(truth)) return '';
  const shown = Math.min(4, Math.max(digits, digitsFor(Math.abs(truth)) - 1));
  const out = missed({ lo, hi, truth }) ? ', outside the interval' : '';
  return `retrained ${signed(truth, shown)} \u00b7 estimate off by ${number(Math.abs(value - truth), shown)}${out}`;
}
