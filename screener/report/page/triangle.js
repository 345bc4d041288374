// The triangle: the space in colour, winners and training alloys on top.

const HEIGHT = Math.sqrt(3) / 2;
const OTHERS = 'others';
const WINNERS = 100;
const CROSS = '#d55e00';
const triangle = { alloys: null, training: null, places: new Map() };

// Corner one is bottom left, two bottom right, three on top.
const spot = ([, second, third]) => [second + third / 2, third * HEIGHT];

function shares(alloy, corners) {
  const parts = [0, 0, 0];
  for (const [symbol, share] of alloy) {
    const corner = corners.indexOf(symbol);
    if (corner >= 0) parts[corner] += share / 100;
  }
  if (corners[2] === OTHERS) parts[2] = Math.max(0, 1 - parts[0] - parts[1]);
  return alloy.length && Math.abs(parts[0] + parts[1] + parts[2] - 1) < 2e-3 ? parts : null;
}

function buildTriangle() {
  if (!payload.corners.length || !payload.alloys) return false;
  const choices = payload.corners.map((corners, place) => [String(place), corners.join(' – ')]);
  fillSelect('triangle-corners', choices, '0').addEventListener('change', drawTriangle);
  const gridded = payload.grids.length ? Object.keys(payload.grids[0].values) : numericColumns.map((column) => column.name);
  if (!gridded.length) return false;
  const first = payload.shown.find((name) => gridded.includes(name)) ?? gridded[0];
  fillSelect('triangle-value', gridded.map((name) => [name, name]), first).addEventListener('change', drawTriangle);
  element('triangle').addEventListener('mousemove', readNode);
  return true;
}

// The places of all rows (x, y) or null, for the corners chosen.
function rowPlaces(place) {
  if (!triangle.places.has(place)) {
    triangle.alloys ??= compositions(payload.alloys);
    const found = triangle.alloys.map((alloy) => shares(alloy, payload.corners[place]));
    triangle.places.set(place, found.map((parts) => parts && spot(parts)));
  }
  return triangle.places.get(place);
}

function trainingPlaces(place) {
  triangle.training ??= compositions(payload.training.alloys);
  return triangle.training.map((alloy) => shares(alloy, payload.corners[place])).map((parts) => parts && spot(parts));
}

// Edges and a line every 20 at.% as one trace, names and numbers as another: cheaper than shapes and annotations.
function frameTraces(corners) {
  const { text, quiet } = theme();
  const lines = [[[1, 0, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0]]];
  const grid = [0.2, 0.4, 0.6, 0.8].flatMap((share) => [
    [[share, 1 - share, 0], [share, 0, 1 - share]], [[1 - share, share, 0], [0, share, 1 - share]],
    [[1 - share, 0, share], [0, 1 - share, share]],
  ]);
  const path = (ends) => ends.flatMap(([from, to]) => [spot(from), spot(to), [null, null]]);
  const trace = (ends, line) => ({ type: 'scatter', mode: 'lines', x: path(ends).map(([x]) => x), y: path(ends).map(([, y]) => y),
    line, hoverinfo: 'skip', showlegend: false });
  return [trace(grid, { color: quiet, width: 0.6, dash: 'dot' }), trace(lines, { color: text, width: 1.4 }), ...frameTexts(corners)];
}

function frameTexts(corners) {
  const { text, quiet } = theme();
  const write = (labels, font) => ({ type: 'scatter', mode: 'text', x: labels.map(([[x]]) => x), y: labels.map(([[, y]]) => y),
    text: labels.map(([, said]) => said), textposition: labels.map(([, , side]) => side), textfont: font, hoverinfo: 'skip',
    showlegend: false, cliponaxis: false });
  const numbersAt = [20, 40, 60, 80].flatMap((percent) => {
    const share = percent / 100;
    return [[spot([1 - share, share, 0]), String(percent), 'bottom center'], [spot([0, 1 - share, share]), String(percent), 'middle right'],
      [spot([share, 0, 1 - share]), `${percent} `, 'middle left']];
  });
  const [left, right, top] = corners.map((corner) => `<b>${plain(corner)}</b>`);
  const names = [[[0, -0.035], left, 'bottom left'], [[1, -0.035], right, 'bottom right'], [[0.5, HEIGHT + 0.01], top, 'top center'],
    [[0.5, -0.06], 'at.%', 'bottom center']];
  return [write(numbersAt, { size: 11, color: quiet }), write(names, { size: 14, color: text })];
}

