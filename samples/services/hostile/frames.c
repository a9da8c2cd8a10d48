/* frames: a framed guest that lies; its first argument says how. Without one it answers every request with "ok". */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST = 1, ANSWER, HTTP_REQUEST, HTTP_ANSWER, OUTPUT, READY };

static void send(uint32_t n, uint8_t kind, const void *payload, size_t given) {
  char head[5];
  memcpy(head, &n, 4);
  head[4] = (char)kind;
  fwrite(head, 1, sizeof head, stdout);
  fwrite(payload, 1, given, stdout);
  fflush(stdout);
}

static int receive(void) {
  char head[5];
  uint32_t n;
  if (fread(head, 1, sizeof head, stdin) != sizeof head) return 0;
  memcpy(&n, head, 4);
  for (uint32_t i = 0; i < n; i++) getchar();
  return 1;
}

static int is(const char *lie, const char *text) { return strcmp(lie, text) == 0; }

int main(int count, char **arguments) {
  static const char good[] = "\1\310\0\0\0\3\0\0\0ok\n";
  const char *lie = count > 1 ? arguments[1] : "";
  if (is(lie, "never-ready")) sleep(3600);
  if (is(lie, "ends-at-once")) return 4;
  if (is(lie, "text")) puts("hello, I am no frame at all, and I do not know of frames");
  if (is(lie, "answers-unasked")) send(12, ANSWER, good, 12);
  send(0, READY, "", 0);
  while (receive()) {
    if (is(lie, "silent")) continue;
    if (is(lie, "unknown-kind")) send(3, 77, "abc", 3);
    if (is(lie, "huge")) send(0x7fffffff, ANSWER, good, 12);
    if (is(lie, "half")) {
      send(100, ANSWER, good, 12);
      return 5;
    }
    if (is(lie, "garbage")) send(4, ANSWER, "\377\376\375\374", 4);
    if (is(lie, "ready-again")) send(0, READY, "", 0);
    if (is(lie, "asks")) send(9, HTTP_REQUEST, "\1\0\0\0\0\0\0\0\0", 9);
    if (is(lie, "asks-nonsense")) send(3, HTTP_REQUEST, "\377\377\377", 3);
    if (is(lie, "floods")) {
      for (;;) send(8, OUTPUT, "xxxxxxx\n", 8);
    }
    if (is(lie, "ends")) return 6;
    send(12, ANSWER, good, 12);
    if (is(lie, "answers-twice")) send(12, ANSWER, good, 12);
  }
  return 0;
}
