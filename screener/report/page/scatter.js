// Two columns against each other, with the alloys that none beats in both.

function buildScatter() {
  const names = numericColumns.map((column) => [column.name, column.name]);
  for (const part of ['x', 'y', 'colour']) {
    fillSelect(`scatter-${part}`, names, payload.axes[part]).addEventListener('change', () => {
      if (part !== 'colour') setDirection(part);
      drawScatter();
    });
  }
  for (const part of ['x', 'y']) {
    element(`scatter-${part}-less`).addEventListener('change', drawScatter);
    setDirection(part);
  }
}

function setDirection(part) {
  element(`scatter-${part}-less`).checked = byName.get(element(`scatter-${part}`).value)?.better === 'min';
}

// Alloys that none beats in both columns, in order along the first.
function paretoFront(x, y, lessX, lessY) {
  const [signX, signY] = [lessX ? -1 : 1, lessY ? -1 : 1];
  const rows = allRows.filter((row) => Number.isFinite(x[row]) && Number.isFinite(y[row]));
  rows.sort((one, other) => signX * (x[other] - x[one]) || signY * (y[other] - y[one]) || one - other);
  const front = [];
  let best = -Infinity;
  for (const row of rows) {
    const twin = front.length && x[front.at(-1)] === x[row] && y[front.at(-1)] === y[row];
    if (signY * y[row] > best || twin) {
      front.push(row);
      best = signY * y[row];
    }
  }
  return front;
}

const padded = ([low, high]) => {
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  return [low - room, high + room];
};

// All points as an image over the given ranges; the browser would choke on a mark for each.
function pointImage(x, y, colours, [left, right], [low, high]) {
  const canvas = document.createElement('canvas');
  const chart = element('scatter');
  const plane = chart.querySelector('.nsewdrag')?.getBoundingClientRect();
  const [across, up] = plane ? [plane.width, plane.height] : [chart.clientWidth - 190, chart.clientHeight - 90];
  const density = Math.min(2, window.devicePixelRatio || 1);
  [canvas.width, canvas.height] = [Math.max(1, across * density), Math.max(1, up * density)];
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(canvas.width, canvas.height);
  const dot = dotOffsets(2.3 * density);
  const shades = Array.from({ length: 256 }, (_, place) => shade(place / 255, pointColours()));
  const [from, to] = extent(colours);
  for (const chosen of [false, true]) {
    for (const row of allRows) {
      if (isSelected(row) !== chosen || !Number.isFinite(x[row]) || !Number.isFinite(y[row])) continue;
      const place = [((x[row] - left) / (right - left)) * canvas.width, ((high - y[row]) / (high - low)) * canvas.height];
      const share = (colours[row] - from) / (to - from || 1);
      paintDot(image, dot, place, Number.isFinite(share) ? shades[Math.round(255 * share)] : [128, 128, 128], chosen ? 235 : 35);
    }
  }
  pen.putImageData(image, 0, 0);
  return { source: canvas.toDataURL(), x: left, y: high, sizex: right - left, sizey: high - low, xref: 'x', yref: 'y',
    sizing: 'stretch', layer: 'below' };
}

function dotOffsets(radius) {
  const span = Array.from({ length: 2 * Math.ceil(radius) + 1 }, (_, place) => place - Math.ceil(radius));
  return span.flatMap((right) => span.map((down) => [right, down])).filter(([right, down]) => right ** 2 + down ** 2 <= radius ** 2);
}

function paintDot(image, dot, [x, y], [red, green, blue], alpha) {
  for (const [right, down] of dot) {
    const [column, line] = [Math.round(x) + right, Math.round(y) + down];
    if (column < 0 || line < 0 || column >= image.width || line >= image.height) continue;
    const place = 4 * (line * image.width + column);
    image.data[place] = red;
    image.data[place + 1] = green;
    image.data[place + 2] = blue;
    image.data[place + 3] = alpha;
  }
}

function scatterParts() {
  return ['x', 'y', 'colour'].map((part) => byName.get(element(`scatter-${part}`).value));
}

function frontTrace(front, x, y) {
  return { type: 'scatter', mode: 'lines', x: front.map((row) => x[row]), y: front.map((row) => y[row]),
    line: { color: theme().mark, width: 2 }, hoverinfo: 'skip' };
}

function pointTrace(rows, [across, up, colour]) {
  const of = (column) => rows.map((row) => numbers(column)[row]);
  const [low, high] = extent(numbers(colour));
  const many = rowCount > MOST_MARKS;
  return {
    type: 'scatter', mode: 'markers', x: of(across), y: of(up), text: rows.map((row) => plain(formulas()[row])),
    marker: { size: many ? 5 : 8, opacity: opacities(rows, many ? 0 : 0.12), color: of(colour), cmin: low, cmax: high,
      colorscale: scaleOf(pointColours()), showscale: true, colorbar: colourBar(colour), line: { width: many ? 0 : 0.7, color: theme().ground } },
    selected: { marker: {} }, unselected: { marker: {} },
    hovertemplate: `%{text}<br>${plain(across.name)} %{x:.4g}<br>${plain(up.name)} %{y:.4g}<extra></extra>`,
  };
}

async function drawScatter(ranges) {
  const parts = scatterParts();
  if (!parts[0]) return;
  const [x, y, colours] = parts.map(numbers);
  const front = paretoFront(x, y, element('scatter-x-less').checked, element('scatter-y-less').checked);
  element('front-count').textContent = `${front.length.toLocaleString('en')} of ${rowCount.toLocaleString('en')}`;
  const [wide, tall] = Array.isArray(ranges) ? ranges : [padded(extent(x)), padded(extent(y))];
  const images = rowCount > MOST_MARKS ? [pointImage(x, y, colours, wide, tall)] : [];
  const drawn = layout({ xaxis: axis(parts[0].axis, { range: wide }), yaxis: axis(parts[1].axis, { range: tall }), images,
    dragmode: 'select' });
  const chart = element('scatter');
  await Plotly.react(chart, [pointTrace(markedRows(front), parts), frontTrace(front, x, y)], drawn, CONFIG);
  listenToDrags(chart, (row) => {
    const [one, other] = scatterParts();
    return [numbers(one)[row], numbers(other)[row]];
  });
  if (!chart.dataset.zooms) chart.on('plotly_relayout', redrawZoomed);
  chart.dataset.zooms = 'yes';
}

const scatterRanges = () => {
  const { xaxis, yaxis } = element('scatter').layout;
  return [[...xaxis.range], [...yaxis.range]];
};

// The image of the points is drawn for the ranges in sight.
function redrawZoomed(change) {
  if (rowCount > MOST_MARKS && Object.keys(change).some((key) => /^[xy]axis\.range|autorange/.test(key))) {
    drawScatter(scatterRanges());
  }
}

function selectionInScatter() {
  return element('scatter').layout ? drawScatter(scatterRanges()) : undefined;
}
