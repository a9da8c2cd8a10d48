// The frames below Fabric's JavaScript runtime: <u32 n> <u8 kind> <n bytes> on 0 and 1, and the messages within.
import * as os from "qjs:os";
import * as std from "qjs:std";

export const REQUEST = 1, ANSWER = 2, HTTP_REQUEST = 3, HTTP_ANSWER = 4, OUTPUT = 5, READY = 6;

let pending = new Uint8Array(64 * 1024), from = 0, to = 0;

/** UTF-8 to text; what is no UTF-8 is read as Latin-1. */
export function text(bytes) {
  let read = "", plain = true;
  for (let at = 0; at < bytes.length; at += 4096) {
    read += String.fromCharCode.apply(null, bytes.subarray(at, at + 4096));
  }
  for (let at = 0; at < bytes.length && plain; at++) plain = bytes[at] < 0x80;
  if (plain) return read;
  try {
    return decodeURIComponent(escape(read));
  } catch {
    return read;
  }
}

/** Text to UTF-8. */
export function bytes(text) {
  const narrow = unescape(encodeURIComponent(text.toWellFormed()));
  const all = new Uint8Array(narrow.length);
  for (let at = 0; at < narrow.length; at++) all[at] = narrow.charCodeAt(at);
  return all;
}

/** Write one frame. */
export function send(kind, payload) {
  const frame = new Uint8Array(5 + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length, true);
  frame[4] = kind;
  frame.set(payload, 5);
  for (let at = 0; at < frame.length; ) {
    const put = os.write(1, frame.buffer, at, frame.length - at);
    if (put < 0) std.exit(1);
    at += put;
  }
}

/** Wait for one frame, [kind, payload]. Ends the guest when nobody will ask any more. */
export function receive() {
  for (;;) {
    if (to - from >= 5) {
      const view = new DataView(pending.buffer, from);
      const end = from + 5 + view.getUint32(0, true);
      if (to >= end) {
        const payload = pending.slice(from + 5, end), kind = pending[from + 4];
        from = end === to ? (to = 0) : end;
        return [kind, payload];
      }
      room(end - from);
    }
    if (to === pending.length) room(pending.length);
    const n = os.read(0, pending.buffer, to, pending.length - to);
    if (n <= 0) std.exit(n < 0 ? 1 : 0);
    to += n;
  }
}

function room(least) {
  const moved = least > pending.length - 1024 ? new Uint8Array(2 * least + 1024) : pending;
  if (moved === pending) moved.copyWithin(0, from, to);
  else moved.set(pending.subarray(from, to));
  pending = moved;
  to -= from;
  from = 0;
}

class Reader {
  constructor(message) {
    this.message = message;
    this.view = new DataView(message.buffer, message.byteOffset, message.length);
    this.at = 1;
  }
  take(n) {
    this.at += n;
    return this.message.subarray(this.at - n, this.at);
  }
  u16() {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }
  u32() {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }
  headers() {
    const headers = {};
    for (let left = this.u16(); left > 0; left--) {
      const name = text(this.take(this.u16())), value = text(this.take(this.u32()));
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    return headers;
  }
}

/** A request as a handler takes it, but for `params` and `url`. */
export function readRequest(message) {
  const reader = new Reader(message);
  const method = text(reader.take(reader.take(1)[0]));
  const path = text(reader.take(reader.u32()));
  const mark = path.indexOf("?");
  const headers = reader.headers();
  const body = reader.take(reader.u32());
  return {
    method,
    path: mark < 0 ? path : path.slice(0, mark),
    query: mark < 0 ? "" : path.slice(mark + 1),
    headers,
    body,
    text: () => text(body),
    json: () => JSON.parse(text(body)),
  };
}

/** Bytes that follow each other: numbers of 1, 2 and 4 bytes, and pieces. */
class Writer {
  constructor() {
    this.pieces = [];
    this.n = 0;
  }
  piece(all) {
    this.pieces.push(all);
    this.n += all.length;
    return this;
  }
  number(value, width) {
    const all = [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
    return this.piece(all.slice(0, width));
  }
  headers(headers) {
    const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    this.number(pairs.length, 2);
    for (const [name, value] of pairs) {
      const key = bytes(name.toLowerCase()), one = bytes(String(value));
      this.number(key.length, 2).piece(key).number(one.length, 4).piece(one);
    }
    return this;
  }
  done() {
    const all = new Uint8Array(this.n);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** An answer as bytes. */
export function writeAnswer(status, headers, body) {
  return new Writer().number(1, 1).number(status, 2).headers(headers).number(body.length, 4).piece(body).done();
}

/** Ask another service (`http://name/…`), or the world where the manifest grants it. Throws when it was refused. */
export function http_request(method, url, headers = {}, body = "") {
  const verb = bytes(method), target = bytes(url), data = typeof body === "string" ? bytes(body) : body;
  const request = new Writer().number(1, 1).number(verb.length, 1).piece(verb).number(target.length, 4).piece(target);
  send(HTTP_REQUEST, request.headers(headers).number(data.length, 4).piece(data).done());
  const [kind, message] = receive();
  if (kind !== HTTP_ANSWER) std.exit(1);
  const reader = new Reader(message);
  const status = reader.u16(), fields = reader.headers(), answer = reader.take(reader.u32());
  if (status === 0) throw new Error(text(answer));
  return { status, headers: fields, body: answer, text: () => text(answer), json: () => JSON.parse(text(answer)) };
}
