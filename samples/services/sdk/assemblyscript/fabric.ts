// An HTTP service in AssemblyScript, for the warm reactor ABI that docs/guests.md describes. A guest re-exports
// fabric_alloc and fabric_free from here, and its `handle` returns `answered(new Request(at, n), …)`.

/** A request, read out of the host's message. Header names are in lower case. */
export class Request {
  method: string = "";
  path: string = "";
  query: string = "";
  headers: Map<string, string> = new Map();
  body: string = "";
  private next: usize = 0;

  constructor(at: usize, n: u32) {
    if (load<u8>(at) != 1) throw new Error("another version of the format");
    this.next = at + 1;
    this.method = this.text(load<u8>(this.skip(1)));
    this.path = this.text(load<u32>(this.skip(4)));
    for (let left = load<u16>(this.skip(2)); left > 0; left--) {
      const name = this.text(load<u16>(this.skip(2)));
      this.headers.set(name, this.text(load<u32>(this.skip(4))));
    }
    this.body = this.text(load<u32>(this.skip(4)));
    if (this.next != at + n) throw new Error("lengths that do not fit the message");
    const mark = this.path.indexOf("?");
    if (mark >= 0) {
      this.query = this.path.substring(mark + 1);
      this.path = this.path.substring(0, mark);
    }
  }

  /** The query's parameter `name`, not decoded; "" if it is absent. */
  parameter(name: string): string {
    const pairs = this.query.split("&");
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i].startsWith(name + "=")) return pairs[i].substring(name.length + 1);
    }
    return "";
  }

  private skip(n: u32): usize {
    const at = this.next;
    this.next = at + n;
    return at;
  }

  private text(n: u32): string {
    return String.UTF8.decodeUnsafe(this.skip(n), n);
  }
}

/** Text within quotation marks, as JSON wants it. */
export function quote(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c == 0x22 || c == 0x5c) quoted += "\\";
    quoted += c < 0x20 ? "\\u" + c.toString(16).padStart(4, "0") : text.charAt(i);
  }
  return quoted + '"';
}

/** An answer as `handle` returns it: its address and its length in one number. */
export function answered(status: u16, type: string, body: string): u64 {
  const name = "content-type";
  const n = 1 + 2 + 2 + 2 + name.length + 4 + String.UTF8.byteLength(type) + 4 + String.UTF8.byteLength(body);
  const at = heap.alloc(n);
  store<u8>(at, 1);
  store<u16>(at + 1, status);
  store<u16>(at + 3, 1);
  store<u16>(at + 5, <u16>name.length);
  let next = put(at + 7, name);
  store<u32>(next, String.UTF8.byteLength(type));
  next = put(next + 4, type);
  store<u32>(next, String.UTF8.byteLength(body));
  put(next + 4, body);
  return ((<u64>at) << 32) | n;
}

function put(at: usize, text: string): usize {
  return at + String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
}

export function fabric_alloc(n: u32): usize {
  return heap.alloc(n);
}

export function fabric_free(at: usize, n: u32): void {
  heap.free(at);
}

@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, pieces: usize, count: u32, written: usize): u32;

/** A line to the service's log. */
export function log(text: string): void {
  const line = String.UTF8.encode(text + "\n");
  const piece = memory.data(12);
  store<usize>(piece, changetype<usize>(line));
  store<u32>(piece + 4, line.byteLength);
  fd_write(2, piece, 1, piece + 8);
}

/** What the compiler calls when the guest fails: a line to the log, then a trap. */
export function failed(message: string | null, file: string | null, line: u32, column: u32): void {
  log(`${message ? message : "failed"} (${file ? file : ""}:${line}:${column})`);
  unreachable();
}
