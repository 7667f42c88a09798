// CSV of RFC 4180, in which no text runs as a formula. `probe export` writes texts in the same way (csv_cells.py).
const escaped = (characters) => [...characters].map((char) => `\\u{${char.codePointAt(0).toString(16)}}`).join("");
const separators = `[${escaped(data.csv.separators)}]`;
const skipped = `[\\p{Z}\\p{C}\\p{M}${escaped(data.csv.ignored)}]`;
const sign = `[${escaped(data.csv.signs)}]`;
const BEGINS = new RegExp(`^${skipped}*${sign}`, "u");
const FOLLOWS = new RegExp(`${separators}(?=(?:(?!${separators})${skipped})*${sign})`, "gu");

/** Return a text with a mark at its start, and after each separator, where a formula could begin. */
function neutralized(text) {
  const shown = text.replaceAll("\0", data.csv.nul);
  const marked = shown.replace(FOLLOWS, (separator) => separator + data.csv.mark);
  return (BEGINS.test(shown) ? data.csv.mark : "") + marked;
}

function csvField(value) {
  if (value === null) return "";
  const text = typeof value === "string" ? neutralized(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return rows of values as CSV. `columns` has a name first in each entry. */
function csvOf(columns, records) {
  return [columns.map(([name]) => name), ...records].map((values) => values.map(csvField).join(",") + "\r\n").join("");
}
