/* echo-tcp: a fresh instance a connection; stdin and stdout are the connection. A line of "quit" ends it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  char piece[16 * 1024];
  fprintf(stderr, "connected\n");
  for (ssize_t n; (n = read(STDIN_FILENO, piece, sizeof piece)) > 0;) {
    if (n >= 4 && memcmp(piece, "quit", 4) == 0) return 0;
    if (n >= 5 && memcmp(piece, "crash", 5) == 0) __builtin_trap();
    for (ssize_t put = 0, more; put < n; put += more) {
      more = write(STDOUT_FILENO, piece + put, (size_t)(n - put));
      if (more < 0) return 1;
    }
  }
  fprintf(stderr, "closed\n");
  return 0;
}
