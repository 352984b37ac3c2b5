// Which tiles are chosen together: by click, range, lasso, search or menu.

export class Selection {
  constructor(onChange) {
    this.ids = new Set();
    this.onChange = onChange;
    this.anchor = null; // where a range starts
  }

  get size() { return this.ids.size; }

  has(id) { return this.ids.has(id); }

  /** The chosen samples as they stand in the order. */
  ordered(slots) {
    return [...this.ids].sort((a, b) => slots[a] - slots[b]);
  }

  set(ids) {
    this.ids = new Set(ids);
    this.onChange();
  }

  add(ids) { this.set([...this.ids, ...ids]); }

  toggle(id) {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.anchor = id;
    this.onChange();
  }

  /** Everything between the anchor and this sample, slot by slot. */
  range(order, slots, id) {
    const from = slots[this.anchor ?? id];
    const [a, b] = [Math.min(from, slots[id]), Math.max(from, slots[id])];
    this.set(order.slice(a, b + 1));
  }

  clear() {
    if (this.ids.size) this.set([]);
  }
}
