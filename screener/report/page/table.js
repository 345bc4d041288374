// The table: sorted, filtered, drawn only where it is looked at.

const ROW_HEIGHT = 29;
const SPARE = 12;
const table = { shown: [], sorted: null, down: false, active: 0, first: -1, last: -1, filters: new Map() };
const collator = new Intl.Collator('en', { numeric: true });

function buildTable() {
  const head = document.createElement('tr');
  const widths = document.createElement('colgroup');
  for (const column of columns) {
    const width = document.createElement('col');
    width.style.width = `${columnWidth(column)}ch`;
    widths.append(width);
    head.append(headCell(column));
  }
  const whole = element('table');
  whole.prepend(widths);
  whole.style.width = `${columns.reduce((sum, column) => sum + columnWidth(column), 0)}ch`;
  whole.tHead.append(head);
  whole.setAttribute('aria-colcount', columns.length);
  element('table-frame').addEventListener('scroll', () => requestAnimationFrame(drawRows));
  whole.tBodies[0].addEventListener('click', clickRow);
  whole.tBodies[0].addEventListener('keydown', keyRow);
  element('search').addEventListener('input', refilter);
  element('only-selected').addEventListener('change', refilter);
  element('select-shown').addEventListener('click', () => selection.set(Array.from(table.shown), 'table'));
  element('clear-filters').addEventListener('click', clearFilters);
  element('download').addEventListener('click', download);
  refilter();
}

function columnWidth(column) {
  if (!column.width) {
    const sample = texts(column).slice(0, 200);
    const longest = Math.max(8, ...sample.map((text) => shortText(column, text).length));
    column.width = Math.min(34, Math.max(longest + 3, Math.min(column.name.length + 4, 22)));
  }
  return column.width;
}

function headCell(column) {
  const cell = document.createElement('th');
  cell.scope = 'col';
  cell.setAttribute('aria-sort', 'none');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = column.name;
  button.title = `${column.axis}: sort`;
  button.addEventListener('click', () => sortBy(column, cell));
  const filter = document.createElement('input');
  filter.type = 'text';
  filter.placeholder = column.kind === 'number' ? '>, <, a..b' : 'filter';
  filter.setAttribute('aria-label', `filter ${column.name}`);
  filter.addEventListener('input', () => {
    table.filters.set(column, filter.value.trim());
    refilter();
  });
  cell.append(button, filter);
  return cell;
}

function sortBy(column, cell) {
  table.down = table.sorted === column ? !table.down : column.kind === 'number' && column.better === 'max';
  table.sorted = column;
  for (const other of element('table').tHead.querySelectorAll('th')) {
    other.setAttribute('aria-sort', 'none');
    const button = other.querySelector('button');
    button.textContent = button.textContent.replace(/ [▲▼]$/, '');
  }
  cell.setAttribute('aria-sort', table.down ? 'descending' : 'ascending');
  cell.querySelector('button').textContent += table.down ? ' ▼' : ' ▲';
  refilter();
}

// What a filter asks of a row; nothing written asks nothing.
function condition(column, written) {
  const asked = /^(>=|<=|>|<|=)\s*(-?[\d.]+(?:e-?\d+)?)$/i.exec(written);
  const span = /^(-?[\d.]+(?:e-?\d+)?)\s*\.\.\s*(-?[\d.]+(?:e-?\d+)?)$/i.exec(written);
  if (column.kind === 'number' && (asked || span)) {
    const values = numbers(column);
    if (span) return (row) => values[row] >= Number(span[1]) && values[row] <= Number(span[2]);
    const limit = Number(asked[2]);
    const compare = {
      '>': (value) => value > limit,
      '<': (value) => value < limit,
      '>=': (value) => value >= limit,
      '<=': (value) => value <= limit,
      '=': (value) => value === limit,
    }[asked[1]];
    return (row) => compare(values[row]);
  }
  const part = written.toLowerCase();
  const values = texts(column);
  return (row) => values[row].toLowerCase().includes(part);
}

function conditions() {
  const found = [...table.filters].filter(([, written]) => written).map(([column, written]) => condition(column, written));
  const part = element('search').value.trim().toLowerCase();
  if (part) found.push((row) => columns.some((column) => texts(column)[row].toLowerCase().includes(part)));
  if (element('only-selected').checked) found.push((row) => selection.rows !== null && selection.rows.has(row));
  return found;
}

