// The space behind the triangle: a value on every node of a triangular lattice, as an image and as a text.

const PICTURE = 700;
const GAP = 65535;

function nodesOf(value) {
  if (typeof value.nodes === 'string') value.nodes = wholeNumbers(value.nodes);
  return value.nodes;
}

// Nearest node of the triangular lattice: round all three amounts, mend the one that moved most.
function node(first, second, third, units) {
  let [a, b, c] = [Math.round(first), Math.round(second), Math.round(third)];
  const [da, db, dc] = [Math.abs(a - first), Math.abs(b - second), Math.abs(c - third)];
  if (da > db && da > dc) a = units - b - c;
  else if (db > dc) b = units - a - c;
  return a < 0 || b < 0 || a + b > units ? -1 : a * (units + 1) + b;
}

function spaceImage(grid, value) {
  value.image ??= paintedSpace(nodesOf(value), grid.units);
  return { source: value.image, x: 0, y: HEIGHT, sizex: 1, sizey: HEIGHT, xref: 'x', yref: 'y', sizing: 'stretch', layer: 'below' };
}

function paintedSpace(nodes, units) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [PICTURE, Math.round(PICTURE * HEIGHT)];
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(canvas.width, canvas.height);
  const colours = Array.from({ length: 256 }, (_, place) => [...shade(place / 255), 255]);
  for (let line = 0; line < canvas.height; line++) {
    const third = 1 - (line + 0.5) / canvas.height;
    for (let dot = 0; dot < canvas.width; dot++) {
      const second = (dot + 0.5) / canvas.width - third / 2;
      const first = 1 - second - third;
      if (first < 0 || second < 0) continue;
      const found = node(first * units, second * units, third * units, units);
      if (found < 0 || nodes[found] === GAP) continue;
      image.data.set(colours[Math.round((nodes[found] / (GAP - 1)) * 255)], 4 * (line * canvas.width + dot));
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

// Say what lies under the pointer.
function readNode(event) {
  const chart = element('triangle');
  const plane = chart.querySelector('.nsewdrag')?.getBoundingClientRect();
  const place = Number(element('triangle-corners').value);
  const grid = payload.grids[place];
  const value = grid?.values[element('triangle-value').value];
  const { xaxis, yaxis } = chart._fullLayout ?? {};
  if (!plane || !value || !xaxis) return;
  const [x, y] = [xaxis.p2d(event.clientX - plane.left), yaxis.p2d(event.clientY - plane.top)];
  const third = y / HEIGHT;
  const second = x - third / 2;
  const { units } = grid;
  const found = node((1 - second - third) * units, second * units, third * units, units);
  const number = found < 0 ? GAP : nodesOf(value)[found];
  element('triangle-reading').textContent = number === undefined || number === GAP ? '' : nodeText(grid, value, place, found, number);
}

function nodeText(grid, value, place, found, number) {
  const [first, second] = [Math.floor(found / (grid.units + 1)), found % (grid.units + 1)];
  const parts = [first, second, grid.units - first - second].map((part) => Number(((100 * part) / grid.units).toFixed(2)));
  const amounts = payload.corners[place].map((corner, each) => `${corner} ${parts[each]}`).join(', ');
  return `${amounts} at.%: ${(value.low + (number / (GAP - 1)) * (value.high - value.low)).toPrecision(4)}`;
}
