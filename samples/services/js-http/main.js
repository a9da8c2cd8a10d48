// Fabric's JavaScript runtime: loads /app's handler once, then answers request after request.
import * as std from "qjs:std";
import * as fabric from "./fabric.js";

const PAGE =
  "<!doctype html><title>No handler</title><p>This JavaScript service has no handler yet: " +
  "export <code>handler</code> from <code>app.js</code>.\n";

function output(...values) {
  fabric.send(fabric.OUTPUT, fabric.bytes(values.map(shown).join(" ") + "\n"));
}

function shown(value) {
  if (value instanceof Error) return `${value}\n${value.stack}`;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** stdout belongs to the frames: what a handler prints goes as frames too, and errors to stderr. */
globalThis.print = output;
console.log = console.info = console.debug = output;
console.warn = console.error = (...values) => std.err.puts(values.map(shown).join(" ") + "\n");
globalThis.fabric = { http_request: fabric.http_request };

/** File and export, from /app/.fabricks.toml. */
function entrypoint() {
  const written = std.loadFile("/app/.fabricks.toml") ?? "";
  const found = /^\s*entrypoint\s*=\s*["']([^:"']*):?([^"']*)["']/m.exec(written);
  const file = found?.[1] || "app.js";
  return [file.endsWith(".js") ? file : `${file}.js`, found?.[2] || "handler"];
}

/** Answers for a source without a handler. */
function nobody(request) {
  const headers = { "content-type": "text/plain; charset=utf-8" };
  if (request.path === "/health") return { status: 200, headers, body: "OK\n" };
  if (request.path !== "/") return { status: 404, headers, body: "Not found\n" };
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body: PAGE };
}

async function load() {
  const [file, name] = entrypoint();
  if (std.loadFile(`/app/${file}`) !== null) {
    const handler = (await import(`/app/${file}`))[name];
    if (handler) return handler;
  }
  console.error(`/app has no ${file}:${name}`);
  return nobody;
}

function parameters(query) {
  const pairs = query.split("&").filter((pair) => pair !== "");
  const decoded = (part) => {
    try {
      return decodeURIComponent(part.replaceAll("+", " "));
    } catch {
      return part;
    }
  };
  return Object.fromEntries(pairs.map((pair) => {
    const [name, ...rest] = pair.split("=");
    return [decoded(name), decoded(rest.join("="))];
  }));
}

/** One request's answer, as bytes. An exception is a 500 and its stack in the log. */
async function answer(handler, message) {
  try {
    const request = fabric.readRequest(message);
    request.params = parameters(request.query);
    request.url = `http://${request.headers.host ?? "localhost"}${request.path}${request.query && "?" + request.query}`;
    let { status = 200, headers = {}, body = "" } = await handler(request);
    if (typeof body !== "string" && !(body instanceof Uint8Array)) {
      body = JSON.stringify(body);
      const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
      if (!named) headers = { ...headers, "content-type": "application/json" };
    }
    return fabric.writeAnswer(status, headers, typeof body === "string" ? fabric.bytes(body) : body);
  } catch (error) {
    console.error(error);
    return fabric.writeAnswer(500, { "content-type": "text/plain; charset=utf-8" }, fabric.bytes("Internal error\n"));
  }
}

const handler = await load();
fabric.send(fabric.READY, new Uint8Array(0));
for (;;) {
  const [, message] = fabric.receive();
  fabric.send(fabric.ANSWER, await answer(handler, message));
}
