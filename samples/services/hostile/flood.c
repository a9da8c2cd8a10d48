/* flood: writes to stdout and stderr for ever; `/?line=no` without a line's end. */
#include <unistd.h>

#include "fabric.h"

static void answer(const fabric_request *in, fabric_answer *out) {
  static char line[8192];
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  memset(line, 'x', sizeof line);
  if (!fabric_parameter(in, "line").n) line[99] = line[sizeof line - 1] = '\n';
  for (;;) {
    write(STDOUT_FILENO, line, sizeof line);
    write(STDERR_FILENO, line, sizeof line);
  }
}
