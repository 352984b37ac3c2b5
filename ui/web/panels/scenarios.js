// Guided questions: one click shows a question, its orders one after the other, and the answer.
import { h, button, setText } from '../shared/dom.js';

export class Scenarios {
  /** owner: { send(type, more), select(id, go) } */
  constructor(owner) {
    this.owner = owner;
    this.list = [];
    this.known = false;
    this.buttons = h('div', { class: 'ro-group', role: 'group', 'aria-label': 'Guided questions' });
    this.question = h('p', { class: 'ro-guide-question' });
    this.answer = h('p', { class: 'ro-guide-answer', 'aria-live': 'polite' });
    this.stops = h('div', { class: 'ro-group ro-guide-stops' });
    this.open = h('div', { class: 'ro-guide-open', hidden: true }, this.question, this.stops, this.answer);
    this.element = h('section', { class: 'ro-guide', 'aria-label': 'Guided questions' },
      h('div', { class: 'ro-guide-head' }, h('span', { class: 'ro-guide-name' }, 'Guided questions'), this.buttons), this.open);
  }

  set({ scenarios, answers, at }) {
    this.list = scenarios;
    this.answers = { ...this.answers, ...answers }; // only that of the question asked is sent
    this.known = true;
    this.at = at ? { key: at[0], stop: at[1] } : null;
    this.draw();
  }

  show(view) {
    this.hash = view.hash;
    this.draw();
  }

  go(key, stop = 0) {
    this.at = key ? { key, stop } : null;
    this.draw();
    this.owner.send('guide', { key, stop });
    if (!key) return;
    const [sample] = this.list.find((one) => one.key === key)?.stops[stop].samples ?? [];
    if (sample !== undefined) this.owner.select(sample, true);
  }

  draw() {
    const { list, at } = this;
    const drawn = JSON.stringify([list, at, this.answers, this.hash]);
    if (drawn === this.drawn) return; // a button drawn anew under the pointer would lose its click
    this.drawn = drawn;
    this.element.hidden = this.known && !list.length; // its room is kept until the questions come
    const shown = list.find((one) => one.key === at?.key);
    this.buttons.replaceChildren(...list.map((one) => h('button', {
      type: 'button', class: 'ro-guide-choose', 'data-guide': one.key, 'aria-pressed': String(one === shown),
      onclick: () => (one === shown ? this.go('') : this.go(one.key)),
    }, one.title)));
    this.open.hidden = !shown;
    if (!shown) return;
    const here = shown.stops.findIndex((stop) => stop.hash === this.hash);
    const count = shown.stops.length;
    const last = here < 0 ? at.stop : here;
    setText(this.question, shown.compared > count ? `${shown.question} Best and worst of ${shown.compared} by estimate.` : shown.question);
    this.stops.replaceChildren(
      button('Previous', () => this.go(shown.key, (last - 1 + count) % count), { 'data-command': 'guide-previous' }),
      ...shown.stops.map((stop, i) => h('button', { type: 'button', class: 'ro-button ro-guide-stop', 'data-stop': i,
        'aria-pressed': String(i === here), onclick: () => this.go(shown.key, i) }, stop.title, stop.verified ? ' \u25c7' : '')),
      button('Next', () => this.go(shown.key, (last + 1) % count), { 'data-command': 'guide-next' }),
      button('Close', () => this.go(''), { 'data-command': 'guide-close' }));
    setText(this.answer, this.answers?.[shown.key] ?? 'estimating …');
  }
}
