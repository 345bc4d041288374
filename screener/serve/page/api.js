// The JSON interface, drawn from its own description; nothing is loaded from elsewhere.

const element = (id) => document.getElementById(id);
const made = (name, text) => Object.assign(document.createElement(name), { textContent: text });

const described = await (await fetch('/api/openapi.json')).json();
const schemas = described.components.schemas;
const asks = Object.entries(described.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, what]) => ({ path, method: method.toUpperCase(), what })));

function typeOf(schema) {
  if (schema.enum) return schema.enum.join(' | ');
  return schema.items ? `list of ${schema.items.type}` : schema.type;
}

function drawPath({ path, method, what }) {
  const section = document.createElement('section');
  const heading = document.createElement('h2');
  const label = made('span', method);
  label.className = 'method';
  heading.append(label, made('code', path));
  section.append(heading, made('p', what.summary));
  const answers = Object.entries(what.responses).map(([status, answer]) => {
    const name = answer.content?.['application/json'].schema.$ref.split('/').at(-1);
    return `${status}: ${answer.description}${name ? ` ${name} {${Object.keys(schemas[name].properties).join(', ')}}` : ''}`;
  });
  const list = document.createElement('ul');
  list.className = 'quiet';
  for (const parameter of what.parameters ?? []) list.append(made('li', `${parameter.name} (${parameter.in}): ${parameter.description ?? ''} ${typeOf(parameter.schema)}`));
  for (const text of answers) list.append(made('li', text));
  section.append(list);
  return section;
}

function drawFields() {
  for (const [name, schema] of Object.entries(schemas.Request.properties)) {
    const row = document.createElement('tr');
    const head = document.createElement('td');
    head.append(made('code', name));
    const fallback = 'default' in schema ? JSON.stringify(schema.default) : '';
    row.append(head, made('td', typeOf(schema)), made('td', schema.description), made('td', fallback));
    element('fields').tBodies[0].append(row);
  }
}

function chosen() {
  const ask = asks[element('address').value];
  const address = ask.path.replace('{number}', element('number').value).replace('{suffix}', 'csv');
  return { ...ask, address, body: ask.what.requestBody ? element('body').value : undefined };
}

function showAsked() {
  const { method, address, body, path } = chosen();
  element('body-label').hidden = body === undefined;
  element('number-label').hidden = !path.includes('{number}');
  const data = body === undefined ? '' : ` -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`;
  element('curl').textContent = `curl${method === 'GET' ? '' : ` -X ${method}`} ${location.origin}${address}${data}`;
}

async function send() {
  const { method, address, body } = chosen();
  const answer = await fetch(address, { method, body, headers: body === undefined ? {} : { 'content-type': 'application/json' } });
  const text = await answer.text();
  let shown = text.slice(0, 20000);
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* a file or a page */ }
  element('answer').textContent = `${answer.status}\n${shown}`;
}

element('description').textContent = described.info.description;
asks.forEach(({ path, method }, place) => element('address').add(new Option(`${method} ${path}`, place)));
element('address').value = asks.findIndex(({ path }) => path === '/api/size');
element('body').value = JSON.stringify(schemas.Request.example, null, 2);
element('paths').append(...asks.map(drawPath));
drawFields();
for (const id of ['address', 'body', 'number']) element(id).addEventListener('input', showAsked);
element('send').addEventListener('click', send);
showAsked();
document.documentElement.dataset.ready = 'yes';
