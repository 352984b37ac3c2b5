// The hand that moves tiles: mouse and touch by pointer events, and the keyboard.
// It knows slots and tiles only; `owner` previews, drops and announces.

const THRESHOLD = 4; // pixels before a press becomes a drag

export class Hand {
  /** owner: { slots, batch, preview(id, slot), drop(id, slot), cancel(id), pick(id), hover(id), select(id) } */
  constructor(board, owner) {
    this.board = board;
    this.owner = owner;
    this.held = null; // { id, from, slot, pointer | keyboard }
    const { field } = board;
    field.addEventListener('pointerdown', (event) => this.press(event));
    field.addEventListener('pointermove', (event) => this.moved(event));
    field.addEventListener('pointerup', (event) => this.release(event));
    field.addEventListener('pointercancel', () => this.cancel());
    field.addEventListener('lostpointercapture', (event) => this.lost(event));
    field.addEventListener('keydown', (event) => this.key(event));
    field.addEventListener('click', (event) => this.click(event));
    field.addEventListener('pointerover', (event) => this.over(event));
    field.addEventListener('focusin', (event) => this.over(event));
    field.addEventListener('pointerleave', () => { if (!this.held) owner.hover(null); });
    field.addEventListener('focusout', (event) => {
      if (this.held?.keyboard && !field.contains(event.relatedTarget)) this.cancel();
    });
  }

  get busy() {
    return Boolean(this.held?.keyboard || this.held?.moving);
  }

  over(event) {
    const tile = event.target.closest('.ro-tile');
    if (tile && !this.held) this.owner.hover(Number(tile.dataset.sample));
  }

  // --- pointer ---------------------------------------------------------------

  press(event) {
    const tile = event.target.closest('.ro-tile');
    if (!tile || !event.isPrimary || event.button > 0 || this.held?.pointer !== undefined) return;
    if (this.held) this.cancel();
    const id = Number(tile.dataset.sample);
    const from = this.owner.slots[id];
    const at = this.board.position(from);
    this.held = { id, from, slot: from, tile, pointer: event.pointerId, x: event.clientX, y: event.clientY,
      startX: event.clientX, startY: event.clientY, at, moving: false };
    tile.setPointerCapture(event.pointerId);
  }

  moved(event) {
    const { held } = this;
    if (!held || held.pointer !== event.pointerId) return;
    held.x = event.clientX;
    held.y = event.clientY;
    if (!held.moving) {
      if (Math.hypot(held.x - held.startX, held.y - held.startY) < THRESHOLD) return;
      held.moving = true;
      held.tile.classList.add('ro-held');
      this.owner.pick(held.id);
    }
    if (!this.frame) this.frame = requestAnimationFrame(() => this.follow());
  }

  follow() {
    this.frame = 0;
    const { held, board } = this;
    if (!held?.moving) return;
    const x = held.at.x + held.x - held.startX;
    const y = held.at.y + held.y - held.startY;
    held.tile.style.transform = `translate(${x}px, ${y}px) scale(1.18)`;
    held.slot = board.slotAt(held.x, held.y);
    this.owner.preview(held.id, held.slot ?? held.from, held.slot === null);
  }

  release(event) {
    const { held } = this;
    if (!held || held.pointer !== event.pointerId) return;
    if (!held.moving) { this.held = null; return; } // a click; its own event follows
    held.x = event.clientX;
    held.y = event.clientY;
    this.follow();
    this.dropped = performance.now();
    this.finish(held.slot);
  }

  lost(event) {
    if (this.held?.pointer === event.pointerId && this.held.moving) this.cancel();
  }

  click(event) {
    const tile = event.target.closest('.ro-tile');
    const justDropped = performance.now() - (this.dropped ?? -1e9) < 60;
    if (!tile || justDropped || event.detail === 0) return; // detail 0: made by the keyboard
    this.owner.select(Number(tile.dataset.sample));
  }

  // --- keyboard --------------------------------------------------------------

  key(event) {
    const tile = event.target.closest('.ro-tile');
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const id = Number(tile.dataset.sample);
    const step = this.stepOf(event.key);
    if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      if (this.held?.keyboard) this.finish(this.held.slot);
      else if (!this.held) this.pickUp(id, tile);
    } else if (event.key === 'Escape' && this.held) {
      event.preventDefault();
      this.cancel();
    } else if (step !== undefined) {
      event.preventDefault();
      if (this.held?.keyboard) this.carry(step);
      else if (!this.held) this.owner.walk(id, step);
    }
  }

  stepOf(name) {
    const { batch } = this.owner;
    const last = this.owner.slots.length;
    return { ArrowRight: batch, ArrowLeft: -batch, ArrowDown: 1, ArrowUp: -1, Home: -last, End: last }[name];
  }

  pickUp(id, tile) {
    const from = this.owner.slots[id];
    this.held = { id, from, slot: from, tile, keyboard: true };
    tile.classList.add('ro-held');
    this.owner.pick(id);
    this.owner.preview(id, from, false);
  }

  carry(step) {
    const { held } = this;
    held.slot = Math.max(0, Math.min(this.owner.slots.length - 1, held.slot + step));
    const { x, y } = this.board.position(held.slot);
    held.tile.style.transform = `translate(${x + 4}px, ${y - 4}px) scale(1.18)`;
    this.owner.preview(held.id, held.slot, false);
  }

  // --- ends ------------------------------------------------------------------

  finish(slot) {
    const { held } = this;
    if (slot === null || slot === held.from) { this.cancel(); return; }
    this.letGo();
    this.owner.drop(held.id, slot);
  }

  cancel() {
    const { held } = this;
    if (!held) return;
    this.letGo();
    this.owner.cancel(held.id);
  }

  letGo() {
    this.held.tile.classList.remove('ro-held');
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.held = null;
  }
}
