/* sleep: waits for an hour within the host (poll_oneoff), where no epoch can reach it. */
#include <time.h>

#include "fabric.h"

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  struct timespec hour = {.tv_sec = 3600};
  nanosleep(&hour, NULL);
}
