// Estimates of a group that the position table cannot price: asked for as soon as it is selected,
// so that they are there, as dots on its curve, by the time that it is dragged.
import { ALIKE, likeness } from './alike.js';
import { listen } from '../shared/channels.js';

const REST = 350; // milliseconds without another choice before the group is asked for

export class Trial {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    listen('trial', (found) => {
      this.found = found;
      owner.response.clear();
      owner.drawFocus();
    }, owner.life.signal);
  }

  /** The selection, the order or the way to land has changed. */
  changed() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.ask(), REST);
  }

  ask() {
    const { owner } = this;
    if (owner.life.signal.aborted) return;
    if (owner.waiting || !owner.view) { this.changed(); return; } // of the order on screen, once that is settled
    const samples = owner.selection.ordered(owner.slots);
    const asked = [owner.view.hash, owner.kind, ...samples].join();
    if (samples.length < 2 || asked === this.asked || likeness(owner.run, samples).shared < ALIKE) return;
    this.asked = asked;
    owner.whisper('trial', { samples, kind: owner.kind });
  }

  /** [{ step, own: [value, low, high], heldOut: … }] of that group on the order on screen. */
  of(samples, kind) {
    const { found, owner } = this;
    const same = found?.hash && found.run === owner.run.id && found.hash === owner.view.hash && found.kind === kind
      && found.samples.join() === samples.join();
    return same ? found.rows : [];
  }
}
