/* hello: one C file that shows what an HTTP guest can do, and what happens to it when it does it badly. */
#include <dirent.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "fabric.h"

extern char **environ;

static uint32_t count;      /* lives as long as the instance */
static void *volatile kept; /* the memory that /grow took, as a list */

static void json(fabric_answer *out) { fabric_header(out, "content-type", "application/json"); }

static void error(fabric_answer *out, uint16_t status, const char *why) {
  out->status = status;
  json(out);
  fabric_write(out, "{\"error\": ");
  fabric_quote(out, why, (uint32_t)strlen(why));
  fabric_write(out, "}\n");
}

static void greet(const fabric_request *in, fabric_answer *out) {
  (void)in;
  json(out);
  fabric_write(out, "{\"hello\": \"world\"}\n");
}

static void health(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_header(out, "content-type", "text/plain");
  fabric_write(out, "ok\n");
}

/* The body as it came, with its own content type. */
static void echo(const fabric_request *in, fabric_answer *out) {
  char type[128] = "application/octet-stream";
  fabric_bytes given = fabric_header_of(in, "content-type");
  if (given.n && given.n < sizeof type) {
    memcpy(type, given.at, given.n);
    type[given.n] = 0;
  }
  fabric_header(out, "content-type", type);
  fabric_add(&out->body, in->body.at, in->body.n);
}

/* What the guest was told of the request. */
static void request(const fabric_request *in, fabric_answer *out) {
  json(out);
  fabric_write(out, "{\"method\": ");
  fabric_quote(out, in->method.at, in->method.n);
  fabric_write(out, ", \"path\": ");
  fabric_quote(out, in->path.at, in->path.n);
  fabric_write(out, ", \"query\": ");
  fabric_quote(out, in->query.at, in->query.n);
  fabric_write(out, ", \"headers\": {");
  fabric_reader from = {in->headers.at, in->headers.at + in->headers.n, 0};
  for (uint16_t i = 0; i < in->header_count; i++) {
    fabric_bytes name = fabric_take(&from, fabric_take_number(&from, 2));
    fabric_bytes value = fabric_take(&from, fabric_take_number(&from, 4));
    if (i) fabric_write(out, ", ");
    fabric_quote(out, name.at, name.n);
    fabric_write(out, ": ");
    fabric_quote(out, value.at, value.n);
  }
  fabric_print(out, "}, \"body_bytes\": %u}\n", in->body.n);
}

static void environment(const fabric_request *in, fabric_answer *out) {
  (void)in;
  json(out);
  fabric_write(out, "{");
  for (char **at = environ; at && *at; at++) {
    const char *sign = strchr(*at, '=');
    if (!sign) continue;
    if (at != environ) fabric_write(out, ", ");
    fabric_quote(out, *at, (uint32_t)(sign - *at));
    fabric_write(out, ": ");
    fabric_quote(out, sign + 1, (uint32_t)strlen(sign + 1));
  }
  fabric_write(out, "}\n");
}

static uint64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Works for `ms` milliseconds; without it, for ever. */
static void spin(const fabric_request *in, fabric_answer *out) {
  uint32_t ms = fabric_number(in, "ms", UINT32_MAX);
  uint64_t end = milliseconds() + ms;
  volatile uint32_t turns = 0;
  do {
    for (uint32_t i = 0; i < 10000; i++) turns++;
  } while (ms == UINT32_MAX || milliseconds() < end);
  json(out);
  fabric_print(out, "{\"ms\": %u}\n", ms);
}

static void nap(const fabric_request *in, fabric_answer *out) {
  uint32_t ms = fabric_number(in, "ms", 1000);
  struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&span, NULL);
  json(out);
  fabric_print(out, "{\"ms\": %u}\n", ms);
}

static void crash(const fabric_request *in, fabric_answer *out) {
  (void)out;
  if (fabric_is(fabric_parameter(in, "how"), "exit")) exit(3);
  fprintf(stderr, "about to crash\n");
  __builtin_trap();
}

