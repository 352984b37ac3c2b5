// The panel beside the board: one tab at a time, all of them kept.
import { h } from '../shared/dom.js';

export class Side {
  /**
   * tabs: [[key, label, element], …]; `onOpen(key)` is told which is shown.
   * @param {(key: string) => void} onOpen
   */
  constructor(tabs, onOpen) {
    this.onOpen = onOpen;
    this.parts = new Map(tabs.map(([key, label, element]) => {
      const tab = h('button', {
        type: 'button', role: 'tab', class: 'ro-tab', id: `ro-tab-${key}`, 'data-tab': key,
        'aria-controls': `ro-side-${key}`, onclick: () => this.open(key),
      }, label, h('span', { class: 'ro-tab-count' }));
      const panel = h('div', { role: 'tabpanel', id: `ro-side-${key}`, class: 'ro-side-panel',
        'aria-labelledby': `ro-tab-${key}` }, element);
      return [key, { tab, panel }];
    }));
    const parts = [...this.parts.values()];
    this.list = h('div', { role: 'tablist', class: 'ro-tabs', 'aria-label': 'Beside the board' },
      parts.map(({ tab }) => tab));
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.element = h('aside', { class: 'ro-side', 'aria-label': 'Details' }, this.list,
      h('div', { class: 'ro-side-body' }, parts.map(({ panel }) => panel)));
    this.open(tabs[0][0]);
  }

  open(key) {
    this.shown = key;
    for (const [name, { tab, panel }] of this.parts) {
      tab.setAttribute('aria-selected', String(name === key));
      tab.tabIndex = name === key ? 0 : -1;
      panel.hidden = name !== key;
    }
    this.onOpen(key);
  }

  /** A small number on a tab; none for 0. */
  count(key, number) {
    this.parts.get(key).tab.querySelector('.ro-tab-count').textContent = number ? String(number) : '';
  }

  key(event) {
    const keys = [...this.parts.keys()];
    const at = keys.indexOf(this.shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: keys.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.open(keys[(to + keys.length) % keys.length]);
    this.parts.get(this.shown).tab.focus();
  }
}
