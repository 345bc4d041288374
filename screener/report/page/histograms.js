// Distribution of the main columns, with the selected alloys in front.

const BINS = 30;

function binned(values, rows, low, width) {
  const counts = new Array(BINS).fill(0);
  for (const row of rows) {
    const value = values[row];
    if (Number.isFinite(value)) counts[Math.min(BINS - 1, Math.floor((value - low) / width))] += 1;
  }
  return counts;
}

function histogramTraces(column, place, chosen) {
  const values = numbers(column);
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  const width = (high - low) / BINS || 1;
  const { quiet, accent } = theme();
  const bars = (rows, color, opacity) => ({
    type: 'bar', x: Array.from({ length: BINS }, (_, bin) => low + (bin + 0.5) * width), y: binned(values, rows, low, width),
    width, marker: { color, opacity }, xaxis: `x${place + 1}`, yaxis: `y${place + 1}`,
    hovertemplate: '%{y} alloys around %{x:.4g}<extra></extra>',
  });
  return chosen ? [bars(allRows, quiet, 0.35), bars(chosen, accent, 1)] : [bars(allRows, accent, 0.9)];
}

function drawHistograms() {
  const chart = element('histogram');
  const across = chart.clientWidth < 700 ? 2 : 3;
  const down = Math.ceil(shownColumns.length / across);
  if (!down) return undefined;
  const chosen = selection.rows === null ? null : [...selection.rows];
  const traces = shownColumns.flatMap((column, place) => histogramTraces(column, place, chosen));
  const axes = {};
  shownColumns.forEach((column, place) => {
    axes[`xaxis${place + 1}`] = axis('', { title: { text: wrapped(column.axis), standoff: 4 } });
    axes[`yaxis${place + 1}`] = axis(place % across ? '' : 'alloys');
  });
  const drawn = layout({ ...axes, barmode: 'overlay', bargap: 0.04, height: 250 * down, margin: { l: 56, r: 14, t: 14, b: 60 },
    grid: { rows: down, columns: across, pattern: 'independent', ygap: 0.5, xgap: 0.16 } });
  return Plotly.react(chart, traces, drawn, { ...CONFIG, displayModeBar: false });
}
