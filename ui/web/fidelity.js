// The fidelity page: how far estimates can be trusted, judged by real retraining.
import { listen } from './shared/channels.js';
import { h, setText, button, segmented, tooltips } from './shared/dom.js';
import { Coverage } from './fidelity-coverage.js';
import { JobLine } from './fidelity-jobs.js';
import { active } from './shared/jobs.js';
import { HeatMaps } from './fidelity-map.js';
import { ErrorByDistance, Scatter } from './fidelity-points.js';
import { Ledger, Reports } from './fidelity-tables.js';
import { timelineLink } from './shared/links.js';

const FAMILY_TIPS = {
  random: 'Uniformly random orders of all samples',
  move: 'One sample put elsewhere, or two exchanged',
  blocks: 'Whole steps or whole domains in another order',
  curriculum: 'Sorted by length or domain, mixed or apart',
};

export class FidelityPage {
  constructor(parent) {
    this.jobs = [];
    this.build();
    tooltips(this.root);
    parent.append(this.root);
    this.stop = [listen('judged', (record) => this.setJudged(record)),
      listen('jobs', ({ jobs }) => { this.jobs = jobs; this.drawJobs(); })];
  }

  build() {
    this.headline = h('h1', { class: 'ro-verdict-line' });
    this.details = h('p', { class: 'ro-verdict-more' });
    this.notice = h('p', { class: 'ro-notice', role: 'alert', hidden: true });
    this.command = h('code', { class: 'ro-command', hidden: true });
    this.families = h('span');
    this.choice = h('select', { class: 'ro-select', 'aria-label': 'Estimator',
      onchange: () => this.ask('show', { estimator: this.choice.value }) });
    this.more = button('', () => this.ask('more'), { class: 'ro-button ro-primary', 'data-command': 'more' });
    this.work = new JobLine((job) => this.ask('cancel', { job }));
    this.tip = h('div', { class: 'ro-tip ro-point-tip', role: 'status', hidden: true });
    this.reports = new Reports();
    this.scatter = new Scatter(this.tip, (order) => this.open(order));
    this.errors = new ErrorByDistance((order) => this.open(order));
    this.coverage = new Coverage();
    this.maps = new HeatMaps(() => this.ask('heatmap'), (job) => this.ask('cancel', { job }));
    this.ledger = new Ledger();
    this.waiting = h('p', { class: 'ro-waiting', role: 'status' });
    this.lower = h('div', { class: 'ro-judged' }, this.waiting,
      h('div', { class: 'ro-figures' }, this.scatter.element, this.errors.element),
      h('div', { class: 'ro-figures ro-figures-13' }, this.coverage.element, this.maps.element),
      this.ledger.element);
    this.root = h('div', { class: 'ro ro-fidelity', 'data-state': 'loading' },
      this.notice,
      h('section', { class: 'ro-verdict', 'aria-live': 'polite' }, this.headline, this.details, this.command),
      h('div', { class: 'ro-toolbar' },
        h('div', { class: 'ro-group' }, this.families,
          h('label', { class: 'ro-choice' }, 'Estimator', this.choice)),
        h('span', { class: 'ro-spring' }),
        h('div', { class: 'ro-group ro-verify' }, this.work.element, this.more)),
      this.reports.element, this.lower, this.tip);
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    const { family } = data;
    if (this.asked && data.estimator === this.asked.estimator && family === this.asked.family) this.asked = null;
    this.family = this.asked?.family ?? family;
    this.drawChoices();
    this.draw();
  }

  /** Ask Python; a choice shows at once, the address follows. */
  ask(type, more = {}) {
    this.send({ type, run: this.data.run, estimator: this.data.estimator, family: this.family, ...more });
    if (type === 'show' && more.estimator) {
      this.root.dataset.state = 'waiting';
      setText(this.waiting, 'estimating the retrained orders …');
    }
  }

