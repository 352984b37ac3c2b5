// A background command on the fidelity page: how far it is, and a way to stop it.
import { h, setText, button } from './shared/dom.js';
import { seconds } from './shared/format.js';
import { active } from './shared/jobs.js';

/** How far a background command is, with a way to stop it. */
export class JobLine {
  constructor(cancel) {
    this.words = h('span', { class: 'ro-verify-words', role: 'status' });
    this.bar = h('progress', { class: 'ro-progress', max: 1, value: 0, 'aria-label': 'Retraining' });
    this.stop = button('Cancel', () => cancel(this.name), { 'data-command': 'cancel' });
    this.element = h('span', { class: 'ro-group' }, this.words, this.bar, this.stop);
  }

  show(job, jobs) {
    this.name = job?.hash;
    this.bar.hidden = !active(job);
    this.stop.hidden = !active(job);
    if (active(job) && job.total) this.bar.value = job.done / job.total;
    else this.bar.removeAttribute('value');
    const ahead = jobs.filter(active).length - 1;
    setText(this.words, job ? said(job, ahead) : '');
  }
}

function said(job, ahead) {
  if (job.state === 'queued') return `waiting for ${ahead} other retraining${ahead > 1 ? 's' : ''}`;
  if (job.state === 'running') {
    if (!job.total) return `${job.label || 'starting'} …`;
    return `${job.label} ${Math.min(job.done + 1, job.total)} of ${job.total}, ${seconds(job.seconds)} so far`;
  }
  if (job.state === 'failed') return `failed: ${job.message}`;
  if (job.state === 'cancelled') return 'cancelled; what was retrained is kept';
  return job.message || 'done';
}
