/* visitor-cgi: a fresh instance a request, which reads its request from the environment and stdin (RFC 3875). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static int visits(void) {
  int count = 0;
  FILE *kept = fopen("/data/visits", "r");
  if (kept) {
    if (fscanf(kept, "%d", &count) != 1) count = 0;
    fclose(kept);
  }
  kept = fopen("/data/visits", "w");
  if (!kept) return 0;
  fprintf(kept, "%d\n", ++count);
  fclose(kept);
  return count;
}

static void echo(void) {
  char piece[4096];
  long left = atol(variable("CONTENT_LENGTH"));
  const char *type = variable("CONTENT_TYPE");
  printf("Content-Type: %s\r\n\r\n", *type ? type : "application/octet-stream");
  while (left > 0) {
    size_t n = fread(piece, 1, left < (long)sizeof piece ? (size_t)left : sizeof piece, stdin);
    if (!n) break;
    fwrite(piece, 1, n, stdout);
    left -= (long)n;
  }
}

int main(void) {
  const char *path = variable("PATH_INFO");
  if (strcmp(path, "/health") == 0) {
    puts("Content-Type: text/plain\r\n\r\nok");
  } else if (strcmp(path, "/echo") == 0) {
    echo();
  } else if (strcmp(path, "/env") == 0) {
    puts("Content-Type: text/plain\r\n\r");
    for (char **at = environ; *at; at++) puts(*at);
  } else if (strcmp(path, "/moved") == 0) {
    puts("Status: 302 Found\r\nLocation: /\r\n\r");
  } else if (strcmp(path, "/crash") == 0) {
    __builtin_trap();
  } else if (strcmp(path, "/") == 0) {
    fprintf(stderr, "a visitor asked %s\n", variable("REQUEST_METHOD"));
    printf("Content-Type: text/plain\r\n\r\nWelcome. Query: %s. Visits: %d.\n", variable("QUERY_STRING"), visits());
  } else {
    puts("Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno such path");
  }
  return 0;
}
