// What moved most, against the reference order or by the last move; `moved` in ui/charts/timeline_rows.py.
import { segmented } from '../shared/dom.js';
import { moveChange, sampleChange } from '../shared/run.js';
import { dots } from './dots.js';
import { Figure } from './figure.js';

const SHOWN = 9;
const LONGEST = 34; // letters of a row's name
const DIGITS = 3;
const NOTHING = 1e-6; // nats per token

export class Moved extends Figure {
  constructor(select) {
    const choice = segmented('Compared with', [['reference', 'Reference', 'Against the reference order'],
      ['previous', 'Last move', 'What the last move alone changed']], (value) => {
      this.against = value;
      if (this.view) this.show(this.run, this.view);
    });
    super({ name: 'ranking', title: 'What moved most', tools: choice, select,
      tip: 'The samples whose estimated final loss differs most from the reference order, or was changed most by the last '
        + 'move, with 90 % intervals; diamonds are the real retraining. Click a dot, or a row of the table, to see its tile.' });
    this.against = 'reference';
  }

  get heading() { return `${this.title}, against the ${this.against === 'previous' ? 'order before' : 'reference order'}`; }

  /** The rows shown, the largest change first; none where nothing changed. */
  get list() {
    const { run, view } = this;
    const change = this.against === 'previous' ? moveChange : sampleChange;
    const rows = run.samples.slice(0, run.unique).map((sample) => ({ sample, ...change(run, view, sample.id) }))
      .filter((row) => Math.abs(row.value) > NOTHING).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, SHOWN);
    return rows.map((row) => ({ ...row, label: nameOf(row.sample), colour: `domain-${row.sample.shade}` }));
  }

  sampleOf(customdata) { return typeof customdata === 'string' ? Number(customdata.split(' ')[0]) : null; }

  traces(shell) {
    const { list } = this;
    if (list.length) return dots(shell, list, DIGITS, this.width);
    const text = this.against === 'previous' ? 'No move yet in this history.<br>Drag a tile to another step.'
      : 'Nothing differs: this is the reference order.<br>Drag a tile to another step.';
    return { data: [], layout: { xaxis: { visible: false }, yaxis: { visible: false }, shapes: [],
      annotations: [{ text, showarrow: false, xref: 'paper', yref: 'paper', x: 0.5, y: 0.6, align: 'center' }] } };
  }

  table() {
    return { head: ['sample', 'low 90 %', 'high 90 %', 'retrained', 'change'],
      rows: this.list.map(({ sample, label, lo, hi, truth, value }) => ({ sample: sample.id, cells: [label, lo, hi, truth, value] })) };
  }
}

function nameOf({ id, flags, text }) {
  const [flag] = flags.filter((one) => one !== 'duplicate');
  const name = `${id} ${`${flag ? `${flag} \u00b7 ` : ''}${text}`.split(/\s+/).filter(Boolean).join(' ')}`;
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}\u2026` : name;
}
