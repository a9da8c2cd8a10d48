// cart: a JavaScript service that keeps carts in memory, and asks others for prices when it is told to.
const carts = new Map();

const json = (status, body) => ({ status, body });

function shown(id) {
  const lines = carts.get(id) ?? [];
  return json(200, { cart: id, lines, count: lines.reduce((sum, line) => sum + line.count, 0) });
}

function added(id, request) {
  const { item, count = 1 } = request.json();
  if (!item || !(count > 0)) return json(400, { error: "a line has an item and a count above 0" });
  const lines = carts.get(id) ?? carts.set(id, []).get(id);
  const line = lines.find((one) => one.item === item);
  if (line) line.count += count;
  else lines.push({ item, count });
  console.log(`cart ${id} has ${count} more of ${item}`);
  return json(201, { cart: id, lines });
}

function called(url) {
  try {
    const got = fabric.http_request("GET", url);
    return json(200, { status: got.status, body: got.text() });
  } catch (refusal) {
    return json(502, { refused: refusal.message });
  }
}

export async function handler(request) {
  const [, first, id] = request.path.split("/");
  if (first === "health") return { status: 200, headers: { "content-type": "text/plain" }, body: "ok\n" };
  if (first === "carts" && id && request.method === "DELETE") return json(200, { cart: id, removed: carts.delete(id) });
  if (first === "carts" && id) return request.method === "POST" ? added(id, request) : shown(id);
  if (first === "echo") return { headers: { "content-type": "application/octet-stream" }, body: request.body };
  if (first === "request") return json(200, { ...request, body: request.body.length });
  if (first === "crash") throw new Error("asked to crash");
  if (first === "call") return called(request.params.url);
  return json(404, { error: "no such path" });
}
