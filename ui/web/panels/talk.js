// Talk mode: large type, the board, two numbers, one chart, and a deck stepped by arrow keys.
import { h, button, setText } from '../shared/dom.js';
import { markTalk } from '../shared/links.js';

const [LOWEST, HIGHEST, MARGIN] = [180, 460, 30]; // pixels of the chart, and below it

export class Talk {
  /** owner: the Timeline; sharing: { decks } */
  constructor(owner, sharing) {
    this.owner = owner;
    this.sharing = sharing;
    this.at = -1;
    this.title = h('h2', { class: 'ro-talk-title' });
    this.note = h('p', { class: 'ro-talk-note' });
    this.dots = h('div', { class: 'ro-talk-dots', role: 'group', 'aria-label': 'Slides' });
    this.element = h('header', { class: 'ro-talk', hidden: true },
      h('div', { class: 'ro-talk-words', 'aria-live': 'polite' }, this.title, this.note),
      h('div', { class: 'ro-group' }, this.dots,
        button('Leave', () => this.leave(), { 'data-command': 'talk-leave', 'aria-label': 'Leave talk mode', 'data-tip': 'Esc' })));
    document.addEventListener('keydown', (event) => this.key(event), { signal: owner.life.signal });
    owner.life.signal.addEventListener('abort', () => this.leave());
  }

  /** Saved views, or else the guided questions: [{ title, note, hash, send, select }, …]. */
  get deck() {
    const { views, scenarios } = this.sharing.decks;
    return views?.length ? views : scenarios ?? [];
  }

  enter() {
    if (this.on) return;
    this.on = true;
    this.element.hidden = false;
    this.owner.root.classList.add('ro-talking');
    markTalk(true);
    this.at = -1;
    this.show();
    this.owner.announce('Talk mode. Arrow keys step through the deck, Escape leaves.');
  }

  leave() {
    if (!this.on) return;
    this.on = false;
    this.element.hidden = true;
    this.owner.root.classList.remove('ro-talking');
    markTalk(false);
    this.fit();
  }

  /** In a talk the chart takes what is left of the screen, so that none of its rows is cut. */
  fit() {
    const { generalization } = this.owner.figures;
    generalization.height = undefined;
    if (this.on && window.innerWidth > 900) {
      const room = window.innerHeight - generalization.plot.getBoundingClientRect().top - MARGIN;
      generalization.height = Math.max(LOWEST, Math.min(HIGHEST, Math.round(room)));
    }
    generalization.draw();
  }

  go(to) {
    const { deck } = this;
    if (to < 0 || to >= deck.length) return;
    this.at = to;
    this.coming = deck[to].hash; // until it is there, nothing was moved since
    this.owner.acting.obey(deck[to]);
    this.show();
  }

  show() {
    if (!this.on) return;
    const { deck } = this;
    const { hash } = this.owner.view;
    if (this.at < 0) this.at = deck.findIndex((one) => one.hash === hash);
    const slide = deck[this.at];
    if (this.coming === hash) this.coming = null;
    const moved = slide && !this.coming && slide.hash !== hash;
    setText(this.title, slide ? slide.title : 'What if the samples had come in another order?');
    setText(this.note, !slide ? 'Drag a tile, or step through the deck with the arrow keys.'
      : moved ? `${slide.note ? `${slide.note} ` : ''}(moved since)` : slide.note);
    this.element.dataset.slide = this.at;
    const drawn = JSON.stringify([this.at, deck.map((one) => one.title)]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.dots.replaceChildren(...deck.map((one, i) => h('button', { type: 'button', class: 'ro-talk-dot',
        'aria-current': i === this.at ? 'step' : null, 'aria-label': `Slide ${i + 1}: ${one.title}`, onclick: () => this.go(i) })));
    }
    this.fit(); // a longer title or note leaves it less room
  }

  key(event) {
    if (!this.on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      if (!this.owner.hand.busy && !event.defaultPrevented) this.leave();
      return;
    }
    const target = event.target.closest?.('.ro-tile, .ro-step, input, textarea, select, [role=radiogroup], [role=tablist], [role=menu]');
    const page = { PageDown: 1, PageUp: -1 }[event.key];
    const step = page ?? (target ? 0 : { ArrowRight: 1, ArrowLeft: -1 }[event.key]);
    if (!step || this.owner.hand.busy) return;
    event.preventDefault();
    this.go(this.at + step);
  }
}
