/* liar: answers with what is no answer; the path says how. /unreadable makes the next fabric_alloc lie. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))

static const char good[] = "\1\310\0\0\0\3\0\0\0ok\n"; /* version 1, status 200, no headers, 3 bytes */
static uint32_t lie;

static uint64_t at(uint32_t address, uint32_t n) { return (uint64_t)address << 32 | n; }

static uint64_t bytes(const char *text, uint32_t n) {
  char *copy = malloc(n ? n : 1);
  memcpy(copy, text, n);
  return at((uint32_t)(uintptr_t)copy, n);
}

static uint64_t huge(void) {
  uint32_t body = 17u * 1024 * 1024;
  char *answer = calloc(1, 9 + body);
  if (!answer) return 0;
  memcpy(answer, good, 5);
  memcpy(answer + 5, &body, 4);
  return at((uint32_t)(uintptr_t)answer, 9 + body);
}

EXPORT("fabric_alloc") uint32_t fabric_alloc(uint32_t n) { return lie ? lie : (uint32_t)(uintptr_t)malloc(n); }

EXPORT("fabric_free") void fabric_free(void *address, uint32_t n) {
  (void)address, (void)n; /* keeps everything, too */
}

EXPORT("handle") uint64_t handle(const char *request, uint32_t n) {
  static const struct {
    const char *path, *answer;
    uint32_t n;
  } lies[] = {
      {"/garbage", "\377\376\375\374\373\372\371\370\367\366\365\364", 12},
      {"/version", "\2\310\0\0\0\0\0\0\0", 9},
      {"/status", "\1\347\3\0\0\0\0\0\0", 9},
      {"/informational", "\1\145\0\0\0\0\0\0\0", 9},
      {"/headers", "\1\310\0\377\377\0\0\0\0", 9},
      {"/header-length", "\1\310\0\1\0\377\377x", 8},
      {"/header-value", "\1\310\0\1\0\1\0a\4\0\0\0b\r\nc\0\0\0\0", 20},
      {"/header-name", "\1\310\0\1\0\3\0a\nb\1\0\0\0c\0\0\0\0", 19},
      {"/body-length", "\1\310\0\0\0\377\377\377\177ok", 11},
      {"/trailing", "\1\310\0\0\0\1\0\0\0abc", 12},
      {"/short", "\1\310", 2},
      {"/empty", "", 0},
  };
  uint32_t size = (uint32_t)__builtin_wasm_memory_size(0) * 65536u, length = (uint8_t)request[1];
  const char *path = request + 2 + length + 4;
  memcpy(&length, path - 4, 4);
  for (uint32_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    if (strlen(lies[i].path) == length && memcmp(path, lies[i].path, length) == 0) return bytes(lies[i].answer, lies[i].n);
  }
  (void)n;
  if (memcmp(path, "/beyond", 7) == 0) return at(size - 4, 64);
  if (memcmp(path, "/outside", 8) == 0) return at(0xfffffff0u, 16);
  if (memcmp(path, "/wrapped", 8) == 0) return at(0xfffffff0u, 0xfffffff0u);
  if (memcmp(path, "/whole", 6) == 0) return at(0, 0xffffffffu);
  if (memcmp(path, "/null", 5) == 0) return 0;
  if (memcmp(path, "/huge", 5) == 0) return huge();
  if (memcmp(path, "/unreadable", 11) == 0) lie = 0xfffffff0u;
  return bytes(good, sizeof good - 1);
}
