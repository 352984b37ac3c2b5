// What Python sent, as arrays with names; and the numbers every view derives from them.
import { unpack, unpackTable } from './channels.js';

const decoded = new WeakMap(); // what was sent -> what came of it, for a page that is opened again

export function decodeRun(raw) {
  if (!decoded.has(raw)) decoded.set(raw, decode(raw));
  return decoded.get(raw);
}

function decode(raw) {
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
  const ofVisits = (packed) => byVisit({ sampleOf, unique: raw.samples.length }, unpack(packed));
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
    position: Object.fromEntries(Object.entries(position).map(([key, packed]) => [key, unpackTable(packed)])),
    reference: { before: ofVisits(reference.before), sampleLoss: ofVisits(reference.sampleLoss), learningRate: unpack(reference.learningRate) },
  };
}

export function decodeView(raw, run) {
  const { estimate, truth } = raw;
  const ofVisits = (packed) => byVisit(run, unpack(packed));
  return {
    ...raw,
    estimate: { ...estimate, sampleLoss: ofVisits(estimate.sampleLoss), sampleInterval: ofVisits(estimate.sampleInterval) },
    truth: truth && { seconds: truth.seconds, sampleLoss: ofVisits(truth.sampleLoss) },
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

/** How many tiles these are, in words: `8`, or `24 visits of 8` where samples are among them more than once. */
export function howMany({ samples }, ids) {
  const unique = new Set(ids.map((id) => samples[id].sample)).size;
  return unique === ids.length ? `${unique}` : `${ids.length} visits of ${unique}`;
}

/** Whether the interval leaves the retrained value out. */
export function missed({ truth, lo, hi }) { return truth < lo || truth > hi; }

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
  return run.reference.before[id] - view.estimate.sampleLoss[id];
}