function marks(rows, places, names, marker, name) {
  return { type: 'scatter', mode: 'markers', x: rows.map((row) => places[row][0]), y: rows.map((row) => places[row][1]),
    text: rows.map((row) => plain(names[row])), marker, hovertemplate: '%{text}<extra></extra>', name, showlegend: true,
    selected: { marker: {} }, unselected: { marker: {} } };
}

function rowTraces(rows, places, value, column) {
  const { ground, accent } = theme();
  const chosen = (row) => selection.rows !== null && selection.rows.has(row);
  if (value) {
    const marker = { size: 8, color: rows.map((row) => (chosen(row) ? accent : '#ffffff')), opacity: opacities(rows, 0.35),
      line: { color: '#000000', width: 1.2 } };
    return [marks(rows, places, formulas(), marker, 'best of the result'), barTrace(value, [value.low, value.high], CIVIDIS)];
  }
  const [low, high] = extent(numbers(column));
  const marker = { size: rows.length > 500 ? 5 : 8, color: rows.map((row) => numbers(column)[row]), cmin: low, cmax: high, colorscale: scaleOf(pointColours()),
    opacity: opacities(rows, 0.1), line: { color: ground, width: 0.4 } };
  return [marks(rows, places, formulas(), marker, 'alloys of the result'), barTrace(column, [low, high], pointColours())];
}

async function drawTriangle() {
  const place = Number(element('triangle-corners').value);
  const name = element('triangle-value').value;
  const grid = payload.grids[place];
  const value = grid?.values[name];
  const places = rowPlaces(place);
  const chosen = selection.rows === null ? [] : [...selection.rows].slice(0, MOST_MARKS);
  const asked = value ? [...new Set([...allRows.slice(0, WINNERS), ...chosen])] : markedRows([]);
  // Selected ones last, on top of the others.
  const rows = asked.filter((row) => places[row]).sort((one, other) => isSelected(one) - isSelected(other));
  const learnedAt = trainingPlaces(place);
  const learned = learnedAt.map((_, row) => row).filter((row) => learnedAt[row]);
  const cross = { size: 5, symbol: 'x-thin', color: CROSS, line: { width: 1.3, color: CROSS } };
  const traces = [...frameTraces(payload.corners[place]), marks(learned, learnedAt, payload.training.formulas, cross, 'training alloys'),
    ...rowTraces(rows, places, value, byName.get(name))];
  triangleNote(value ? asked.length : 0, places, learned.length);
  const hidden = { visible: false, fixedrange: true };
  const drawn = layout({ margin: { l: 10, r: 10, t: 34, b: 70 }, images: value ? [spaceImage(grid, value)] : [],
    xaxis: { ...hidden, range: [-0.1, 1.1] }, yaxis: { ...hidden, range: [-0.12, HEIGHT + 0.08], scaleanchor: 'x' }, dragmode: 'lasso',
    showlegend: true, legend: { x: 0, y: 1, bgcolor: 'rgba(0,0,0,0)', font: { size: 12 } } });
  await Plotly.react('triangle', traces, drawn, CONFIG);
  listenToDrags(element('triangle'), (row) => rowPlaces(Number(element('triangle-corners').value))[row]);
}

function triangleNote(marked, places, learned) {
  const said = [];
  if (marked && rowCount > WINNERS) said.push(`Circles: the first ${WINNERS} alloys of the result, and those selected.`);
  const outside = places.filter((each) => !each).length;
  if (outside) said.push(`${outside.toLocaleString('en')} alloys do not lie in this triangle.`);
  const missing = payload.training.formulas.length - learned;
  if (missing) said.push(`${missing.toLocaleString('en')} training alloys hold other elements and are not drawn.`);
  element('triangle-note').textContent = said.join(' ');
}
