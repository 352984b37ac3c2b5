// Every retraining of this run that was asked for: how far each is, a way to it, a way to stop it.
import { h, setText, button } from '../shared/dom.js';
import { seconds } from '../shared/format.js';
import { active, secondsLeft } from '../shared/jobs.js';

export class Queue {
  /** owner: { send(type, more) } */
  constructor(owner) {
    this.owner = owner;
    this.rows = new Map(); // hash → its parts; kept, so that a click is never lost to a redraw
    this.title = h('h3', { class: 'ro-queue-title' });
    this.list = h('ul', { class: 'ro-queue-list', 'aria-label': 'Retrainings' });
    this.element = h('section', { class: 'ro-queue', hidden: true, 'aria-label': 'Queue of retrainings' },
      this.title, this.list);
  }

  show(jobs, shown) {
    this.element.hidden = !jobs.length;
    const busy = jobs.filter(active);
    setText(this.title, busy.length ? `Retrainings: ${busy.length} to go` : 'Retrainings: all ended');
    const known = new Set(jobs.map((job) => job.hash));
    for (const [hash, { row }] of this.rows) {
      if (known.has(hash)) continue;
      row.remove();
      this.rows.delete(hash);
    }
    let wait = 0; // seconds until the next one can begin; NaN before anything is known of their length
    const whole = length(jobs);
    for (const [at, job] of jobs.entries()) {
      const parts = this.rows.get(job.hash) ?? this.row(job.hash);
      if (this.list.children[at] !== parts.row) this.list.insertBefore(parts.row, this.list.children[at] ?? null);
      this.draw(parts, job, shown, wait);
      if (active(job)) wait += secondsLeft(job) ?? whole;
    }
  }

  row(hash) {
    const words = h('span', { class: 'ro-queue-words' });
    const state = h('span', { class: 'ro-queue-state' });
    const bar = h('progress', { class: 'ro-progress', max: 1, value: 0, 'aria-label': 'Progress' });
    const go = h('button', { type: 'button', class: 'ro-queue-go',
      onclick: () => this.owner.send('show-job', { hash }) }, words, state);
    const stop = button('Cancel', () => this.owner.send('cancel-job', { hash }), { 'data-queue-cancel': hash });
    const row = h('li', { class: 'ro-queue-row', 'data-job': hash }, go, bar, stop);
    const parts = { row, words, state, bar, go, stop };
    this.rows.set(hash, parts);
    return parts;
  }

  draw({ row, words, state, bar, go, stop }, job, shown, wait) {
    row.dataset.state = job.state;
    setText(words, job.title);
    setText(state, said(job, wait));
    go.disabled = !job.order || job.hash === shown;
    stop.hidden = !active(job);
    stop.setAttribute('aria-label', `Cancel: ${job.title}`);
    bar.hidden = job.state !== 'running';
    if (job.total) bar.value = job.done / job.total;
    else bar.removeAttribute('value');
  }
}

/** Seconds a whole retraining takes, by the one that runs; NaN before that is known. */
function length(jobs) {
  const running = jobs.find((job) => secondsLeft(job) !== undefined);
  return running ? running.seconds + secondsLeft(running) : NaN;
}

function said(job, wait) {
  if (job.state === 'queued') return Number.isFinite(wait) && wait > 0 ? `waits, starts in about ${seconds(wait)}` : 'waits';
  if (job.state === 'failed') return `failed: ${job.message}`;
  if (job.state !== 'running') return job.state;
  const rest = secondsLeft(job);
  return rest === undefined ? `${job.label || 'starting'} \u2026` : `${job.label} ${job.done} of ${job.total}, ${seconds(rest)} left`;
}
