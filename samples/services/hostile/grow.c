/* grow: takes all the memory it can get, touches every page of it for ever, and asks for more. */
#include "fabric.h"

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  for (;;) {
    __builtin_wasm_memory_grow(0, 16);
    size_t end = __builtin_wasm_memory_size(0) * 65536u;
    for (size_t at = end / 2; at < end; at += 4096) *(volatile char *)at += 1;
  }
}
