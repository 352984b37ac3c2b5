// One sample in full: its text as it was trained, domain, flags and numbers.
import { h, setText, info } from '../shared/dom.js';
import { interval, number, signed } from '../shared/format.js';
import { markOf } from '../board/board.js';
import { memorization, missed, sampleChange } from '../shared/run.js';

const ROWS = [
  ['step', 'Trained at step', 'Which update trains it, of how many; and its place in the batch.'],
  ['loss', 'Final loss', 'Mean nats per token on this sample after training in this order, estimated.'],
  ['gain', 'Memorization', 'What training changed: its loss before training minus its loss after it.'],
  ['truth', 'Retrained', 'Change of its final loss against the reference order in a real retraining, once this order is verified.'],
  ['change', 'Estimated change', 'Of its final loss against the reference order. Below zero: remembered better.'],
  ['range', '90 % interval', 'Of the change; its width was set on real retrainings.'],
];

export class Inspector {
  constructor() {
    this.name = h('h3', {});
    this.meta = h('p', { class: 'ro-inspect-meta' });
    this.text = h('blockquote', { class: 'ro-inspect-text', dir: 'auto', tabindex: 0, 'aria-label': 'Text of the sample' });
    this.values = {};
    const rows = ROWS.map(([key, label, tip]) => {
      this.values[key] = h('dd', { 'data-inspect': key });
      return [h('dt', {}, label, info(tip)), this.values[key]];
    });
    this.element = h('div', { class: 'ro-inspect' }, this.name, this.meta, this.text,
      h('dl', {}, rows));
  }

  show(run, view, slots, id) {
    this.element.classList.toggle('ro-empty', id === null);
    if (id === null) {
      setText(this.name, 'No sample selected');
      setText(this.meta, 'Point at a tile to read it; click to keep it here; drag to move it.');
      setText(this.text, '');
      for (const value of Object.values(this.values)) setText(value, '\u2013');
      return;
    }
    const sample = run.samples[id];
    const change = sampleChange(run, view, id);
    const slot = slots[id];
    setText(this.name, `Sample ${sample.title}`);
    this.meta.replaceChildren(
      h('span', { class: 'ro-swatch ro-domain-swatch', style: `--ro-domain: var(--ro-domain-${sample.shade})` }),
      h('bdi', { class: 'ro-domain-name', 'data-tip': sample.name }, sample.name), `\u00b7 ${sample.tokens} tokens`,
      ...sample.flags.map((flag) => h('span', { class: 'ro-flag', 'data-flag': markOf(sample) }, flag)));
    setText(this.text, sample.text);
    setText(this.values.step, slot < run.trained ? `${Math.floor(slot / run.batch) + 1} of ${run.steps}, place ${(slot % run.batch) + 1}` : 'on the bench: not trained');
    setText(this.values.loss, number(view.estimate.sampleLoss[id]));
    this.values.loss.dataset.value = view.estimate.sampleLoss[id];
    setText(this.values.gain, signed(memorization(run, view, id)));
    this.values.gain.dataset.value = memorization(run, view, id);
    setText(this.values.change, signed(change.value));
    setText(this.values.range, Number.isFinite(change.lo) ? interval(change.lo, change.hi) : '\u2013');
    const known = Number.isFinite(change.truth);
    this.values.truth.toggleAttribute('data-missed', missed(change));
    setText(this.values.truth, view.atReference ? 'measured' : known
      ? `${signed(change.truth)}${missed(change) ? ', outside the interval' : ''}` : 'not verified');
  }

  /** Another order is on its way: these numbers are not of it. */
  wait() {
    for (const key of ['loss', 'gain', 'truth', 'change', 'range']) setText(this.values[key], '\u2026');
  }
}
