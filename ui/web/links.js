// Addresses of other pages.

/** Where an order opens on the timeline; ui/url.py reads it. */
export function timelineLink(run, code) {
  return `timeline?${new URLSearchParams({ run, o: code })}`;
}
