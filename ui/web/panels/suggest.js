// The best next move for a goal: asked for, previewed on the board, applied by a button; as
// ui/timeline/panels/suggested.py describes it.
import { listen } from '../shared/channels.js';
import { h } from '../shared/dom.js';
import { apply } from '../preview/moves.js';

const STALE = ['p', { class: 'ro-suggest-words', role: 'status' }, 'The order has changed since; ask again.'];

export class Suggestions {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.goals = h('div', {});
    this.list = h('div', {});
    this.element = h('div', { class: 'ro-history ro-suggest' }, this.goals, this.list);
    listen('fixed', ({ goals }) => owner.acting.lay(this.goals, goals), owner.life.signal);
    listen('suggestions', (found) => this.arrived(found), owner.life.signal);
  }

  /** A list that no longer holds goes. */
  show() {
    if (this.hash && this.hash !== this.owner.view?.hash) this.owner.acting.lay(this.list, [STALE]);
  }

  /** What is known so far of the order on screen, or all of it; without an order, what may be asked. */
  arrived({ run, hash, parts }) {
    if (hash ? run !== this.owner.run?.id || hash !== this.owner.view?.hash : this.hash) return;
    this.hash = hash;
    this.owner.acting.lay(this.list, parts);
  }

  apply(move, words) {
    const { owner } = this;
    owner.foresee(null);
    owner.adopt({ selection: move.samples[0] });
    /** @type {HTMLElement} */ (this.goals.querySelector('button')).focus({ preventScroll: true }); // the button pressed will be gone
    owner.send('drop', { run: owner.run.id, order: apply(owner.order, move), move });
    owner.announce(`Applied: ${words}.`);
  }
}
