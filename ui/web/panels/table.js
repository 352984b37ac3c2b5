// The table of all samples below the charts, drawn by Python: its rows and the tiles are one selection.
import { listen } from '../shared/channels.js';

const REST = 250; // milliseconds without another choice before the table is told

export class Table {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.chosen = '';
    this.told = '';
    listen('table', (value) => this.set(value), owner.life.signal);
  }

  /** Rows that were just selected or let go become the tiles selected. */
  set({ run, open, chosen }) {
    const { owner } = this;
    const opened = open && !this.open;
    this.open = open;
    const key = named(chosen);
    if (owner.run?.id === run && open && key !== this.chosen) {
      this.told = key; // the table knows them
      owner.selection.set(chosen);
    }
    this.chosen = key;
    if (opened) this.changed();
  }

  /** The selection has changed: an open table can show only these. */
  changed() {
    clearTimeout(this.later);
    if (this.open) this.later = setTimeout(() => this.tell(), REST);
  }

  tell() {
    const { owner } = this;
    if (owner.life.signal.aborted) return;
    if (owner.waiting || !owner.view) { this.changed(); return; }
    const samples = owner.selection.ordered(owner.slots);
    const key = named(samples);
    if (key === this.told) return;
    this.told = key;
    owner.whisper('picked', { samples });
  }
}

function named(ids) {
  return [...ids].sort((a, b) => a - b).join();
}
