// What can be done: how a tile lands, what colours mean, history, verification.
import { h, setText, button, segmented } from '../shared/dom.js';
import { seconds } from '../shared/format.js';

const ACTIVE = ['queued', 'running']; // states of a retraining that has not ended
const UNVERIFIED = 'Really retrain the model in this order, in the background, and lay the result over the estimate';
const MEASURED = 'The reference order was really trained: its losses are measured, and the others are compared with them';
const VERIFIED = 'This order was really retrained; diamonds, rings and ticks show the result over the estimate';

export class Toolbar {
  /** owner: { send(command), whisper(type, more), setKind(kind), setPicking(on), setColour(mode) } */
  constructor(owner) {
    this.kind = segmented('How a tile lands', [
      ['insert', 'Insert', 'A dropped tile is put in between; the others shift'],
      ['swap', 'Swap', 'A dropped tile changes places with the one it lands on'],
    ], (kind) => owner.setKind(kind));
    this.pick = button('Select several', () => owner.setPicking(!owner.picking), { 'data-command': 'pick', 'aria-pressed': 'false',
      'data-tip': 'Taps add or remove tiles, a drag selects what it touches; drag a selected tile to move them all. '
        + 'A finger that rests on a tile begins this, too' });
    this.colour = segmented('Colour of tiles', [
      ['domain', 'Domain', 'Tiles coloured by domain'],
      ['change', 'Loss change', 'Tiles coloured by the estimated change of their final loss'],
      ['memorization', 'Memorization', 'Tiles coloured by what training changed of their loss, before minus after: how much of each was learned'],
    ], (mode) => owner.setColour(mode));
    this.undo = button('Undo', () => owner.send('undo'), { 'data-command': 'undo', 'data-tip': 'Ctrl Z' });
    this.redo = button('Redo', () => owner.send('redo'), { 'data-command': 'redo', 'data-tip': 'Ctrl Y, or Ctrl Shift Z' });
    this.reset = button('Reset', () => owner.send('reset'), { 'data-command': 'reset', 'data-tip': 'Back to the reference order' });
    this.verify = button('Verify', () => owner.send('verify'), {
      class: 'ro-button ro-primary', 'data-command': 'verify',
      'data-tip': UNVERIFIED });
    const soon = () => {
      if (this.verify.disabled || this.told) return;
      this.told = true; // once a visit: what is made ready is kept, and made anew after each retraining
      owner.whisper('soon', {});
    };
    for (const kind of ['pointerenter', 'focus']) this.verify.addEventListener(kind, soon);
    this.cancel = button('Cancel', () => owner.send('cancel'), { 'data-command': 'cancel' });
    this.bar = h('progress', { class: 'ro-progress', max: 1, value: 0, 'aria-label': 'Retraining' });
    this.words = h('span', { class: 'ro-verify-words', role: 'status' });
    this.status = h('span', { class: 'ro-status', role: 'status' });
    this.element = h('div', { class: 'ro-toolbar' },
      h('div', { class: 'ro-group' }, this.kind, this.pick, this.colour),
      h('div', { class: 'ro-group' }, this.undo, this.redo, this.reset), this.status,
      h('div', { class: 'ro-group ro-verify' },
        h('span', { class: 'ro-verify-progress' }, this.words, this.bar), this.cancel, this.verify));
  }

  show(view, waiting) {
    this.undo.disabled = !view.canUndo;
    this.redo.disabled = !view.canRedo;
    this.reset.disabled = view.atReference;
    const { source, told } = view.estimate;
    setText(this.status, waiting ? 'estimating \u2026' : view.atReference ? 'measured' : told);
    this.status.dataset.source = source;
  }

  showJob(jobs, view) {
    const job = jobs.find((one) => one.hash === view.hash);
    const ahead = jobs.filter(({ state }) => ACTIVE.includes(state));
    const busy = ACTIVE.includes(job?.state) && !view.atReference;
    this.bar.hidden = !busy;
    this.cancel.hidden = !busy;
    this.verify.hidden = busy;
    this.verify.disabled = Boolean(view.truth) || view.atReference;
    setText(this.verify, view.atReference ? 'Measured' : view.truth ? 'Verified' : 'Verify');
    this.verify.dataset.tip = view.atReference ? MEASURED : view.truth ? VERIFIED : UNVERIFIED;
    if (busy && job.share !== null) this.bar.value = job.share;
    else this.bar.removeAttribute('value');
    setText(this.words, busy ? job.words : ending(job, view, ahead));
    this.words.dataset.tip = this.words.textContent; // it may be longer than its room, which never changes
  }

  /** Another order is on its way: what was said of the last one is not of this one. */
  wait() {
    this.bar.hidden = this.cancel.hidden = true;
    this.verify.hidden = false;
    this.verify.disabled = true;
    setText(this.verify, 'Verify');
    setText(this.words, '');
  }
}

function ending(job, view, ahead) {
  if (view.truth && !view.atReference) return `retrained in ${seconds(view.truth.seconds)}`;
  if (job?.words && !view.atReference) return job.words; // how it ended
  if (ahead.length) return `another order is being retrained (${ahead.length})`;
  return view.atReference ? 'really trained' : 'estimate only, not yet verified';
}
