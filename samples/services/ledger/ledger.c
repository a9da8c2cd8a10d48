/* ledger: a book of entries, one line each, in /data/ledger: POST /entries adds one, GET /entries gives all of them. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fabric.h"

#define BOOK "/data/ledger"

static void json(fabric_answer *out) { fabric_header(out, "content-type", "application/json"); }

static void failed(fabric_answer *out, const char *what) {
  fprintf(stderr, "the book cannot be %s: %s\n", what, strerror(errno));
  out->status = errno == ENOSPC || errno == EFBIG ? 507 : 500;
  json(out);
  fabric_print(out, "{\"error\": \"the book cannot be %s\"}\n", what);
}

/* The whole book. Nothing yet is an empty book; lost is one that cannot be read. */
static fabric_text book(void) {
  fabric_text all = {0};
  char piece[4096];
  int file = open(BOOK, O_RDONLY);
  if (file < 0) {
    all.lost = errno != ENOENT;
    return all;
  }
  ssize_t n;
  while ((n = read(file, piece, sizeof piece)) > 0) fabric_add(&all, piece, (uint32_t)n);
  if (n < 0) all.lost = 1;
  close(file);
  return all;
}

static uint32_t lines(const fabric_text *all) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < all->n; i++) count += all->at[i] == '\n';
  return count;
}

static void list(fabric_answer *out) {
  fabric_text all = book();
  if (all.lost) return failed(out, "read");
  json(out);
  fabric_write(out, "[");
  uint32_t from = 0;
  for (uint32_t i = 0; i < all.n; i++) {
    if (all.at[i] != '\n') continue;
    if (from) fabric_write(out, ", ");
    fabric_add(&out->body, all.at + from, i - from);
    from = i + 1;
  }
  fabric_write(out, "]\n");
  free(all.at);
}

/* An entry is on the disk when it is answered. */
static void add(const fabric_request *in, fabric_answer *out) {
  if (in->body.n < 2 || in->body.at[0] != '{' || in->body.at[in->body.n - 1] != '}' ||
      memchr(in->body.at, '\n', in->body.n)) {
    out->status = 400;
    json(out);
    return fabric_write(out, "{\"error\": \"an entry is a JSON object on one line\"}\n");
  }
  fabric_text entry = {0};
  fabric_add(&entry, in->body.at, in->body.n);
  fabric_add(&entry, "\n", 1);
  int file = open(BOOK, O_WRONLY | O_CREAT | O_APPEND, 0644);
  int written = file >= 0 && !entry.lost && write(file, entry.at, entry.n) == (ssize_t)entry.n && fsync(file) == 0;
  free(entry.at);
  if (!written) failed(out, "written");
  if (file >= 0) close(file);
  if (!written) return;
  fabric_text all = book();
  out->status = 201;
  json(out);
  fabric_print(out, "{\"number\": %u, \"entry\": ", lines(&all));
  fabric_add(&out->body, in->body.at, in->body.n);
  fabric_write(out, "}\n");
  free(all.at);
}

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  if (fabric_is(in->path, "/entries")) return fabric_is(in->method, "POST") ? add(in, out) : list(out);
  out->status = 404;
}
