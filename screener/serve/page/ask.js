// One request to the server; what it refuses becomes an error with its fact and hint.

export async function ask(method, address, value, signal) {
  const options = { method, signal };
  if (value !== undefined) Object.assign(options, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
  const answer = await fetch(address, options);
  if (answer.status === 204) return null;
  const found = await answer.json();
  if (answer.ok) return found;
  throw Object.assign(new Error(found.error), { hint: found.hint });
}
