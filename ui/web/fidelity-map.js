// M[i, j], side by side: what moving a sample to a step does to its own loss, estimated and true.
import { unpack } from './shared/channels.js';
import { h, s, button, setText } from './shared/dom.js';
import { number, seconds, signed } from './shared/format.js';
import { Figure, key } from './shared/chart.js';
import { JobLine } from './fidelity-jobs.js';
import { active } from './shared/jobs.js';

const JOB = 'heat map';
const NARROW = 620;
const HEAD = 30;
const FOOT = 38;
const FULL = 0.72; // opacity of the strongest colour: figures stay legible on it

export class HeatMaps extends Figure {
  constructor(run, cancel) {
    super({
      name: 'heat-maps', title: 'What a sample’s place does to it', unit: 'change of its own final loss, nats/token', height: 330,
      label: 'Heat maps of moves: estimated and retrained change of the moved sample’s loss',
      tip: 'Each row is a sample, each column a step that it is moved to, alone; the cell is what that does to its own '
        + 'final loss. Blue: remembered better than in the reference order. Colour grows with the square root of the change. Estimated, and by really '
        + 'retraining each move. A dot: the sample’s own place, where nothing moves.',
      paint: (width) => this.maps(width),
    });
    this.note = h('p', { class: 'ro-note', 'data-heat': '' });
    this.action = button('', run, { class: 'ro-button ro-primary', 'data-command': 'heatmap' });
    this.work = new JobLine(cancel);
    this.element.append(this.note, h('div', { class: 'ro-group ro-map-action' }, this.action, this.work.element));
    this.legend.append(key([['ro-sw-fall', 'remembered better'], ['ro-sw-rise', 'remembered less'], ['ro-sw-unknown', 'not yet retrained']]));
  }

  show(view, jobs) {
    this.view = view;
    const { heat } = view;
    this.estimated = unpack(heat.estimated);
    this.truth = unpack(heat.true);
    this.note.dataset.heat = heat.spearman ?? '';
    setText(this.note, heat.cells
      ? `Over ${heat.cells} of ${heat.moves} moves: Spearman ${number(heat.spearman, 2)}`
        + `, within a sample’s row ${number(heat.spearman_rows, 2)}; MSE ${scientific(heat.mse)} nats², against `
        + `${scientific(heat.mse_no_change)} of a map of zeros.`
      : 'No move was retrained yet, so this map is an estimate without a judge.');
    const cost = Number.isFinite(heat.seconds) ? `, about ${seconds(heat.seconds * heat.missing * 1.3 + 5)}` : '';
    setText(this.action, `Retrain ${heat.missing} missing move${heat.missing > 1 ? 's' : ''}${cost}`);
    this.showJobs(jobs);
    this.update();
  }

  showJobs(jobs) {
    const job = jobs.find(({ hash }) => hash === JOB);
    const missing = this.view?.heat.missing ?? 0;
    this.action.hidden = active(job) || !missing;
    this.work.show(missing || active(job) ? job : null, jobs);
  }

  draw() {
    const width = Math.floor(this.body.clientWidth);
    if (this.view && width >= 40) {
      const rows = this.view.heat.samples.length;
      const panel = HEAD + rows * this.pitch(width) + FOOT;
      this.height = Math.round(width < NARROW ? 2 * panel + 8 : panel);
      this.body.style.height = `${this.height}px`;
      this.svg.setAttribute('height', this.height);
    }
    super.draw();
  }

  pitch(width) {
    return width < NARROW ? 32 : 40;
  }

  maps(width) {
    const narrow = width < NARROW;
    const { heat } = this.view;
    const label = 92;
    const each = narrow ? width : (width - label - 24) / 2 + label;
    const down = HEAD + heat.samples.length * this.pitch(width) + FOOT + 8;
    const reach = Math.max(1e-6, ...[...this.estimated, ...this.truth].filter(Number.isFinite).map(Math.abs));
    const second = narrow ? [0, down] : [each + 24, 0];
    return [
      this.panel('estimated', this.estimated, [0, 0], each, label, width, reach),
      this.panel('retrained', this.truth, second, narrow ? width : each - label, narrow ? label : 0, width, reach),
    ];
  }

  panel(name, values, [left, top], span, label, width, reach) {
    const { samples, steps, home, domain } = this.view.heat;
    const [wide, tall] = [(span - label) / steps.length, this.pitch(width)];
    const cells = samples.map((id, i) => steps.map((step, j) =>
      this.cell(name, values[i * steps.length + j], home[i][j], id, step,
        { x: left + label + j * wide, y: top + HEAD + i * tall, width: wide - 2, height: tall - 2 }, reach)));
    const names = label ? samples.map((id, i) => s('g', { class: 'ro-axis' },
      s('rect', { x: left, y: top + HEAD + i * tall + tall / 2 - 6, width: 4, height: 11,
        class: `ro-domain-mark ro-domain-${domain[i] % 8}` }),
      s('text', { x: left + 10, y: top + HEAD + i * tall + tall / 2 - 1, dy: '0.32em',
        'data-tip': this.view.samples?.[id]?.[1] }, `sample ${id}`))) : null;
    const base = top + HEAD + samples.length * tall;
    return s('g', { 'data-map': name },
      s('text', { class: 'ro-map-name', x: left + label, y: top + 19 }, name), names, cells,
      s('g', { class: 'ro-axis' }, steps.map((step, j) =>
        s('text', { x: left + label + (j + 0.5) * wide - 1, y: base + 12, 'text-anchor': 'middle' }, String(step + 1))),
      s('text', { class: 'ro-axis-name', x: left + label + (span - label) / 2, y: base + 29, 'text-anchor': 'middle' },
        'moved to training step')));
  }

  cell(name, value, home, id, step, box, reach) {
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const known = Number.isFinite(value);
    const level = known ? FULL * Math.sqrt(Math.abs(value) / reach) : 0;
    const said = home ? 'its own place: no move' : known ? `${name} ${signed(value, 4)} nats/token` : 'not yet retrained';
    const room = box.width > 38;
    return s('g', { 'data-tip': `sample ${id} at step ${step + 1}\n${said}` },
      s('rect', { class: known ? 'ro-cell' : 'ro-cell ro-unknown', ...box }),
      known && !home ? s('rect', { class: value < 0 ? 'ro-fall' : 'ro-rise', 'fill-opacity': level.toFixed(3), ...box,
        'data-cell': `${id}:${step}`, 'data-value': value }) : null,
      home ? s('circle', { class: 'ro-home', cx: middle.x, cy: middle.y, r: 3 })
        : known && room ? s('text', { class: 'ro-cell-value', ...middle, dy: '0.35em', 'text-anchor': 'middle' },
          signed(value, box.width > 46 ? 3 : 2)) : null);
  }
}

function scientific(value) {
  if (!Number.isFinite(value)) return '\u2013';
  if (value === 0) return '0';
  const power = Math.floor(Math.log10(value));
  const small = String(Math.abs(power)).replace(/\d/g, (d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[d]);
  return `${number(value / 10 ** power, 1)}·10${power < 0 ? '⁻' : ''}${small}`;
}
