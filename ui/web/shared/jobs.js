// What the parts of the page say of retrainings in the queue.

export function active(job) {
  return job?.state === 'queued' || job?.state === 'running';
}

/** Seconds that a running job still takes; undefined before its first progress. */
export function secondsLeft({ state, total, done, seconds }) {
  return state === 'running' && total && done ? (seconds / done) * (total - done) : undefined;
}
