// The form: what it asks, as the request of the JSON interface.

const form = document.getElementById('form');
const limits = document.getElementById('limits');
const objectives = document.getElementById('objectives');
const NUMBERS = ['top', 'sample', 'seed', 'recall', 'threshold', 'prior', 'time_limit', 'diverse', 'near'];
const TEXTS = ['step', 'components', 'where', 'rank_by', 'process', 'tier', 'search', 'classifier'];
const TICKS = ['pareto', 'with_descriptors', 'strict'];
// Not `form.elements`: the field of that name hides it.
export const field = (name) => form.querySelector(`[name="${name}"]`);

export const chosenElements = () => field('elements').value.split(/[\s,]+/).filter(Boolean);

export function choose(symbols) {
  field('elements').value = symbols.join(',');
}

// Limits of each chosen element; what was written for one that stays is kept.
export function showLimits() {
  document.getElementById('limits-text').hidden = !chosenElements().length;
  const kept = new Map([...limits.querySelectorAll('input')].map((input) => [input.id, input.value]));
  limits.replaceChildren(...chosenElements().map((symbol) => {
    const set = document.createElement('fieldset');
    const legend = document.createElement('legend');
    legend.textContent = symbol;
    const inputs = ['from', 'to'].map((end) => {
      const input = document.createElement('input');
      Object.assign(input, { type: 'number', min: 0, max: 100, step: 'any', id: `${end}-${symbol}`, placeholder: end === 'from' ? '0' : '100' });
      input.setAttribute('aria-label', `${symbol} ${end}, at.%`);
      input.value = kept.get(input.id) ?? '';
      return input;
    });
    set.append(legend, inputs[0], '–', inputs[1]);
    return set;
  }));
}

export function addObjective(columns, changed) {
  const row = document.createElement('div');
  row.className = 'objective';
  const direction = select('Direction', [['maximize', 'high'], ['minimize', 'low']]);
  const named = new Set([...objectives.querySelectorAll('select[data-part="column"]')].map((each) => each.value));
  const numeric = columns.filter((column) => column.kind === 'number');
  const column = select('Column', numeric.map((each) => [each.name, each.unit ? `${each.name} (${each.unit})` : each.name]));
  column.control.dataset.part = 'column';
  column.control.value = (numeric.find((each) => !named.has(each.name)) ?? numeric[0]).name;
  const turn = () => {
    direction.control.value = numeric.find((each) => each.name === column.control.value).better === 'min' ? 'minimize' : 'maximize';
  };
  column.control.addEventListener('change', turn);
  turn();
  const range = ['from', 'to'].map((end) => {
    const label = document.createElement('label');
    const input = document.createElement('input');
    Object.assign(input, { type: 'number', step: 'any', placeholder: 'default' });
    input.dataset.part = end;
    label.append(`Range ${end}`, input);
    return label;
  });
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = 'Remove';
  remove.addEventListener('click', () => { row.remove(); changed(); });
  direction.control.dataset.part = 'direction';
  row.append(direction.label, column.label, ...range, remove);
  objectives.append(row);
  column.control.focus();
  changed();
}

function select(text, options) {
  const label = document.createElement('label');
  const control = document.createElement('select');
  for (const [value, said] of options) control.add(new Option(said, value));
  label.append(text, control);
  return { label, control };
}

// What the form asks; what is empty stays out.
export function request() {
  const asked = { elements: chosenElements().join(',') };
  for (const name of TEXTS) if (field(name).value.trim()) asked[name] = field(name).value.trim();
  for (const name of NUMBERS) if (field(name).value !== '') asked[name] = Number(field(name).value);
  for (const name of TICKS) if (field(name).checked) asked[name] = true;
  const bounds = chosenElements().map((symbol) => {
    const [from, to] = ['from', 'to'].map((end) => document.getElementById(`${end}-${symbol}`)?.value ?? '');
    return from === '' && to === '' ? '' : `${symbol}=${from || 0}:${to || 100}`;
  }).filter(Boolean);
  if (bounds.length) asked.bounds = bounds.join(',');
  const sums = field('sums').value.split(/[;,]\s*/).filter((text) => text.trim());
  if (sums.length) asked.sums = sums;
  for (const row of objectives.children) {
    const [direction, column, from, to] = ['direction', 'column', 'from', 'to'].map((part) => row.querySelector(`[data-part="${part}"]`).value);
    const text = from === '' && to === '' ? column : `${column}=${from}:${to}`;
    (asked[direction] ??= []).push(text);
  }
  return asked;
}
