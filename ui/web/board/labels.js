// The numbers below the columns: each stands for all samples of its step.
import { focusedIn, h } from '../shared/dom.js';

export class Labels {
  /** board: { run, start, columns, bands, pitch, rowPitch, bandHeight, left } */
  constructor(board) {
    this.board = board;
    this.element = h('div', { class: 'ro-steps', role: 'group',
      'aria-label': 'Steps: Space picks up all samples of a step, arrows carry them.' });
  }

  /** Those of the steps on the board, anew. */
  draw() {
    const focused = focusedIn('.ro-step')?.dataset.step;
    const { start, columns, bands, run } = this.board;
    const end = Math.min(run.steps, start + columns * bands);
    const labels = Array.from({ length: end - start }, (_, at) => this.label(start + at, at));
    labels.push(...this.epochs(start, end));
    const before = [...this.element.children];
    this.element.append(...labels, ...Array.from({ length: bands }, (_, band) => this.name(band)));
    // The focus goes over while both are there, to the nearest step that is shown: one that was
    // lost in between would end a move by keyboard, one that was followed would scroll back.
    if (focused !== undefined) this.focus(Math.max(start, Math.min(end - 1, Number(focused))), labels.filter((one) => one.dataset.step));
    for (const one of before) one.remove();
  }

  label(step, at) {
    const { board } = this;
    const column = at % board.columns;
    const named = !(step % (board.pitch < 26 ? 4 : 1)) || !column;
    const y = Math.floor(at / board.columns) * board.bandHeight + board.run.batch * board.rowPitch;
    return h('button', { type: 'button', class: 'ro-step', 'data-step': step, tabindex: at ? -1 : 0,
      'aria-label': `step ${step + 1}, all its samples`, 'data-tip': `Step ${step + 1}: drag to move all of it`,
      style: `transform: translate(${board.left + column * board.pitch}px, ${y}px); width: ${board.pitch}px` },
    named ? `${step + 1}` : '\u00b7');
  }

  /** A line where an epoch of the reference order begins. */
  epochs(start, end) {
    const { board } = this;
    const { epochs, steps } = board.run;
    const firsts = Array.from({ length: epochs - 1 }, (_, at) => Math.round(((at + 1) * steps) / epochs));
    return firsts.filter((step) => step >= start && step < end).map((step, at) => {
      const place = step - start;
      const x = board.left + (place % board.columns) * board.pitch;
      const y = Math.floor(place / board.columns) * board.bandHeight;
      return h('span', { class: 'ro-epoch', 'data-tip': `Epoch ${at + 2} of the reference order begins at step ${step + 1}`,
        style: `transform: translate(${x - 1}px, ${y}px); height: ${board.run.batch * board.rowPitch + 18}px` });
    });
  }

  name(band) {
    const { board } = this;
    const y = band * board.bandHeight + board.run.batch * board.rowPitch + 2;
    return h('span', { class: 'ro-steps-name', 'aria-hidden': 'true', style: `transform: translate(0, ${y}px)` }, 'step');
  }

  focus(step, among = [...this.element.querySelectorAll('.ro-step')]) {
    const wanted = among.find((one) => Number(one.dataset.step) === step);
    if (!wanted) return;
    for (const one of among) one.tabIndex = one === wanted ? 0 : -1;
    wanted.focus({ preventScroll: true });
  }
}
