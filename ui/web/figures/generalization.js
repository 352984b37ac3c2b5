// Change of held-out loss by domain; `generalization` in ui/charts/timeline_rows.py.
import { probeChange } from '../shared/run.js';
import { dots } from './dots.js';
import { Figure } from './figure.js';

const DIGITS = 4;

export class Generalization extends Figure {
  constructor() {
    super({ name: 'generalization', title: 'Generalization',
      tip: 'Mean loss on text that was never trained on, by domain: estimate for this order minus the reference order. '
        + 'Below zero: generalizes better. Bars: 90 % interval; that of the mean averages the domains\u2019, which is its '
        + 'upper bound. Diamonds: real retraining, filled where the interval leaves it out.' });
  }

  get list() {
    const { run, view } = this;
    return [-1, ...run.probeDomains.keys()].map((index) => {
      const name = index < 0 ? 'all domains' : run.probeDomains[index];
      const at = run.domains.indexOf(name);
      return { label: name, colour: index < 0 ? 'ink' : `domain-${(at < 0 ? index : at) % 8}`, ...probeChange(run, view, index) };
    });
  }

  traces(shell) {
    const { data, layout } = dots(shell, this.list, DIGITS, this.width);
    return { data, layout: { ...layout, height: shell.layouts.ranking.height } }; // as its neighbour
  }

  table() {
    return { head: ['held-out', 'low 90 %', 'high 90 %', 'retrained', 'change'],
      rows: this.list.map(({ label, value, lo, hi, truth }) => ({ cells: [label, lo, hi, truth, value] })) };
  }
}
