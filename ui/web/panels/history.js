// The history as a list of moves in words, each with what it alone changed; and its branches.
import { focusedIn, h, button } from '../shared/dom.js';
import { interval, signed } from '../shared/format.js';
import { Queue } from './queue.js';

const EMPTY = 'No moves yet. Drag a tile to another step: each move is listed here with what it changed, '
  + 'and can be gone back to or left out.';

export class History {
  /** owner: { send(type, more), highlight(ids | null) } */
  constructor(owner) {
    this.owner = owner;
    this.branch = h('select', { class: 'ro-select', 'aria-label': 'Branch',
      onchange: () => owner.send('switch', { name: this.branch.value }) });
    this.fork = button('Branch here', () => this.ask(true),
      { 'data-command': 'fork', 'data-tip': 'Go on from this order on a branch of its own; this one stays as it is' });
    this.forget = button('Delete', () => this.choose(),
      { 'data-command': 'forget', 'data-tip': 'Delete another branch' });
    this.name = h('input', { class: 'ro-input', type: 'text', maxlength: 40, 'aria-label': 'Name of the new branch',
      placeholder: 'name of the new branch' });
    this.form = h('form', { class: 'ro-branch-form', hidden: true, onsubmit: (event) => this.submit(event) },
      this.name, h('button', { type: 'submit', class: 'ro-button ro-primary' }, 'Create'),
      button('Cancel', () => this.ask(false)));
    this.name.addEventListener('keydown', (event) => { if (event.key === 'Escape') this.ask(false); });
    this.list = h('ol', { class: 'ro-moves', 'aria-label': 'Moves' });
    this.element = h('div', { class: 'ro-history' },
      h('div', { class: 'ro-branches' }, this.branch, this.fork, this.forget), this.form, this.list,
      (this.queue = new Queue(owner)).element);
  }

  ask(open) {
    this.form.hidden = !open;
    if (open) this.name.focus();
    else this.fork.focus();
  }

  submit(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return;
    this.name.value = '';
    this.form.hidden = true;
    this.owner.send('fork', { name });
  }

  /** The first click asks, the second deletes: a branch is kept for everybody, and there is no undo. */
  choose() {
    if (this.doomed === this.last) this.owner.send('forget', { name: this.last });
    this.doomed = this.doomed === this.last ? null : this.last;
    this.label();
  }

  label() {
    this.forget.textContent = this.doomed === this.last ? `Really delete ${this.last}?` : `Delete ${this.last}`;
  }

  show(record) {
    const drawn = JSON.stringify(record);
    if (drawn === this.drawn) return; // a row made anew between press and release loses the click
    this.drawn = drawn;
    const { branch, branches, place, start, moves } = record;
    this.branch.replaceChildren(...branches.map(([name, count]) => h('option',
      { value: name, selected: name === branch }, `${name} (${count} move${count === 1 ? '' : 's'})`)));
    const others = branches.map(([name]) => name).filter((name) => name !== branch && name !== 'main');
    this.last = others.at(-1);
    this.forget.hidden = !others.length;
    this.label();
    const rows = [this.row(start, 0, place), ...moves.map((move, i) => this.row(move, i + 1, place))];
    if (!moves.length) rows.push(h('li', { class: 'ro-nothing' }, EMPTY));
    const focused = focusedIn('.ro-move')?.dataset.place;
    this.list.replaceChildren(...rows);
    if (focused !== undefined) this.list.querySelector(`[data-place="${focused}"] button`)?.focus({ preventScroll: true });
    this.current = rows[place];
    this.reveal();
  }

  /** The current row into the middle; behind another tab it has no place yet, and asking for one would cost a layout. */
  reveal() {
    if (!this.current || this.owner.side.shown !== 'history') return;
    this.list.scrollTop = Math.max(0, this.current.offsetTop - this.list.offsetTop - this.list.clientHeight / 2);
  }

  row(move, at, place) {
    const { owner } = this;
    const go = h('button', { type: 'button', class: 'ro-move-go', 'aria-current': at === place ? 'step' : null,
      onclick: () => owner.send('jump', { place: at, hash: move.hash }),
      onpointerenter: () => owner.highlight(move.samples ?? []), onpointerleave: () => owner.highlight(null),
      onfocus: () => owner.highlight(move.samples ?? []), onblur: () => owner.highlight(null) },
    h('span', { class: 'ro-move-words' }, move.words, move.verified
      ? h('span', { class: 'ro-verified-mark', 'data-tip': 'Really retrained' }, ' \u25c7') : null),
    at ? effect(move) : null);
    const out = at ? h('button', { type: 'button', class: 'ro-close ro-move-out', 'aria-label': `Leave out: ${move.words}`,
      'data-tip': 'Leave this move out and do the later ones without it',
      onclick: () => owner.send('remove', { place: at, hash: move.hash }) }, '\u00d7') : null;
    return h('li', { class: 'ro-move', 'data-place': at, 'data-ahead': at > place }, go, out);
  }
}

/** "own loss −0.410, held-out +0.0030": what this move changed by itself, with intervals as a tooltip. */
function effect({ effect: known, kind, samples }) {
  if (!known) return h('span', { class: 'ro-move-effect' }, 'estimating \u2026');
  const whose = kind === 'order' ? 'training loss' : samples.length > 1 ? 'their loss' : 'own loss';
  const part = (name, [value, low, high], digits) => [
    `${name} `, h('b', { 'data-effect': name, 'data-value': value, 'data-side': low > 0 ? 'rise' : high < 0 ? 'fall' : 'unclear' },
      signed(value, digits)), h('span', { class: 'ro-move-range' }, ` ${interval(low, high, digits)}`)];
  return h('span', { class: 'ro-move-effect' }, h('span', {}, part(whose, known.own, 3)),
    h('span', {}, part('held-out', known.heldOut, 4)));
}
