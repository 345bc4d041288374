// What every picture shares: colours, layout, and what lies inside an outline that was dragged.

const CIVIDIS = [
  [0, 32, 76], [0, 42, 102], [0, 52, 110], [39, 63, 108], [60, 74, 107], [76, 85, 107], [91, 95, 109], [104, 106, 112],
  [117, 117, 117], [131, 129, 120], [146, 140, 120], [161, 152, 118], [176, 165, 114], [192, 177, 109], [209, 191, 102],
  [225, 204, 92], [243, 219, 79], [255, 233, 69],
];
const scaleOf = (colours) => colours.map((colour, place) => [place / (colours.length - 1), `rgb(${colour.join(',')})`]);
const MOST_MARKS = 1000;
// Nothing leaves the page: the library would otherwise offer to send a chart to a server of its makers.
const CONFIG = { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: '', topojsonURL: 'data:,',
  modeBarButtonsToRemove: ['autoScale2d', 'toggleSpikelines', 'sendChartToCloud', 'sendDataToCloud'] };
const darkTheme = matchMedia('(prefers-color-scheme: dark)');
const allRows = Array.from({ length: rowCount }, (_, row) => row);

// Plotly reads a little HTML in texts; what comes from the result must stay text.
const plain = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const wrapped = (text) => plain(text).replace(/^(.{18,}?) /, '$1<br>');

function theme() {
  const style = getComputedStyle(document.documentElement);
  const names = ['text', 'quiet', 'line', 'accent', 'mark', 'ground', 'panel'];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function layout(more) {
  const { text, line, panel, quiet, accent } = theme();
  return {
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', margin: { l: 62, r: 16, t: 30, b: 52 },
    font: { family: 'system-ui, "Liberation Sans", sans-serif', size: 12.5, color: text },
    hoverlabel: { bgcolor: panel, bordercolor: line, font: { color: text } },
    newselection: { line: { color: accent } },
    showlegend: false, modebar: { bgcolor: 'rgba(0,0,0,0)', color: quiet, activecolor: accent }, ...more,
  };
}

function axis(title, more) {
  const { line } = theme();
  return { title: { text: plain(title) }, gridcolor: line, zeroline: false, linecolor: line, automargin: true, exponentformat: 'power', ...more };
}

function extent(values, rows = allRows) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) {
    if (Number.isFinite(values[row])) [low, high] = [Math.min(low, values[row]), Math.max(high, values[row])];
  }
  return low > high ? [0, 1] : [low, high];
}

// Colours of points, without the end of the scale that the ground would swallow.
const pointColours = () => (darkTheme.matches ? CIVIDIS.slice(4) : CIVIDIS.slice(0, 16));

function shade(share, colours = CIVIDIS) {
  const place = Math.max(0, Math.min(1, share)) * (colours.length - 1);
  const [below, part] = [Math.floor(place), place % 1];
  const next = colours[Math.min(below + 1, colours.length - 1)];
  return colours[below].map((value, channel) => Math.round(value + part * (next[channel] - value)));
}

function colourBar(column, more) {
  return { title: { text: wrapped(column.axis), side: 'right' }, thickness: 12, outlinewidth: 0, len: 0.95, ...more };
}

// A bar of colours by itself, for what is drawn as an image.
function barTrace(column, [low, high], colours) {
  const below = { orientation: 'h', y: -0.02, yanchor: 'top', len: 0.8, title: { text: plain(column.axis), side: 'bottom' } };
  return { type: 'scatter', mode: 'markers', x: [null], y: [null], hoverinfo: 'skip', showlegend: false,
    marker: { color: [low], cmin: low, cmax: high, colorscale: scaleOf(colours),
      showscale: true, colorbar: colourBar(column, below) } };
}

// Rows that get a mark of their own: all where they are few, else those that matter and an even draw of the others.
function markedRows(important) {
  if (rowCount <= MOST_MARKS) return allRows;
  const stride = Math.ceil(rowCount / MOST_MARKS);
  const chosen = selection.rows === null ? [] : [...selection.rows].slice(0, MOST_MARKS);
  return [...new Set([...important, ...chosen, ...allRows.filter((row) => row % stride === 0)])];
}

const isSelected = (row) => selection.rows === null || selection.rows.has(row);
const opacities = (rows, faint) => rows.map((row) => (isSelected(row) ? 1 : faint));

function insidePolygon(x, y, [xs, ys]) {
  let inside = false;
  for (let one = 0, other = xs.length - 1; one < xs.length; other = one++) {
    const crosses = ys[one] > y !== ys[other] > y;
    if (crosses && x < ((xs[other] - xs[one]) * (y - ys[one])) / (ys[other] - ys[one]) + xs[one]) inside = !inside;
  }
  return inside;
}

// Rows inside what was dragged, drawn as marks or not; `where` gives the place of a row, or null.
function rowsInside(event, where) {
  const outline = event.lassoPoints ? [event.lassoPoints.x, event.lassoPoints.y] : null;
  const [[left, right], [low, high]] = outline ? [[0, 0], [0, 0]]
    : [event.range.x.toSorted((a, b) => a - b), event.range.y.toSorted((a, b) => a - b)];
  return allRows.filter((row) => {
    const [x, y] = where(row) ?? [NaN, NaN];
    return outline ? insidePolygon(x, y, outline) : x >= left && x <= right && y >= low && y <= high;
  });
}

// Tell the selection what was drawn around; once for each picture.
function listenToDrags(chart, where) {
  chart.dragged = where;
  if (chart.dataset.listens) return;
  chart.dataset.listens = 'yes';
  chart.on('plotly_selected', (event) => {
    if (event && (event.range || event.lassoPoints)) selection.set(rowsInside(event, chart.dragged), chart.id);
  });
  chart.on('plotly_deselect', () => selection.set(null, chart.id));
}
