// The best next move for a goal: asked for, previewed on the board, applied by a button.
import { listen } from '../shared/channels.js';
import { h, button, setText } from '../shared/dom.js';
import { apply } from '../preview/moves.js';

const EMPTY = 'Which single move from this order would do most for your goal? Every sample at every step, and every swap of two, '
  + 'is priced by the position table; the best are estimated, with a 90 % interval.';
const STALE = 'The order has changed since; ask again.';

export class Suggestions {
  /** owner: { run, view, order, selected, send(type, more), foresee(move | null), adopt(view), announce(text) } */
  constructor(owner) {
    this.owner = owner;
    this.goal = h('select', { class: 'ro-select', 'aria-label': 'Best next move to', onchange: () => this.clear(EMPTY) });
    this.ask = button('Suggest', () => this.request(), { class: 'ro-button ro-primary', 'data-command': 'suggest' });
    this.words = h('p', { class: 'ro-suggest-words', role: 'status' }, EMPTY);
    this.list = h('ol', { class: 'ro-moves', 'aria-label': 'Suggested moves' });
    this.element = h('div', { class: 'ro-history ro-suggest' },
      h('div', { class: 'ro-branches' }, h('label', { class: 'ro-choice' }, 'Best next move to ', this.goal), this.ask),
      this.words, this.list);
    this.asked = 0;
    this.stop = listen('suggestions', (found) => this.arrived(found));
  }

  /** Order or selection changed: another sample to remember, a list that no longer holds. */
  show() {
    const { run, view } = this.owner;
    if (!view) return;
    this.offer(run);
    if (this.found && this.found.hash !== view.hash) this.clear(STALE);
    if (this.asked && view.seq >= this.asked && view.notice?.kind === 'error') this.clear(view.notice.text);
  }

  /** The goals of this run; those of a sample go by the selected one. */
  offer(run) {
    const { selected } = this.owner;
    const goals = [['held-out', 'lower held-out loss'],
      ...run.probeDomains.map((name) => [`domain ${name}`, `protect ${name}: lower its held-out loss`]),
      ...(selected === null ? [] : [[`remember ${selected}`, `remember sample ${selected}`], [`forget ${selected}`, `forget sample ${selected}`]])];
    const shape = `${run.id} ${selected}`;
    if (shape === this.shape) return;
    this.shape = shape;
    const [aim, ...rest] = this.goal.value.split(' ');
    const before = ['remember', 'forget'].includes(aim) ? `${aim} ${selected}` : [aim, ...rest].join(' ');
    const own = selected === null ? [h('option', { disabled: true, value: '' }, 'remember or forget: select a sample first')] : [];
    this.goal.replaceChildren(...goals.map(([value, text]) => h('option', { value }, text)), ...own);
    this.goal.value = goals.some(([value]) => value === before) ? before : 'held-out';
  }

  request() {
    const [aim, ...rest] = this.goal.value.split(' ');
    const what = rest.join(' ');
    const more = { domain: { domain: what }, remember: { sample: Number(what) }, forget: { sample: Number(what) } }[aim] ?? {};
    this.clear('Pricing every sample at every step \u2026');
    this.owner.send('suggest', { aim, ...more });
    this.asked = this.owner.sequence;
  }

  clear(words) {
    this.found = null;
    this.asked = 0;
    this.owner.acting.lay(this.list, []);
    setText(this.words, words);
  }

  /** Nothing, what is known so far, or all of it. */
  arrived(found) {
    const { run, view } = this.owner;
    if (!found.hash || !run || found.run !== run.id || found.hash !== view?.hash || found.seq < this.asked) return;
    this.asked = 0;
    this.found = found;
    setText(this.words, found.words);
    this.owner.acting.lay(this.list, found.parts);
  }

  apply(move, words) {
    const { owner } = this;
    const order = apply(owner.order, move);
    owner.foresee(null);
    owner.adopt({ selection: move.samples[0] });
    this.clear(STALE);
    this.ask.focus({ preventScroll: true }); // the button pressed is gone
    owner.send('drop', { run: owner.run.id, order, move });
    owner.announce(`Applied: ${words}.`);
  }

  destroy() { this.stop(); }
}
