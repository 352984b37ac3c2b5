// The line of headline figures: what this order would have changed, in four numbers.
import { h, setText, info } from '../shared/dom.js';
import { digitsFor, interval, number, signed } from '../shared/format.js';
import { mean, probeChange, sampleChange } from '../shared/run.js';

const CARDS = [
  ['heldout', 'Held-out loss', 'Mean loss on text never trained on, averaged over domains, against the '
    + 'reference order. Below zero: generalizes better.'],
  ['training', 'Training loss', 'Mean final loss over all trained samples, against the reference order. '
    + 'Below zero: the training text is remembered better.'],
  ['most', 'Moved most', 'The sample whose final loss differs most from the reference order.'],
  ['distance', 'Distance', 'How far the estimated final weights lie from the reference run’s, relative to '
    + 'how far training went: 0 is the same model. Estimates lose trust as it grows.'],
];

export class Summary {
  constructor() {
    this.cards = Object.fromEntries(CARDS.map(([key, label, tip]) => {
      const value = h('output', { class: 'ro-kpi-value', 'data-kpi': key });
      const note = h('span', { class: 'ro-kpi-note' });
      const last = h('span', { class: 'ro-kpi-note', 'data-kpi-last': key });
      const truth = h('span', { class: 'ro-kpi-truth', 'data-kpi-truth': key });
      const element = h('div', { class: 'ro-kpi' }, h('span', { class: 'ro-kpi-label' }, label, info(tip)), value, note, last, truth);
      return [key, { value, note, last, truth, element }];
    }));
    this.element = h('section', { class: 'ro-kpis', 'aria-label': 'What this order changes' },
      Object.values(this.cards).map((card) => card.element));
  }

  show(run, view, slots) {
    this.change('heldout', probeChange(run, view, -1), mean(view.estimate.probeLoss), 4);
    this.change('training', trainingChange(run, view), mean(view.estimate.sampleLoss), 4);
    this.most(run, view);
    const moved = run.referenceOrder.filter((id, slot) =>
      Math.floor(slots[id] / run.batch) !== Math.floor(slot / run.batch)).length;
    this.last(run, view);
    this.put('distance', number(view.estimate.distance, 3), `${moved} of ${run.count} samples at another step`, '');
  }

  change(key, { value, lo, hi, truth }, level, digits) {
    const range = Number.isFinite(lo) ? `90 % ${interval(lo, hi, digits)} · ` : '';
    this.put(key, signed(value, digits), `${range}level ${number(level, 3)}`, verdict(value, truth, digits), value);
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
    const top = rows.reduce((a, b) => (Math.abs(b.value || 0) > Math.abs(a.value || 0) ? b : a));
    const sample = run.samples[top.id];
    const nothing = Math.abs(top.value) < 1e-6;
    this.put('most', nothing ? '0.000' : signed(top.value), nothing ? 'no sample'
      : `sample ${top.id}, ${sample.flags[0] ?? sample.name}`, verdict(top.value, top.truth, 3), top.value);
  }

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

function verdict(value, truth, digits) {
  if (!Number.isFinite(truth)) return '';
  const shown = Math.max(digits, digitsFor(Math.abs(truth)) - 1);
  return `retrained ${signed(truth, Math.min(shown, 4))} · off by ${number(Math.abs(value - truth), Math.min(shown, 4))}`;
}