  drawChoices() {
    const { families, estimators, estimator, reports } = this.data;
    const measured = new Set(reports.flatMap(({ rows }) => rows.map(({ name }) => name)));
    const options = estimators.map(({ name, about }) => h('option', { value: name, selected: name === estimator },
      about ? `${name} \u2013 ${about}` : name));
    options.sort((a, b) => measured.has(b.value) - measured.has(a.value));
    this.choice.replaceChildren(...options);
    this.choice.value = estimator;
    if (this.segments) {
      this.segments.set(this.family);
      return;
    }
    const drawn = families.filter(({ drawn }) => drawn);
    this.segments = segmented('Family of orders', drawn.map(({ name, words }) => [name,
      words[0].toUpperCase() + words.slice(1), FAMILY_TIPS[name]]), (name) => this.choose(name));
    this.segments.set(this.family);
    this.families.replaceChildren(this.segments);
  }

  choose(family) {
    this.family = family;
    this.asked = { estimator: this.data.estimator, family };
    this.draw();
    this.ask('show');
  }

  draw() {
    const { data, family } = this;
    const report = data.reports.find((one) => one.family === family);
    const { words } = data.families.find(({ name }) => name === family);
    setText(this.headline, report ? report.headline : `Not yet measured on ${words}.`);
    setText(this.details, report ? report.details
      : `Until it is, take estimates of such orders with reserve. The button below retrains ${data.more} of them `
        + 'and measures every estimator on them; for more, run this:');
    this.command.hidden = Boolean(report);
    setText(this.command, data.command.replace(/--family \w+/, `--family ${family}`));
    this.notice.hidden = !data.notice;
    setText(this.notice, data.notice);
    this.reports.show(report, data, words);
    this.drawJobs();
    this.drawJudged();
  }

  setJudged(record) {
    this.judged = record;
    if (this.data) this.drawJudged();
  }

  drawJudged() {
    const { data, judged, family } = this;
    if (!judged || judged.run !== data.run || judged.estimator !== data.estimator) return;
    const ready = judged.state === 'ready';
    setText(this.waiting, words(judged));
    this.waiting.hidden = ready;
    this.root.dataset.state = judged.state;
    this.lower.dataset.state = judged.state;
    const view = { ...judged, run: data.run, family, families: data.families };
    for (const part of [this.scatter, this.errors, this.coverage, this.ledger]) {
      part.element.hidden = !ready;
      if (ready) part.show(view);
    }
    this.maps.element.hidden = !judged.heat;
    if (judged.heat) this.maps.show(view, this.jobs);
  }

  drawJobs() {
    if (!this.data) return;
    const { more, families } = this.data;
    const name = `more ${this.family}`;
    const job = this.jobs.find(({ hash }) => hash === name);
    const { words: orders } = families.find((one) => one.name === this.family);
    const measured = this.data.reports.some((report) => report.family === this.family);
    setText(this.more, `Retrain ${more} ${measured ? 'more ' : ''}${orders}`);
    this.more.hidden = active(job);
    this.more.dataset.tip = `Draws ${more} ${measured ? 'further ' : ''}${orders}, really trains the model on each in the background, `
      + 'adds them to the ledger and measures every estimator again';
    this.work.show(job, this.jobs);
    this.maps.showJobs(this.jobs);
  }

  open(order) {
    window.location.assign(timelineLink(this.data.run, order.code));
  }

  destroy() {
    this.stop.forEach((stop) => stop());
    this.root.remove();
    for (const figure of [this.scatter, this.errors, this.coverage, this.maps]) figure.destroy();
  }
}

function words(judged) {
  if (judged.state === 'working') return `estimating the retrained orders: ${judged.done} of ${judged.total} …`;
  if (judged.state === 'failed') return `The retrained orders cannot judge this estimator: ${judged.message}`;
  if (judged.state === 'empty') {
    return judged.fitted
      ? `All ${judged.fitted} retrained orders in the ledger were used to fit this estimator; none is left to judge it. `
        + 'Retrain some more with the button above.'
      : 'No order was retrained yet, so nothing can judge the estimates. Retrain some with the button above.';
  }
  return '';
}
