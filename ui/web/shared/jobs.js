// What the parts of the page say of retrainings in the queue.

export function active(job) {
  return job?.state === 'queued' || job?.state === 'running';
}

/** Seconds that a running job still takes; undefined before that is known. */
export function secondsLeft({ state, left }) {
  return state === 'running' ? left ?? undefined : undefined;
}
