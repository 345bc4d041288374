// The periodic table: a button for each element, one stop of the Tab key, arrow keys within.

const ROWS = [
  'H . . . . . . . . . . . . . . . . He',
  'Li Be . . . . . . . . . . B C N O F Ne',
  'Na Mg . . . . . . . . . . Al Si P S Cl Ar',
  'K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr',
  'Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe',
  'Cs Ba . Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn',
  '. . . La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu',
  '. . . Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr',
].map((row) => row.split(' '));

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// Fill `table`; `toggle` hears which element was pressed. Returns a function that shows which are chosen.
export function buildElements(table, known, toggle) {
  const buttons = new Map();
  const targets = Math.max(...known.map((each) => each.unknown_to.length), 1);
  const bySymbol = new Map(known.map((each) => [each.symbol, each]));
  ROWS.forEach((row, line) => row.forEach((symbol, column) => {
    if (symbol === '.') return;
    const button = elementButton(symbol, bySymbol.get(symbol), targets);
    button.style.gridRow = String(line < 6 ? line + 1 : line + 2);
    button.style.gridColumn = String(column + 1);
    button.addEventListener('click', () => toggle(symbol));
    buttons.set(symbol, { button, line, column });
    table.append(button);
  }));
  const room = document.createElement('span');
  room.className = 'room';
  room.style.gridRow = '7';
  table.append(room);
  const first = buttons.get('Al').button;
  first.tabIndex = 0;
  table.addEventListener('keydown', (event) => move(event, buttons));
  return (chosen) => {
    for (const [symbol, { button }] of buttons) button.setAttribute('aria-pressed', String(chosen.includes(symbol)));
  };
}

function elementButton(symbol, known, targets) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = symbol;
  button.tabIndex = -1;
  button.dataset.symbol = symbol;
  button.disabled = !known;
  const blind = known?.unknown_to ?? [];
  if (blind.length) button.className = blind.length === targets && targets > 1 ? 'unknown' : 'some';
  button.title = !known ? `${symbol}: no alloy data` : blind.length ? `${symbol}: unknown to the models of ${blind.join(', ')}` : symbol;
  return button;
}

// Go to the next element in a direction, over gaps and elements without data.
function move(event, buttons) {
  const step = STEPS[event.key];
  const here = [...buttons.values()].find((each) => each.button === document.activeElement);
  if (!step || !here) return;
  event.preventDefault();
  let [line, column] = [here.line, here.column];
  for (;;) {
    [line, column] = [line + step[0], column + step[1]];
    if (line < 0 || line >= ROWS.length || column < 0 || column >= 18) return;
    const next = buttons.get(ROWS[line][column])?.button;
    if (!next || next.disabled) continue;
    here.button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return;
  }
}
