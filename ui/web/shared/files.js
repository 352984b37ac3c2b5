// Files to take away.

export function saveUrl(url, name) {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}

function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  saveUrl(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** A text file to keep, such as a table's numbers. */
export function saveText(name, text) { saveBlob(name, new Blob([text], { type: 'text/csv' })); }

/** Bytes that Python sent as base64, as a file to keep. */
export function saveBytes(name, mime, text) {
  saveBlob(name, new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: mime }));
}

/** A table { head, rows: [{ cells }] } as CSV; what is not known is empty. */
export function csvOf({ head, rows }) {
  const field = (value) => {
    if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
    const text = String(value ?? '');
    const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text; // no spreadsheet takes it for a formula
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  return [head, ...rows.map(({ cells }) => cells)].map((cells) => cells.map(field).join(',')).join('\r\n');
}
