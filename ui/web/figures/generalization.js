// Change of held-out loss by domain; `generalization` in ui/charts/timeline_rows.py.
import { probeChange } from '../shared/run.js';
import { dots } from './dots.js';
import { Figure } from './figure.js';

const DIGITS = 4;
const NAME = 'change of held-out loss, nats/token';
const SHOWN = 11; // domains at most, beside their mean; DOMAINS_SHOWN in ui/charts/timeline_rows.py
const OTHER = 7; // the colour of domains without one of their own

export class Generalization extends Figure {
  constructor() {
    super({ name: 'generalization', title: 'Generalization',
      tip: 'Mean loss on text that was never trained on, by domain: estimate for this order minus the reference order. '
        + 'Below zero: generalizes better. Bars: 90 % interval; that of the mean averages the domains\u2019, which is its '
        + 'upper bound. Diamonds: real retraining, filled where the interval leaves it out.' });
  }

  /** Rows of all held-out domains, their mean first. */
  get all() {
    const { run, view } = this;
    return [-1, ...run.probeDomains.keys()].map((index) => {
      const name = index < 0 ? 'all domains' : run.probeDomains[index];
      const at = run.domains.indexOf(name);
      return { label: name, colour: index < 0 ? 'ink' : `domain-${run.shades[at] ?? OTHER}`, ...probeChange(run, view, index) };
    });
  }

  /** The mean, and of many domains those that change most, in their own order. */
  get list() {
    const [all, ...rows] = this.all;
    const most = new Set([...rows].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, SHOWN));
    return [all, ...rows.filter((row) => most.has(row))];
  }

  get heading() {
    const [shown, all] = [this.list.length - 1, this.run.probeDomains.length];
    return shown < all ? `${this.title}, the ${shown} of ${all} domains that change most` : this.title;
  }

  traces(shell) {
    const { data, layout } = dots(shell, this.list, DIGITS, this.width);
    const height = Math.max(shell.layouts.ranking.height, shell.layouts.generalization.height); // as its neighbour, if it can
    return { data, layout: { ...layout, height, xaxis: { ...layout.xaxis, title: { text: NAME } } } }; // the footer says of how many
  }

  table() {
    return { head: ['held-out', 'low 90 %', 'high 90 %', 'retrained', 'change'],
      rows: this.all.map(({ label, value, lo, hi, truth }) => ({ cells: [label, lo, hi, truth, value] })) };
  }
}
