/* prober: tries what nobody granted, and says what came of it. `/open?path=…` `/list?path=…` `/make?path=…` `/socket` */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric.h"

extern char **environ;

static const char *name_of(const fabric_request *in) {
  static char path[512];
  fabric_bytes given = fabric_parameter(in, "path");
  uint32_t n = given.n < sizeof path ? given.n : (uint32_t)sizeof path - 1;
  memcpy(path, given.at, n);
  path[n] = 0;
  return path;
}

static void tell(fabric_answer *out, int worked) {
  out->status = worked ? 200 : 403;
  fabric_write(out, worked ? "it worked\n" : strerror(errno));
}

static void answer(const fabric_request *in, fabric_answer *out) {
  const char *path = name_of(in);
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  if (fabric_is(in->path, "/open")) return tell(out, open(path, O_RDONLY) >= 0);
  if (fabric_is(in->path, "/make")) return tell(out, open(path, O_WRONLY | O_CREAT, 0644) >= 0);
  if (fabric_is(in->path, "/list")) return tell(out, opendir(path) != NULL);
  if (fabric_is(in->path, "/link")) return tell(out, symlink("/etc/passwd", path) == 0);
  if (fabric_is(in->path, "/remove")) return tell(out, unlink(path) == 0);
  if (fabric_is(in->path, "/descriptor")) {
    char byte;
    for (int number = 3; number < 64; number++) {
      if (fcntl(number, F_GETFL) >= 0 || read(number, &byte, 1) >= 0) return tell(out, 1);
    }
    return tell(out, 0);
  }
  if (fabric_is(in->path, "/environment")) {
    for (char **at = environ; at && *at; at++) fabric_print(out, "%s\n", *at);
    return;
  }
  out->status = 404;
}
