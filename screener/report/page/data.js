// What the report knows: columns, compositions, and which alloys are selected.

const payload = JSON.parse(document.getElementById('payload').textContent);
const rowCount = payload.rows;
const columns = payload.columns;
const byName = new Map(columns.map((column) => [column.name, column]));
const element = (id) => document.getElementById(id);

function texts(column) {
  column.values ??= typeof column.text === 'string' ? column.text.split('\n') : column.text;
  return column.values;
}

function numbers(column) {
  if (!column.numbers) {
    const flag = column.kind === 'flag';
    column.numbers = Float64Array.from(texts(column), (text) =>
      text === '' ? NaN : flag ? Number(text === 'true') : Number(text));
  }
  return column.numbers;
}

const numericColumns = columns.filter((column) => column.kind === 'number');
const formulas = () => texts(byName.get(payload.formula));

// Numbers as people read them; the exact text is in the title of the cell and in the download.
function shortText(column, text) {
  if (column.kind !== 'number' || !/[.eE]/.test(text)) return text;
  const value = Number(text);
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : text;
}

function bytes(packed) {
  const letters = atob(packed);
  const out = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) out[place] = letters.charCodeAt(place);
  return out;
}

function wholeNumbers(packed) {
  const view = new DataView(bytes(packed).buffer);
  return Uint16Array.from({ length: view.byteLength / 2 }, (_, place) => view.getUint16(2 * place, true));
}

// Alloys as a list of [symbol, at.%] for each.
function compositions(packed) {
  const count = bytes(packed.count);
  const symbol = bytes(packed.element);
  const amount = wholeNumbers(packed.amount);
  let next = 0;
  return Array.from(count, (size) =>
    Array.from({ length: size }, () => {
      const entry = [payload.symbols[symbol[next]], amount[next] / 100];
      next += 1;
      return entry;
    }));
}

// The selection: null for none, else a set of rows. Whoever draws it listens.
const selection = {
  rows: null,
  listeners: [],
  set(rows, source) {
    this.rows = rows && rows.length ? new Set(rows) : null;
    const count = this.rows ? this.rows.size : 0;
    element('selection-status').textContent =
      count ? `${count.toLocaleString('en')} of ${rowCount.toLocaleString('en')} alloys selected.` : 'No alloys selected.';
    element('clear-selection').disabled = !count;
    for (const listener of this.listeners) listener(source);
  },
  toggle(row) {
    const rows = new Set(this.rows ?? []);
    if (!rows.delete(row)) rows.add(row);
    this.set([...rows], 'table');
  },
};

function fillSelect(id, options, chosen) {
  const select = element(id);
  for (const [value, label] of options) select.add(new Option(label, value, false, value === chosen));
  return select;
}
