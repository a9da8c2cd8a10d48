/* caller: asks other services, and the world where it may. `/call?url=…` fetches, `/storm?n=…` asks again and again. */
#define FABRIC_CALLS
#include "fabric.h"

static void call(const fabric_request *in, fabric_answer *out) {
  fabric_bytes given = fabric_parameter(in, "url");
  fabric_reply reply = fabric_call(in->body.n ? "POST" : "GET", given, in->body);
  fabric_header(out, "content-type", "application/json");
  if (reply.error || reply.status == 0) out->status = 502;
  fabric_print(out, "{\"error\": %d, \"status\": %u, \"body\": ", reply.error, reply.status);
  fabric_quote(out, reply.body.at, reply.body.n);
  fabric_write(out, "}\n");
  free(reply.memory);
}

static void storm(const fabric_request *in, fabric_answer *out) {
  uint32_t n = fabric_number(in, "n", 100), good = 0;
  for (uint32_t i = 0; i < n; i++) {
    fabric_reply reply = fabric_call("GET", fabric_parameter(in, "url"), (fabric_bytes){"", 0});
    good += reply.status == 200;
    free(reply.memory);
  }
  fabric_header(out, "content-type", "application/json");
  fabric_print(out, "{\"asked\": %u, \"good\": %u}\n", n, good);
}

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/call")) return call(in, out);
  if (fabric_is(in->path, "/storm")) return storm(in, out);
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  out->status = 404;
}
