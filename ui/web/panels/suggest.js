// The best next move for a goal: asked for, previewed on the board, applied by a button.
import { listen } from '../shared/channels.js';
import { h, button, setText } from '../shared/dom.js';
import { interval, signed } from '../shared/format.js';
import { apply } from '../preview/moves.js';

const EMPTY = 'Which single move from this order would do most for your goal? Every sample at every step, and every swap of two, '
  + 'is priced by the position table; the best are estimated, with a 90 % interval.';
const STALE = 'The order has changed since; ask again.';
const NOTHING = 'No single move is expected to do that from this order.';

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
    this.fill([]);
    setText(this.words, words);
  }

  /** Nothing, what is known so far, or all of it. */
  arrived(found) {
    const { run, view } = this.owner;
    if (!found.hash || !run || found.run !== run.id || found.hash !== view?.hash || found.seq < this.asked) return;
    this.asked = 0;
    this.found = found;
    const { done, total, rows } = found;
    const goal = named(found.goal);
    const told = rows.filter((row) => row.clear).length;
    if (done < total) setText(this.words, `To ${goal}: ${done} of the ${total} most promising moves estimated \u2026`);
    else if (!rows.length) setText(this.words, `To ${goal}: ${NOTHING}`);
    else {
      setText(this.words, `To ${goal}: the best of ${total} moves estimated. `
        + (told ? '' : 'None can be told from no effect. ') + 'Nats per token, 90 % interval.');
    }
    this.fill(rows.map((row) => this.row(row, found.goal)));
  }

  fill(rows) {
    if (this.previewed) this.preview(null); // a row that goes sends no pointerleave
    this.list.replaceChildren(...rows);
  }

  preview(move) {
    this.previewed = move;
    this.owner.foresee(move);
  }

  row({ move, words, effect, clear }, goal) {
    const { owner } = this;
    const [value, low, high] = effect;
    const digits = goal.aim === 'held-out' || goal.aim === 'domain' ? 4 : 3;
    const apart = clear ? null : h('span', { class: 'ro-suggest-unclear' }, 'cannot be told from no effect');
    const watch = { onpointerenter: () => this.preview(move), onpointerleave: () => this.preview(null),
      onfocusin: () => this.preview(move), onfocusout: () => this.preview(null) };
    return h('li', { class: 'ro-move ro-suggestion', ...watch },
      h('button', { type: 'button', class: 'ro-move-go', 'data-sample': move.samples[0],
        onclick: () => owner.adopt({ selection: move.samples[0] }) },
      h('span', { class: 'ro-move-words' }, words),
      h('span', { class: 'ro-move-effect' }, h('span', {}, `${measured(goal)} `,
        h('b', { 'data-value': value, 'data-side': !clear ? 'unclear' : value > 0 ? 'rise' : 'fall' }, signed(value, digits)),
        h('span', { class: 'ro-move-range' }, ` ${interval(low, high, digits)}`)), apart)),
      button('Apply', () => this.apply(move, words), { 'data-command': 'apply-suggestion', 'aria-label': `Apply: ${words}` }));
  }

  apply(move, words) {
    const { owner } = this;
    const order = apply(owner.order, move);
    this.preview(null);
    owner.adopt({ selection: move.samples[0] });
    this.clear(STALE);
    this.ask.focus({ preventScroll: true }); // the button pressed is gone
    owner.send('drop', { run: owner.run.id, order, move });
    owner.announce(`Applied: ${words}.`);
  }

  destroy() { this.stop(); }
}

function named({ aim, domain, sample }) {
  if (aim === 'held-out') return 'lower held-out loss';
  return aim === 'domain' ? `protect ${domain}` : `${aim} sample ${sample}`;
}

function measured({ aim, domain }) {
  return aim === 'held-out' ? 'held-out' : aim === 'domain' ? `held-out ${domain}` : 'own loss';
}
