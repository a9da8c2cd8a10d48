/* recursion: calls itself until the stack is used up: wasm's own, not the one that C keeps in memory. */
#include "fabric.h"

static volatile uint32_t bottom;

__attribute__((noinline)) static uint32_t deeper(uint32_t depth) {
  return depth == bottom ? 1 : deeper(depth + 1) ^ bottom;
}

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  fabric_print(out, "%u\n", deeper(1));
}
