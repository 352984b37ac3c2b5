// A mean loss over training and, below it, the difference enlarged; `trajectory` in ui/charts/timeline_trajectory.py.
import { segmented } from '../shared/dom.js';
import { meanCurve } from '../shared/run.js';
import { Figure } from './figure.js';
import { ends } from '../shared/scales.js';

const LEAST = 0.004; // nats per token that the axis of differences is high at least
const SERIES = { reference: ['reference order', 'dash', 'reference'], estimate: ['estimate', 'solid', 'estimate'],
  retrained: ['retrained', 'dot', 'truth'] };
const WHOSE = { heldout: 'held-out text', training: 'all trained samples', sample: 'the selected sample' };

export class Trajectory extends Figure {
  constructor(choose) {
    const choice = segmented('Which loss', [['heldout', 'Held-out'], ['training', 'Training'], ['sample', 'Sample']], choose);
    super({ name: 'trajectory', title: 'Loss during training', tools: choice,
      tip: 'Above: the loss after so many steps, in the reference order and estimated for this order. Below: their difference, '
        + 'enlarged. It is measured at a few steps only, where the dots are; the lines between them guide the eye. The choice is '
        + 'among held-out text, the trained samples, and the sample selected on the board.' });
    this.choice = choice;
    this.what = 'heldout';
  }

  get heading() {
    const whose = this.what === 'sample' && this.selected !== null ? `sample ${this.selected}` : WHOSE[this.what];
    return `${this.title}, ${whose}`;
  }

  curve(source) {
    const { run, what, selected } = this;
    if (!source) return null;
    if (what === 'heldout') return meanCurve(source.probeLossAt, run.probeDomains.length);
    if (what === 'training' || selected === null) return meanCurve(source.sampleLossAt, run.count, run.unique);
    return run.evalSteps.map((_, row) => source.sampleLossAt[row * run.count + selected]);
  }

  /** { reference, estimate, retrained }: each with its value at every evaluation step; those there are. */
  get curves() {
    const { run, view } = this;
    const found = { reference: this.curve(run.reference), estimate: this.curve(view.estimate), retrained: this.curve(view.truth) };
    return Object.fromEntries(Object.entries(found).filter(([, curve]) => curve));
  }

  traces(shell) {
    const { curves } = this;
    const difference = Object.fromEntries(Object.entries(curves).slice(1).map(([key, curve]) => (
      [key, curve.map((value, i) => value - curves.reference[i])])));
    const data = [
      ...Object.entries(curves).map(([key, curve]) => this.line(shell, key, curve, 'y')),
      ...Object.entries(difference).map(([key, curve]) => this.line(shell, key, curve, 'y2')),
    ];
    return { data, layout: {
      yaxis: { range: ends(Object.values(curves).flat(), 0, []), uirevision: `${this.what} ${this.selected}` },
      yaxis2: { range: ends(Object.values(difference).flat(), LEAST), uirevision: `${this.what} ${this.selected}` } } };
  }

  line(shell, key, y, yaxis) {
    const [name, dash, role] = SERIES[key];
    const shade = shell.colours[role];
    const marker = key === 'retrained' ? { ...shell.marks.diamond, size: 7 } : { size: 6, color: shade };
    return { type: 'scatter', mode: 'lines+markers', x: this.run.evalSteps, y, yaxis, name, legendgroup: key, showlegend: yaxis === 'y',
      marker, line: { color: shade, width: 2, dash },
      hovertemplate: `after step %{x}<br>${name} %{y:${yaxis === 'y' ? '' : '+'}.4f}<extra></extra>` };
  }

  table() {
    const { curves } = this;
    const keys = Object.keys(curves);
    return { head: ['step', ...keys.map((key) => SERIES[key][0])],
      rows: this.run.evalSteps.map((step, i) => ({ cells: [String(step), ...keys.map((key) => curves[key][i])] })) };
  }
}
