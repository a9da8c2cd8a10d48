/* storm: calls the host as fast as it can, for ever. */
#include <time.h>
#include <unistd.h>

#include "fabric.h"

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  struct timespec now;
  char bytes[64];
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    write(STDOUT_FILENO, "", 0);
    getentropy(bytes, sizeof bytes);
  }
}