/* Asks for `mb` megabytes and keeps them; says how many it got. */
static void grow(const fabric_request *in, fabric_answer *out) {
  uint32_t mb = fabric_number(in, "mb", 16), got = 0;
  for (; got < mb; got++) {
    void **piece = malloc(1024 * 1024);
    if (!piece) break;
    *piece = kept;
    kept = piece;
  }
  if (got < mb) out->status = 507;
  json(out);
  fabric_print(out, "{\"asked\": %u, \"got\": %u, \"bytes\": %u}\n", mb, got,
               (uint32_t)__builtin_wasm_memory_size(0) * 65536u);
}

/* An answer of `n` bytes. */
static void bytes(const fabric_request *in, fabric_answer *out) {
  static const char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
  uint32_t n = fabric_number(in, "n", 1024);
  for (uint32_t left = n; left && !out->body.lost;) {
    uint32_t piece = left < 64 ? left : 64;
    fabric_add(&out->body, line, piece);
    left -= piece;
  }
}

/* One line to stdout, one to stderr. */
static void note(const fabric_request *in, fabric_answer *out) {
  fabric_bytes text = fabric_parameter(in, "text");
  printf("out %.*s\n", (int)text.n, text.at);
  fflush(stdout);
  fprintf(stderr, "err %.*s\n", (int)text.n, text.at);
  fabric_write(out, "noted\n");
}

/* GET reads /data/<name>, POST writes the body there, and without a name GET lists. */
static void file(const fabric_request *in, fabric_answer *out) {
  char path[160];
  fabric_bytes name = fabric_parameter(in, "name");
  if (name.n > 128) return error(out, 400, "the name is too long");
  snprintf(path, sizeof path, "/data/%.*s", (int)name.n, name.at);
  if (!name.n) {
    DIR *folder = opendir("/data");
    if (!folder) return error(out, 403, strerror(errno));
    json(out);
    fabric_write(out, "[");
    int first = 1;
    for (struct dirent *entry; (entry = readdir(folder));) {
      if (entry->d_name[0] == '.') continue;
      if (!first) fabric_write(out, ", ");
      fabric_quote(out, entry->d_name, (uint32_t)strlen(entry->d_name));
      first = 0;
    }
    closedir(folder);
    return fabric_write(out, "]\n");
  }
  int writes = fabric_is(in->method, "POST") || fabric_is(in->method, "PUT");
  FILE *opened = fopen(path, writes ? "wb" : "rb");
  if (!opened) return error(out, errno == ENOENT ? 404 : 403, strerror(errno));
  if (writes) {
    size_t put = fwrite(in->body.at, 1, in->body.n, opened);
    if (fclose(opened) || put != in->body.n) return error(out, 507, strerror(errno));
    json(out);
    return fabric_print(out, "{\"written\": %u}\n", (uint32_t)put);
  }
  char piece[4096];
  for (size_t n; (n = fread(piece, 1, sizeof piece, opened));) fabric_add(&out->body, piece, (uint32_t)n);
  fclose(opened);
}

/* How many requests this instance has counted here: 1 again after a crash. */
static void counted(const fabric_request *in, fabric_answer *out) {
  (void)in;
  json(out);
  fabric_print(out, "{\"count\": %u}\n", ++count);
}

/* A guest that is set up wrongly says why and gives up before it is asked anything. */
__attribute__((constructor)) static void set_up(void) {
  const char *store = getenv("STORE");
  if (!store || store[0] == '/') return;
  fprintf(stderr, "hello: STORE is \"%s\", which is no absolute path; giving up\n", store);
  exit(78);
}

static const struct {
  const char *path;
  void (*answer)(const fabric_request *, fabric_answer *);
} routes[] = {
    {"/", greet},      {"/health", health}, {"/echo", echo},   {"/request", request}, {"/env", environment},
    {"/spin", spin},   {"/sleep", nap},     {"/crash", crash}, {"/grow", grow},       {"/bytes", bytes},
    {"/log", note},    {"/file", file},     {"/count", counted},
};

static void answer(const fabric_request *in, fabric_answer *out) {
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    if (fabric_is(in->path, routes[i].path)) return routes[i].answer(in, out);
  }
  error(out, 404, "no such path");
}
