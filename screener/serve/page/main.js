// The page: the form asks, the size is shown while it changes, Start puts a run into the queue.

import { ask } from './ask.js';
import { buildElements } from './elements.js';
import { addObjective, choose, chosenElements, field, request, showLimits } from './question.js';
import { refresh, watch } from './runs.js';

const element = (id) => document.getElementById(id);
const state = { timer: 0, latest: 0, showChosen: null };
const WAIT = 350;

function toggle(symbol) {
  const chosen = chosenElements();
  choose(chosen.includes(symbol) ? chosen.filter((each) => each !== symbol) : [...chosen, symbol]);
  changed();
}

// Something was written: count at once, measure when the hands rest.
function changed() {
  state.showChosen(chosenElements());
  showLimits();
  asked();
}

function asked() {
  clearTimeout(state.timer);
  state.latest += 1;
  element('start').disabled = !chosenElements().length;
  if (!chosenElements().length) {
    say({ size: 'Choose at least one element.', notes: [], command: '' });
    return;
  }
  const turn = state.latest;
  state.timer = setTimeout(() => count(turn), WAIT / 3);
}

async function count(turn) {
  const sent = request();
  try {
    const size = await ask('POST', '/api/size', sent);
    if (turn !== state.latest) return;
    say({ size: `${size.candidates.toLocaleString('en')} candidates; measuring the time …`, notes: size.notes, command: size.command });
    await new Promise((resolve) => { setTimeout(resolve, WAIT); });
    if (turn !== state.latest) return;
    const found = await ask('POST', '/api/estimate', sent);
    if (turn === state.latest) say({ size: sizeText(found), notes: found.notes, command: found.command });
  } catch (problem) {
    if (turn === state.latest) refuse(problem);
  }
}

function sizeText(found) {
  const many = `${found.candidates.toLocaleString('en')} candidate${found.candidates === 1 ? '' : 's'}`;
  const time = found.time === null ? 'the best are proved without scoring every one; how long that takes is not known beforehand'
    : `about ${found.time}`;
  return `${many}: ${time}, ${found.megabytes.toLocaleString('en')} MB of memory`;
}

function say({ size, notes, command }) {
  element('size').textContent = size;
  element('problem').hidden = true;
  element('notes').replaceChildren(...notes.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }));
  element('command').textContent = command;
  element('copy').disabled = !command;
  element('copy').textContent = 'Copy';
}

function refuse(problem) {
  element('size').textContent = 'This cannot be run yet.';
  element('problem').hidden = false;
  element('problem').textContent = problem.hint ? `${problem.message}\n${problem.hint}` : problem.message;
  element('notes').replaceChildren();
  element('start').disabled = true;
}

async function start(event) {
  event.preventDefault();
  if (!chosenElements().length) return;
  try {
    const run = await ask('POST', '/api/runs', request());
    watch(run.number);
    element('runs-heading').scrollIntoView({ block: 'start' });
  } catch (problem) {
    refuse(problem);
  }
}

async function copy() {
  const text = element('command').textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(element('command'));
    document.execCommand('copy');
  }
  element('copy').textContent = 'Copied';
}

async function open() {
  const there = await ask('GET', '/api/installed');
  element('about').textContent = `alloy-screener ${there.version}, models ${there.models.digest}, device ${there.device}.`;
  state.showChosen = buildElements(element('periodic'), there.elements, toggle);
  const process = field('process');
  process.add(new Option(there.processes.length ? 'default' : 'none known', ''));
  for (const name of there.processes) process.add(new Option(name, name));
  element('columns').replaceChildren(...there.columns.map((column) => new Option(column.unit ? `${column.words} (${column.unit})` : column.words, column.name)));
  element('add-objective').addEventListener('click', () => addObjective(there.columns, asked));
  element('form').addEventListener('input', (event) => (event.target.id === 'elements' ? changed() : asked()));
  element('form').addEventListener('submit', start);
  element('copy').addEventListener('click', copy);
  changed();
  await refresh();
  document.documentElement.dataset.ready = 'yes';
}

open();
