// Every sample at the step that trains it; `memorization` in ui/charts/timeline_memorization.py.
import { button, h, segmented } from '../shared/dom.js';
import { clip, isolated, number, signed } from '../shared/format.js';
import { domainGroups, memorization, sampleChange } from '../shared/run.js';
import { ends } from '../shared/scales.js';
import { bendOf, bent, bentAxis } from './bent.js';
import { missed } from './dots.js';
import { Figure } from './figure.js';
import { escaped, faint } from './plotly.js';

const SIZE = 6;
const LONGEST = 28; // letters of a name in the legend
const SPREAD = 0.72; // of a step's room, what its samples share
const LEAST = 0.02; // nats per token that the axis is high at least
const NAMES = { change: 'change of final loss, nats/token', learned: 'memorization, nats/token' };

export class Memorization extends Figure {
  constructor(select) {
    const measure = segmented('What is shown', [['change', 'Change', 'Final loss in this order minus that in the reference order'],
      ['learned', 'Learned', 'Memorization: loss before training minus loss after it']], (value) => this.choose({ measure: value }));
    const bend = button('asinh', () => {
      this.choose({ bent: !this.shown.bent });
      bend.setAttribute('aria-pressed', String(this.shown.bent));
    }, { 'aria-pressed': 'false', 'data-command': 'asinh', 'data-tip': 'An axis that is even around zero and logarithmic beyond: '
      + 'a few large changes then leave room for the small ones' });
    super({ name: 'memorization', title: 'Memorization', select, tools: h('span', { class: 'ro-tools' }, measure, bend),
      tip: 'One point a sample, at the step that trains it in this order. \u201cChange\u201d: its estimated final loss minus that of the '
        + 'reference order; below zero the model remembers it better. \u201cLearned\u201d: what training changed, its loss before minus its '
        + 'loss after. Whiskers: 90 % interval, drawn where it leaves out zero. Diamonds: real retraining, filled where the interval leaves it out.' });
    this.shown = { measure: 'change', bent: false };
  }

  choose(what) {
    Object.assign(this.shown, what);
    if (this.view) this.show(this.run, this.view);
  }

  /** Each sample's height, whisker and truth. */
  get list() {
    const { run, view, shown: { measure } } = this;
    return run.samples.filter(({ id }) => view.slots[id] < run.trained).map((sample) => {
      const { id } = sample;
      const change = sampleChange(run, view, id);
      const before = run.reference.sampleLossAt[id];
      const base = run.reference.sampleLoss[id];
      const turn = (value) => (measure === 'change' ? value : before - base - value);
      const slot = view.slots[id];
      const step = Math.floor(slot / run.batch) + 1;
      const clear = measure === 'change' && (change.lo > 0 || change.hi < 0);
      return { sample, before, step, change, learned: memorization(run, view, id), x: step + ((slot % run.batch) / Math.max(1, run.batch - 1) - 0.5) * SPREAD,
        y: turn(change.value), low: clear ? change.lo : NaN, high: clear ? change.hi : NaN, truth: turn(change.truth), out: missed(change) };
    });
  }

  traces(shell) {
    const { run, shown } = this;
    const { list } = this;
    const range = ends(list.flatMap(({ y, low, high, truth }) => [y, low, high, truth]), LEAST);
    const bend = shown.bent ? bendOf(list.map(({ y }) => y)) : 0;
    const scale = (value) => (bend ? bent(value, bend) : value);
    const { dot, diamond, missed: filled, retrainedName, missedName } = shell.marks;
    /** @type {any[]} */
    const data = domainGroups(run).map(({ name, shade: place }) => {
      const shade = shell.colours[`domain-${place}`];
      const rows = list.filter(({ sample }) => sample.shade === place);
      const span = (of) => rows.map(of); // NaN where there is none: plotly draws even a whisker of length zero
      return { ...this.points(rows, 'y', scale), name: isolated(escaped(clip(name, LONGEST))), marker: { ...dot, size: SIZE, color: shade },
        type: run.count > shell.many ? 'scattergl' : 'scatter',
        error_y: { type: 'data', symmetric: false, width: 0, thickness: 1.25, color: faint(shade, 0.6),
          array: span(({ y, high }) => scale(high) - scale(y)), arrayminus: span(({ y, low }) => scale(y) - scale(low)) } };
    });
    /** @type {[boolean, any, string, number][]} */
    const truths = [[false, diamond, retrainedName, 1], [true, filled, missedName, 2]];
    for (const [out, marker, name, size] of truths) {
      const rows = list.filter((row) => Number.isFinite(row.truth) && row.out === out);
      if (rows.length) data.push({ ...this.points(rows, 'truth', scale), name, marker: { ...marker, size: SIZE + size } });
    }
    const chosen = list.filter(({ sample }) => sample.id === this.selected);
    data.push({ ...this.points(chosen, 'y', scale), name: 'selected', showlegend: false, hoverinfo: 'skip', hovertemplate: null,
      marker: { symbol: 'circle-open', size: 2 * SIZE + 2, color: shell.colours.ink, line: { width: 2 } } });
    return { data, layout: { yaxis: { title: { text: NAMES[shown.measure] }, uirevision: JSON.stringify(shown),
      tickvals: null, ticktext: null, ...(bend ? bentAxis(range, bend) : { range }) } } };
  }

  /**
   * @param {any[]} rows
   * @param {string} which
   * @param {(value: number) => number} scale
   */
  points(rows, which, scale) {
    return { type: 'scatter', mode: 'markers', x: rows.map(({ x }) => x), y: rows.map((row) => scale(row[which])),
      customdata: rows.map(({ sample }) => sample.id), hovertext: rows.map(told), hovertemplate: '%{hovertext}<extra></extra>' };
  }

  table() {
    return { head: ['sample', 'domain', 'step', 'loss before', 'final loss', 'low 90 %', 'high 90 %', 'retrained', 'change'],
      rows: this.list.map(({ sample, step, before, change }) => ({ sample: sample.id, cells: [`sample ${sample.id}`, sample.name, String(step),
        before, this.view.estimate.sampleLoss[sample.id], change.lo, change.hi, change.truth, change.value] })) };
  }
}

function told({ sample, before, change, learned }) {
  return [`<b>sample ${sample.id}</b>, ${escaped(sample.name)}`,
    Number.isFinite(change.truth) ? `retrained ${signed(change.truth)}` : '',
    `change of final loss ${signed(change.value)}`,
    `memorization ${signed(learned)}: loss ${number(before)} before training, ${number(before - learned)} after`].filter(Boolean).join('<br>');
}
