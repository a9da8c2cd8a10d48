/* NAME: a plugin. POST /operations/{name} with the parameters as JSON; the answer is
 * {"output": ..., "events": [{"type": ..., "payload": ...}]}, and `events` may be left out. */
#include "plugin.h"

static void greet(const fabric_request *in, fabric_answer *out) {
  fabric_text name = plugin_text(in->body, "name");
  fabric_text greeting = {0};
  fabric_add(&greeting, "Hello, ", 7);
  fabric_add(&greeting, name.at, name.n);
  fabric_write(out, "{\"output\":{\"greeting\":");
  fabric_quote(out, greeting.at, greeting.n);
  fabric_write(out, "},\"events\":[{\"type\":\"greeted\",\"payload\":{\"name\":");
  fabric_quote(out, name.at, name.n);
  fabric_write(out, "}}]}");
  free(greeting.at);
  free(name.at);
}

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/operations/greet")) return greet(in, out);
  out->status = 404;
}
