// What Python sent, as arrays with names; and the numbers every view derives from them.
import { unpack } from './channels.js';

export function decodeRun(raw) {
  const { position, reference } = raw;
  const copies = new Map(); // text -> the samples that are it
  for (const [id, [text]] of raw.samples.entries()) {
    if (!copies.has(text)) copies.set(text, []);
    copies.get(text).push(id);
  }
  return {
    ...raw,
    id: raw.run,
    count: raw.samples.length,
    samples: raw.samples.map(([text, domain, flags, tokens], id) => (
      { id, text, domain, shade: raw.shades[domain], tokens, name: raw.domains[domain], copies: copies.get(text),
        flags: copies.get(text).length > 1 ? [...flags, 'duplicate'] : flags })),
    position: {
      own: unpack(position.own), heldOut: unpack(position.heldOut),
      ownSd: unpack(position.ownSd), heldOutSd: unpack(position.heldOutSd),
    },
    reference: { ...losses(raw, reference), learningRate: unpack(reference.learningRate) },
  };
}

/**
 * Legend entries: { name, shade, domains }; of more domains than colours the further ones share one.
 * @returns {{ name: string, shade: number, domains: number[] }[]}
 */
export function domainGroups(run) {
  const found = new Map();
  for (const [domain, shade] of run.shades.entries()) found.set(shade, [...(found.get(shade) ?? []), domain]);
  return [...found].sort(([a], [b]) => a - b).map(([shade, domains]) => (
    { name: domains.length > 1 ? `other: ${domains.length} domains` : run.domains[domains[0]], shade, domains }));
}

export function decodeView(raw, run) {
  const { estimate, truth, previous } = raw;
  return {
    ...raw,
    previous: previous ? { sample: unpack(previous.sample), sampleInterval: unpack(previous.sampleInterval) } : null,
    estimate: {
      ...estimate, ...losses(run, estimate),
      sampleInterval: unpack(estimate.sampleInterval),
      probeInterval: unpack(estimate.probeInterval),
    },
    truth: truth ? { seconds: truth.seconds, ...losses(run, truth) } : null,
  };
}

/** Losses at evaluation steps, (E, N) and (E, D), and their last rows. */
function losses(run, raw) {
  const sampleLossAt = unpack(raw.sampleLossAt);
  const probeLossAt = unpack(raw.probeLossAt);
  const samples = run.samples.length;
  return {
    sampleLossAt, probeLossAt,
    sampleLoss: sampleLossAt.subarray(-samples),
    probeLoss: probeLossAt.subarray(-run.probeDomains.length),
  };
}

export function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** One row per evaluation step, averaged: the curve of a mean loss. */
export function meanCurve(flat, width) {
  return Array.from({ length: flat.length / width }, (_, row) =>
    mean(flat.subarray(row * width, (row + 1) * width)));
}

/** Estimated change of one sample's final loss against the reference order. */
export function sampleChange(run, view, id) {
  const { estimate, truth } = view;
  const base = run.reference.sampleLoss[id];
  const limits = estimate.sampleInterval;
  return {
    value: estimate.sampleLoss[id] - base,
    lo: limits ? limits[id] - base : NaN,
    hi: limits ? limits[run.count + id] - base : NaN,
    truth: truth ? truth.sampleLoss[id] - base : NaN,
  };
}

/** What training changed of a sample: its loss before minus its estimated loss after. */
export function memorization(run, view, id) {
  return run.reference.sampleLossAt[id] - view.estimate.sampleLoss[id];
}

/** What the last move alone changed of a sample's final loss; null without one. */
export function moveChange(run, view, id) {
  const { previous } = view;
  if (!previous) return null;
  return { value: previous.sample[id], lo: previous.sampleInterval[id], hi: previous.sampleInterval[run.count + id], truth: NaN };
}

/** The same for one held-out domain; `index` −1 is the mean over domains. */
export function probeChange(run, view, index) {
  const { estimate, truth } = view;
  const pick = (array) => (index < 0 ? mean(array) : array[index]);
  const domains = run.probeDomains.length;
  const base = pick(run.reference.probeLoss);
  const limits = estimate.probeInterval;
  return {
    value: pick(estimate.probeLoss) - base,
    lo: limits ? pick(limits.subarray(0, domains)) - base : NaN,
    hi: limits ? pick(limits.subarray(domains)) - base : NaN,
    truth: truth ? pick(truth.probeLoss) - base : NaN,
  };
}
