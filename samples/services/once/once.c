/* once: a command. Prints its arguments and environment, then does what its first argument says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) printf("argument %d: %s\n", i, arguments[i]);
  for (char **at = environ; *at; at++) printf("environment: %s\n", *at);
  fprintf(stderr, "once has started\n");
  fflush(stdout);
  const char *task = count > 1 ? arguments[1] : "";
  if (strcmp(task, "exit") == 0) return count > 2 ? atoi(arguments[2]) : 0;
  if (strcmp(task, "crash") == 0) __builtin_trap();
  if (strcmp(task, "selftest") == 0) return count > 2 && strcmp(arguments[2], "--fail") == 0;
  if (strcmp(task, "stay") == 0) {
    for (int i = 0;; i++) {
      printf("tick %d\n", i);
      fflush(stdout);
      usleep(count > 2 ? (useconds_t)atoi(arguments[2]) * 1000 : 100000);
    }
  }
  return 0;
}
