// What Python sent, as arrays with names; and the numbers every view derives from them.
import { unpack } from './channels.js';

export function decodeRun(raw) {
  const { position, reference } = raw;
  const copies = new Map(); // text -> the samples that are it
  for (const [id, [text]] of raw.samples.entries()) {
    if (!copies.has(text)) copies.set(text, []);
    copies.get(text).push(id);
  }
  // A tile is a visit; in a run of one epoch without a bench that is a sample, and so is its id.
  const { sampleOf } = raw;
  const visitsOf = new Map(); // sample -> its visits
  for (const [visit, sample] of sampleOf.entries()) visitsOf.set(sample, [...(visitsOf.get(sample) ?? []), visit]);
  return {
    ...raw,
    id: raw.run,
    count: sampleOf.length,
    unique: raw.samples.length,
    trained: raw.steps * raw.batch,
    samples: sampleOf.map((sample, id) => {
      const [text, domain, flags, tokens] = raw.samples[sample];
      const visits = visitsOf.get(sample);
      return { id, sample, visits, text, domain, shade: raw.shades[domain], tokens, name: raw.domains[domain],
        title: visits.length > 1 ? `${sample}, visit ${visits.indexOf(id) + 1} of ${visits.length}` : `${sample}`,
        copies: copies.get(text).flatMap((copy) => visitsOf.get(copy)),
        flags: copies.get(text).length > 1 ? [...flags, 'duplicate'] : flags };
    }),
    position: {
      own: unpack(position.own), heldOut: unpack(position.heldOut),
      ownSd: unpack(position.ownSd), heldOutSd: unpack(position.heldOutSd),
    },
    reference: { ...losses({ ...raw, unique: raw.samples.length }, reference), learningRate: unpack(reference.learningRate) },
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
    previous: previous ? { sample: byVisit(run, unpack(previous.sample)), sampleInterval: byVisit(run, unpack(previous.sampleInterval)) } : null,
    estimate: {
      ...estimate, ...losses(run, estimate),
      sampleInterval: byVisit(run, unpack(estimate.sampleInterval)),
      probeInterval: unpack(estimate.probeInterval),
    },
    truth: truth ? { seconds: truth.seconds, ...losses(run, truth) } : null,
  };
}

/** Rows of a number a sample, as rows of a number a visit. */
function byVisit({ sampleOf, unique }, rows) {
  if (!rows || sampleOf.length === unique) return rows;
  const wide = sampleOf.length;
  const found = new Float32Array((rows.length / unique) * wide);
  for (let at = 0; at < found.length; at += 1) found[at] = rows[Math.floor(at / wide) * unique + sampleOf[at % wide]];
  return found;
}

/** Where a slot lies: `step 4`, or `the bench`, which an order does not train. */
export function placeOf(run, slot) {
  return slot < run.trained ? `step ${Math.floor(slot / run.batch) + 1}` : 'the bench';
}

/** Losses at evaluation steps, (E, V) and (E, D), and their last rows; of a visit those of its sample. */
function losses(run, raw) {
  const sampleLossAt = byVisit(run, unpack(raw.sampleLossAt));
  const probeLossAt = unpack(raw.probeLossAt);
  const samples = run.sampleOf.length;
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

/** One row per evaluation step, its first numbers averaged: the curve of a mean loss. */
export function meanCurve(flat, width, first = width) {
  return Array.from({ length: flat.length / width }, (_, row) =>
    mean(flat.subarray(row * width, row * width + first)));
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
