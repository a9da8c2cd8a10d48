/* spin: never answers; works for ever without calling anybody. */
#include "fabric.h"

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  for (volatile uint32_t turns = 0;;) turns++;
}