function refilter() {
  const asked = conditions();
  const kept = [];
  for (let row = 0; row < rowCount; row++) if (asked.every((holds) => holds(row))) kept.push(row);
  if (table.sorted) kept.sort(order());
  table.shown = kept;
  table.active = Math.min(table.active, Math.max(0, kept.length - 1));
  table.first = -1;
  element('table').setAttribute('aria-rowcount', kept.length + 1);
  element('shown').textContent = `${kept.length.toLocaleString('en')} of ${rowCount.toLocaleString('en')} row${rowCount === 1 ? '' : 's'} shown`;
  element('download').disabled = !kept.length;
  drawRows();
}

// Gaps come last either way; equal values keep the order of the file.
function order() {
  const sign = table.down ? -1 : 1;
  if (table.sorted.kind === 'text') {
    const values = texts(table.sorted);
    return (one, other) => sign * collator.compare(values[one], values[other]) || one - other;
  }
  const values = numbers(table.sorted);
  return (one, other) => {
    const [a, b] = [values[one], values[other]];
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b) || one - other;
    return sign * (a - b) || one - other;
  };
}

function clearFilters() {
  table.filters.clear();
  for (const input of element('table').tHead.querySelectorAll('input')) input.value = '';
  element('search').value = '';
  element('only-selected').checked = false;
  refilter();
}

function drawRows() {
  const frame = element('table-frame');
  const body = element('table').tBodies[0];
  const first = Math.max(0, Math.floor(frame.scrollTop / ROW_HEIGHT) - SPARE);
  const last = Math.min(table.shown.length, first + Math.ceil(frame.clientHeight / ROW_HEIGHT) + 2 * SPARE);
  if (first === table.first && last === table.last) return;
  Object.assign(table, { first, last });
  const focused = body.contains(document.activeElement);
  const drawn = [spacer(first)];
  for (let place = first; place < last; place++) drawn.push(rowElement(place));
  body.replaceChildren(...drawn, spacer(table.shown.length - last));
  if (focused) body.querySelector('tr[tabindex="0"]')?.focus({ preventScroll: true });
}

function spacer(rows) {
  const row = document.createElement('tr');
  row.className = 'gap';
  row.setAttribute('aria-hidden', 'true');
  row.style.height = `${rows * ROW_HEIGHT}px`;
  return row;
}

function rowElement(place) {
  const row = table.shown[place];
  const line = document.createElement('tr');
  line.dataset.place = place;
  line.tabIndex = place === table.active ? 0 : -1;
  line.setAttribute('aria-rowindex', place + 2);
  line.setAttribute('aria-selected', selection.rows !== null && selection.rows.has(row));
  for (const column of columns) {
    const text = texts(column)[row];
    const cell = document.createElement('td');
    cell.textContent = shortText(column, text);
    cell.title = text;
    if (column.kind === 'number') cell.className = 'number';
    line.append(cell);
  }
  return line;
}

function clickRow(event) {
  const line = event.target.closest('tr[data-place]');
  if (!line) return;
  activate(Number(line.dataset.place));
  selection.toggle(table.shown[table.active]);
}

function keyRow(event) {
  const page = Math.floor(element('table-frame').clientHeight / ROW_HEIGHT) - 2;
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rowCount, End: rowCount };
  if (event.key === ' ' || event.key === 'Enter') {
    if (table.shown.length) selection.toggle(table.shown[table.active]);
  } else if (event.key in moves) {
    activate(Math.min(table.shown.length - 1, Math.max(0, table.active + moves[event.key])));
  } else {
    return;
  }
  event.preventDefault();
}

function activate(place) {
  const frame = element('table-frame');
  const head = element('table').tHead.offsetHeight;
  const [top, room] = [place * ROW_HEIGHT, frame.clientHeight - head - ROW_HEIGHT];
  if (top < frame.scrollTop) frame.scrollTop = top;
  else if (top > frame.scrollTop + room) frame.scrollTop = top - room;
  Object.assign(table, { active: place, first: -1 });
  drawRows();
  element('table').tBodies[0].querySelector('tr[tabindex="0"]')?.focus({ preventScroll: true });
}

function selectionInTable(source) {
  if (source !== 'table') element('only-selected').checked = selection.rows !== null;
  if (element('only-selected').checked || source !== 'table') {
    refilter();
  } else {
    table.first = -1;
    drawRows();
  }
}

function csvField(text) {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvText() {
  const lines = [columns.map((column) => csvField(column.name)).join(',')];
  for (const row of table.shown) lines.push(columns.map((column) => csvField(texts(column)[row])).join(','));
  return `${lines.join('\n')}\n`;
}

function download() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csvText()], { type: 'text/csv' }));
  link.download = `${payload.file}-shown.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
