// Parallel coordinates: every alloy a line across the main columns; a range dragged along an axis selects.

const MOST_LINES = 3000;
const EDGE = { left: 70, right: 60, top: 46, bottom: 26 };
const shownColumns = payload.shown.map((name) => byName.get(name));
const parallel = { ranges: new Map(), drag: null, pen: null };

// Every row where they are few, else an even draw with all that is selected, up to the same number.
function linesDrawn() {
  const stride = Math.ceil(rowCount / MOST_LINES);
  const chosen = selection.rows === null ? [] : [...selection.rows];
  const skip = Math.ceil(chosen.length / MOST_LINES);
  return [allRows.filter((row) => row % stride === 0), chosen.filter((_, place) => place % skip === 0)];
}

function buildParallel() {
  const canvas = element('parallel');
  if (!shownColumns.length) return false;
  canvas.addEventListener('pointerdown', startRange);
  canvas.addEventListener('pointermove', moveRange);
  canvas.addEventListener('pointerup', endRange);
  new ResizeObserver(() => { if (canvas.dataset.drawn) drawParallel(); }).observe(canvas);
  return true;
}

const axisPlace = (place, width) =>
  EDGE.left + ((width - EDGE.left - EDGE.right) * place) / Math.max(1, shownColumns.length - 1);

function drawParallel() {
  const canvas = element('parallel');
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const density = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * density, height * density];
  const pen = canvas.getContext('2d');
  pen.scale(density, density);
  const { quiet, accent } = theme();
  const [few, chosen] = linesDrawn();
  const none = selection.rows === null;
  const depth = (rows) => Math.max(0.05, Math.min(0.7, 60 / rows.length));
  drawLines(pen, few, none ? accent : quiet, none ? depth(few) : depth(few) / 2, width, height);
  drawLines(pen, chosen, accent, Math.max(0.15, depth(chosen)), width, height);
  shownColumns.forEach((column, place) => drawAxis(pen, column, axisPlace(place, width), height));
  element('parallel-note').textContent = few.length < rowCount
    ? `Drawn: ${few.length.toLocaleString('en')} of ${rowCount.toLocaleString('en')} alloys, evenly, and those selected. Drag along an axis to select; the range holds for all alloys.`
    : 'Drag along an axis to select alloys.';
}

function drawLines(pen, rows, colour, opacity, width, height) {
  const scales = shownColumns.map((column) => heightOf(column, height));
  pen.globalAlpha = opacity;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  for (const row of rows) {
    pen.beginPath();
    let begun = false;
    shownColumns.forEach((column, place) => {
      const value = numbers(column)[row];
      if (!Number.isFinite(value)) { begun = false; return; }
      const [x, y] = [axisPlace(place, width), scales[place].at(value)];
      if (begun) pen.lineTo(x, y);
      else pen.moveTo(x, y);
      begun = true;
    });
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

// Where a value of a column lies, and which value lies at a place.
function heightOf(column, height) {
  column.extent ??= extent(numbers(column));
  const [low, high] = column.extent;
  const span = height - EDGE.top - EDGE.bottom;
  return {
    at: (value) => height - EDGE.bottom - (high > low ? (value - low) / (high - low) : 0.5) * span,
    value: (place) => low + ((height - EDGE.bottom - place) / span) * (high - low),
  };
}

function drawAxis(pen, column, x, height) {
  const { text, quiet, mark, ground } = theme();
  const scale = heightOf(column, height);
  pen.strokeStyle = text;
  pen.lineWidth = 1.5;
  pen.strokeRect(x, EDGE.top, 0, height - EDGE.top - EDGE.bottom);
  pen.font = '12px system-ui, "Liberation Sans", sans-serif';
  pen.textAlign = 'center';
  label(pen, column.name, x, 16, text, ground);
  const [low, high] = column.extent;
  label(pen, Number(high.toPrecision(4)).toString(), x, EDGE.top - 8, quiet, ground);
  label(pen, Number(low.toPrecision(4)).toString(), x, height - 8, quiet, ground);
  pen.textAlign = 'left';
  for (const share of [0.25, 0.5, 0.75]) {
    const value = low + share * (high - low);
    label(pen, Number(value.toPrecision(3)).toString(), x + 6, scale.at(value) + 4, quiet, ground);
  }
  const range = parallel.ranges.get(column);
  if (range) {
    pen.strokeStyle = mark;
    pen.lineWidth = 6;
    pen.strokeRect(x, scale.at(range[1]), 0, scale.at(range[0]) - scale.at(range[1]));
  }
}

// Text with a rim of the ground's colour, to be read over lines.
function label(pen, said, x, y, colour, rim) {
  pen.lineWidth = 3;
  pen.strokeStyle = rim;
  pen.strokeText(said, x, y);
  pen.fillStyle = colour;
  pen.fillText(said, x, y);
}

function startRange(event) {
  const canvas = element('parallel');
  const distance = (place) => Math.abs(axisPlace(place, canvas.clientWidth) - event.offsetX);
  const places = shownColumns.map((_, place) => place).sort((one, other) => distance(one) - distance(other));
  if (distance(places[0]) > 40) return;
  parallel.drag = { column: shownColumns[places[0]], from: event.offsetY };
  canvas.setPointerCapture(event.pointerId);
}

function moveRange(event) {
  if (!parallel.drag) return;
  const { column, from } = parallel.drag;
  const scale = heightOf(column, element('parallel').clientHeight);
  if (Math.abs(event.offsetY - from) < 4) parallel.ranges.delete(column);
  else parallel.ranges.set(column, [from, event.offsetY].map(scale.value).sort((a, b) => a - b));
  drawParallel();
}

function endRange(event) {
  if (!parallel.drag) return;
  moveRange(event);
  parallel.drag = null;
  const limits = [...parallel.ranges].map(([column, range]) => [numbers(column), range]);
  const inside = (row) => limits.every(([values, [low, high]]) => values[row] >= low && values[row] <= high);
  selection.set(limits.length ? allRows.filter(inside) : null, 'parallel');
}

function selectionInParallel(source) {
  if (source !== 'parallel') parallel.ranges.clear();
  drawParallel();
}
