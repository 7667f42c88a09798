// Parquet of one row group: optional columns of text (UTF8), whole numbers (INT64) and fractions (DOUBLE), PLAIN, not compressed.
// The numbers of fields and types are those of parquet.thrift in the Parquet format, version 2.10.
const parquetOf = (() => {
  const MAGIC = [0x50, 0x41, 0x52, 0x31]; // PAR1
  const [I32, I64, BINARY, LIST, STRUCT] = [5, 6, 8, 9, 12]; // types of Thrift's compact protocol
  const PLAIN = 0;
  const RLE = 3;
  const PHYSICAL = { whole: 2, fraction: 5, text: 6 }; // INT64, DOUBLE, BYTE_ARRAY

  /** Return a whole number as ULEB128. */
  function varint(number) {
    const bytes = [];
    for (; number > 127; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
    return [...bytes, number];
  }

  const zigzag = (number) => varint(number * 2); // no number in these structures is negative
  const little = (number) => [0, 8, 16, 24].map((shift) => (number >>> shift) & 255);
  const binary = (text) => { const bytes = [...new TextEncoder().encode(text)]; return [...varint(bytes.length), ...bytes]; };

  /** Return a struct of Thrift's compact protocol from [field number, type, bytes], in order of the numbers. */
  function struct(...fields) {
    let last = 0;
    const bytes = fields.flatMap(([number, type, value]) => { const head = ((number - last) << 4) | type; last = number; return [head, ...value]; });
    return [...bytes, 0];
  }

  const i32 = (number, value) => [number, I32, zigzag(value)];
  const i64 = (number, value) => [number, I64, zigzag(value)];
  const string = (number, text) => [number, BINARY, binary(text)];
  const list = (number, type, items) => [number, LIST, [...(items.length < 15 ? [(items.length << 4) | type] : [0xf0 | type, ...varint(items.length)]), ...items.flat()]];

  /** Return the definition levels: 1 for a value, 0 for null, as runs of equal levels. */
  function levels(values) {
    const runs = [];
    for (const value of values) {
      const level = value === null ? 0 : 1;
      if (runs.length && runs[runs.length - 1][0] === level) runs[runs.length - 1][1] += 1;
      else runs.push([level, 1]);
    }
    const bytes = runs.flatMap(([level, length]) => [...varint(length * 2), level]);
    return [...little(bytes.length), ...bytes];
  }

  /** Return the values that are not null as one array of bytes. */
  function plainValues(type, values) {
    const present = values.filter((value) => value !== null);
    if (type === "text") return joined(present.map((text) => { const bytes = new TextEncoder().encode(text); return joined([little(bytes.length), bytes]); }));
    const view = new DataView(new ArrayBuffer(8 * present.length));
    present.forEach((value, place) => (type === "whole" ? view.setBigInt64(8 * place, BigInt(value), true) : view.setFloat64(8 * place, value, true)));
    return new Uint8Array(view.buffer);
  }

  function joined(parts) {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    parts.reduce((place, part) => { all.set(part, place); return place + part.length; }, 0);
    return all;
  }

  /** Return the page of a column with its header. */
  function columnPage(type, values) {
    const content = joined([levels(values), plainValues(type, values)]);
    const about = struct(i32(1, values.length), i32(2, PLAIN), i32(3, RLE), i32(4, RLE));
    return joined([struct(i32(1, 0), i32(2, content.length), i32(3, content.length), [5, STRUCT, about]), content]);
  }

  function columnChunk([name, type], count, offset, length) {
    const about = struct(i32(1, PHYSICAL[type]), list(2, I32, [zigzag(PLAIN), zigzag(RLE)]), list(3, BINARY, [binary(name)]), i32(4, 0),
      i64(5, count), i64(6, length), i64(7, length), i64(9, offset));
    return struct(i64(2, offset), [3, STRUCT, about]);
  }

  function schemaOf(columns) {
    const leaf = ([name, type]) => struct(i32(1, PHYSICAL[type]), i32(3, 1), string(4, name),
      ...(type === "text" ? [i32(6, 0), [10, STRUCT, struct([1, STRUCT, struct()])]] : []));
    return [struct(string(4, "schema"), i32(5, columns.length)), ...columns.map(leaf)];
  }

  /** Return the bytes of a file. `columns` are [name, type], `records` are rows of values, null for an absent one. */
  return (columns, records, writtenBy) => {
    const pages = columns.map(([, type], place) => columnPage(type, records.map((values) => values[place])));
    let offset = MAGIC.length;
    const chunks = pages.map((page, place) => { const start = offset; offset += page.length; return columnChunk(columns[place], records.length, start, page.length); });
    const group = struct(list(1, STRUCT, chunks), i64(2, offset - MAGIC.length), i64(3, records.length));
    const footer = struct(i32(1, 1), list(2, STRUCT, schemaOf(columns)), i64(3, records.length), list(4, STRUCT, [group]), string(6, writtenBy));
    return joined([MAGIC, ...pages, footer, little(footer.length), MAGIC]);
  };
})();
