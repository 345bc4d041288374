// The list of runs: how far each is, and what can be done with it.

import { ask } from './ask.js';

const list = document.getElementById('runs');
const result = document.getElementById('result');
const count = (number) => number.toLocaleString('en');
const shown = { number: null, wanted: null, timer: 0 };

export function watch(number) {
  shown.wanted = number;
  refresh();
}

export async function refresh() {
  clearTimeout(shown.timer);
  let busy = true;
  try {
    const { runs } = await ask('GET', '/api/runs');
    document.getElementById('no-runs').hidden = runs.length > 0;
    draw(runs);
    busy = runs.some((run) => run.state === 'waiting' || run.state === 'running');
    const wanted = runs.find((run) => run.number === shown.wanted);
    if (wanted && wanted.state === 'done') {
      shown.wanted = null;
      show(wanted);
    }
  } catch (problem) {
    document.getElementById('no-runs').hidden = false;
    document.getElementById('no-runs').textContent = `The server does not answer: ${problem.message}`;
  }
  shown.timer = setTimeout(refresh, busy ? 400 : 5000);
}

function draw(runs) {
  const old = new Map([...list.children].map((line) => [line.dataset.number, line]));
  const lines = runs.map((run) => {
    const line = old.get(String(run.number)) ?? newLine(run);
    fill(line, run);
    return line;
  });
  if (lines.length !== list.children.length || lines.some((line, place) => list.children[place] !== line)) list.replaceChildren(...lines);
}

function newLine(run) {
  const line = document.createElement('li');
  line.dataset.number = run.number;
  const text = document.createElement('div');
  const what = document.createElement('div');
  what.textContent = `${run.number}. ${run.space}`;
  const state = document.createElement('span');
  state.className = 'state';
  state.setAttribute('role', 'status');
  const bar = document.createElement('progress');
  bar.max = 1;
  bar.setAttribute('aria-label', `progress of run ${run.number}`);
  const command = document.createElement('code');
  command.textContent = run.command;
  text.append(what, state, bar, command);
  const buttons = document.createElement('div');
  buttons.className = 'buttons';
  buttons.append(
    button('Show', 'show', run, async () => show(await ask('GET', `/api/runs/${run.number}`))),
    button('Cancel', 'cancel', run, async () => { await ask('POST', `/api/runs/${run.number}/cancel`); refresh(); }),
    button('Remove', 'remove', run, async () => {
      await ask('DELETE', `/api/runs/${run.number}`);
      if (shown.number === run.number) result.hidden = true;
      refresh();
    }),
  );
  line.append(text, buttons);
  return line;
}

function button(text, part, run, act) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.dataset.part = part;
  made.setAttribute('aria-label', `${text} run ${run.number}`);
  made.addEventListener('click', act);
  return made;
}

function fill(line, run) {
  const live = run.state === 'waiting' || run.state === 'running';
  line.dataset.state = run.state;
  const text = stateText(run);
  const state = line.querySelector('.state');
  if (state.textContent !== text) state.textContent = text;
  const bar = line.querySelector('progress');
  bar.hidden = !live;
  if (run.share === null) bar.removeAttribute('value');
  else bar.value = run.share;
  const enabled = { show: run.state === 'done' && run.rows > 0, cancel: live, remove: !live };
  for (const each of line.querySelectorAll('[data-part]')) each.hidden = !enabled[each.dataset.part];
}

function stateText(run) {
  if (run.state === 'failed') return `failed: ${run.problem.error}\n${run.problem.hint}`;
  if (run.state === 'done') return `done: ${count(run.rows)} kept of ${count(run.candidates)}, ${run.seconds.toFixed(1)} s`;
  if (run.state !== 'running') return run.state;
  const parts = [run.share === null ? 'running' : `${(100 * run.share).toFixed(run.share < 0.1 ? 1 : 0)} %`];
  if (run.rate) parts.push(`${count(run.rate)} candidates/s`);
  if (run.seconds_left !== null) parts.push(`${Math.ceil(run.seconds_left)} s left`);
  if (run.best) parts.push(`best so far: ${run.best}`);
  return parts.join(', ');
}

function show(run) {
  shown.number = run.number;
  result.hidden = !run.rows;
  if (!run.rows) return;
  document.getElementById('result-heading').textContent = `Result of run ${run.number}: ${run.elements.join('–')}`;
  const base = `/api/runs/${run.number}`;
  const links = [['csv', 'CSV'], ['parquet', 'Parquet'], ['jsonl', 'JSON lines']].map(([suffix, text]) => link(`${base}/result.${suffix}`, text, `download-${suffix}`));
  const alone = link(`${base}/report`, 'Open the report alone', 'open-report');
  alone.target = '_blank';
  document.getElementById('downloads').replaceChildren('Download: ', ...links.flatMap((each, place) => (place ? [', ', each] : [each])), '. ', alone);
  fillList('summary', run.summary);
  fillList('result-warnings', run.warnings.map((text) => `warning: ${text}`));
  document.getElementById('report').src = `${base}/report`;
  document.getElementById('result-heading').focus({ preventScroll: false });
}

function fillList(id, texts) {
  document.getElementById(id).replaceChildren(...texts.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
}

function link(href, text, id) {
  const made = document.createElement('a');
  Object.assign(made, { href, textContent: text, id });
  return made;
}
