// greeter: the smallest warm reactor, in AssemblyScript.
import { Request, answered, log, quote } from "../sdk/assemblyscript/fabric";

export { fabric_alloc, fabric_free } from "../sdk/assemblyscript/fabric";

let greeted: u32 = 0;

export function handle(at: usize, n: u32): u64 {
  const request = new Request(at, n);
  if (request.path == "/health") return answered(200, "text/plain", "ok\n");
  if (request.path == "/echo") return answered(200, "text/plain", request.body);
  if (request.path == "/crash") throw new Error("asked to crash");
  if (request.path != "/") return answered(404, "application/json", '{"error": "no such path"}\n');
  const name = request.parameter("name");
  if (name == "") log("somebody without a name");
  const greeting = quote("Hello, " + (name == "" ? "stranger" : name) + "!");
  return answered(200, "application/json", `{"greeting": ${greeting}, "greeted": ${++greeted}}\n`);
}
