/* fabric.h: an HTTP service in C, for the warm reactor ABI that docs/guests.md describes.
 *
 * Include it in one file and write `answer`. Everything else a reactor exports is here:
 *
 *     fabric_alloc(n) -> address     room for n bytes, or 0; the host gives it back with fabric_free
 *     handle(address, n) -> i64      one request in, one answer out: its address << 32 | its length
 *     fabric_free(address, n)        gives back what fabric_alloc or handle returned
 *
 * Define FABRIC_CALLS before the include to import `fabric.http_request`; the manifest must grant it.
 */
#ifndef FABRIC_H
#define FABRIC_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that somebody else owns; not ended by a zero. */
typedef struct {
  const char *at;
  uint32_t n;
} fabric_bytes;

typedef struct {
  fabric_bytes method, path, query, body; /* path without the query, query without the question mark */
  fabric_bytes headers;                   /* as they came; fabric_header_of looks one up */
  uint16_t header_count;
} fabric_request;

/* Bytes that grow. When memory has run out, `lost` is set and nothing more is added. */
typedef struct {
  char *at;
  uint32_t n, room;
  int lost;
} fabric_text;

typedef struct {
  uint16_t status, header_count;
  fabric_text headers, body;
} fabric_answer;

/* The guest's own: fill `out`, whose status is 200. */
static void answer(const fabric_request *in, fabric_answer *out);

static void fabric_add(fabric_text *text, const void *at, uint32_t n) {
  if (text->lost) return;
  if (text->room - text->n < n) {
    uint64_t room = (uint64_t)text->n + n + (text->room ? text->room : 256);
    char *moved = room > UINT32_MAX ? NULL : realloc(text->at, (size_t)room);
    if (!moved) {
      text->lost = 1;
      return;
    }
    text->at = moved;
    text->room = (uint32_t)room;
  }
  memcpy(text->at + text->n, at, n);
  text->n += n;
}

static void fabric_add_number(fabric_text *text, uint64_t number, int bytes) {
  fabric_add(text, &number, (uint32_t)bytes); /* WebAssembly is little-endian, and so is the format */
}

static inline void fabric_write(fabric_answer *out, const char *text) {
  fabric_add(&out->body, text, (uint32_t)strlen(text));
}

__attribute__((format(printf, 2, 3))) static inline void fabric_print(fabric_answer *out, const char *format, ...) {
  char line[1024];
  va_list parts;
  va_start(parts, format);
  int n = vsnprintf(line, sizeof line, format, parts);
  va_end(parts);
  if (n > 0) fabric_add(&out->body, line, (uint32_t)n < sizeof line ? (uint32_t)n : (uint32_t)sizeof line - 1);
}

/* A header of the answer; `name` in lower case. */
static inline void fabric_header(fabric_answer *out, const char *name, const char *value) {
  fabric_add_number(&out->headers, strlen(name), 2);
  fabric_add(&out->headers, name, (uint32_t)strlen(name));
  fabric_add_number(&out->headers, strlen(value), 4);
  fabric_add(&out->headers, value, (uint32_t)strlen(value));
  out->header_count++;
}

static inline int fabric_is(fabric_bytes bytes, const char *text) {
  return bytes.n == strlen(text) && memcmp(bytes.at, text, bytes.n) == 0;
}

/* Text within quotation marks, as JSON wants it. */
static inline void fabric_quote(fabric_answer *out, const char *at, uint32_t n) {
  fabric_write(out, "\"");
  for (uint32_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)at[i];
    if (c == '"' || c == '\\') {
      fabric_print(out, "\\%c", c);
    } else if (c < 0x20) {
      fabric_print(out, "\\u%04x", c);
    } else {
      fabric_add(&out->body, at + i, 1);
    }
  }
  fabric_write(out, "\"");
}

/* The query's parameter `name`, not decoded; length 0 if it is absent. */
static inline fabric_bytes fabric_parameter(const fabric_request *in, const char *name) {
  const char *at = in->query.at, *end = at + in->query.n;
  uint32_t n = (uint32_t)strlen(name);
  while (at < end) {
    const char *stop = memchr(at, '&', (size_t)(end - at));
    if (!stop) stop = end;
    if ((size_t)(stop - at) > n && memcmp(at, name, n) == 0 && at[n] == '=') {
      return (fabric_bytes){at + n + 1, (uint32_t)(stop - at) - n - 1};
    }
    at = stop + 1;
  }
  return (fabric_bytes){"", 0};
}

static inline uint32_t fabric_number(const fabric_request *in, const char *name, uint32_t otherwise) {
  fabric_bytes digits = fabric_parameter(in, name);
  uint64_t number = 0;
  for (uint32_t i = 0; i < digits.n; i++) {
    if (digits.at[i] < '0' || digits.at[i] > '9' || number > UINT32_MAX) return otherwise;
    number = number * 10 + (uint64_t)(digits.at[i] - '0');
  }
  return digits.n && number <= UINT32_MAX ? (uint32_t)number : otherwise;
}

/* ---- the message format: every part with its length ---- */

typedef struct {
  const char *at, *end;
  int bad;
} fabric_reader;

static fabric_bytes fabric_take(fabric_reader *from, uint32_t n) {
  if (from->bad || (uint32_t)(from->end - from->at) < n) {
    from->bad = 1;
    return (fabric_bytes){"", 0};
  }
  fabric_bytes part = {from->at, n};
  from->at += n;
  return part;
}

static uint32_t fabric_take_number(fabric_reader *from, int bytes) {
  uint32_t number = 0;
  fabric_bytes part = fabric_take(from, (uint32_t)bytes);
  memcpy(&number, part.at, part.n);
  return number;
}

static fabric_bytes fabric_take_headers(fabric_reader *from, uint16_t count) {
  const char *start = from->at;
  for (uint16_t i = 0; i < count; i++) {
    fabric_take(from, fabric_take_number(from, 2));
    fabric_take(from, fabric_take_number(from, 4));
  }
  return (fabric_bytes){start, (uint32_t)(from->at - start)};
}

/* A header of the request, `name` in lower case; length 0 if it is absent. */
static inline fabric_bytes fabric_header_of(const fabric_request *in, const char *name) {
  fabric_reader from = {in->headers.at, in->headers.at + in->headers.n, 0};
  for (uint16_t i = 0; i < in->header_count; i++) {
    fabric_bytes found = fabric_take(&from, fabric_take_number(&from, 2));
    fabric_bytes value = fabric_take(&from, fabric_take_number(&from, 4));
    if (fabric_is(found, name)) return value;
  }
  return (fabric_bytes){"", 0};
}

static int fabric_read(fabric_request *in, const char *at, uint32_t n) {
  fabric_reader from = {at, at + n, 0};
  from.bad = fabric_take_number(&from, 1) != 1;
  in->method = fabric_take(&from, fabric_take_number(&from, 1));
  in->path = fabric_take(&from, fabric_take_number(&from, 4));
  in->header_count = (uint16_t)fabric_take_number(&from, 2);
  in->headers = fabric_take_headers(&from, in->header_count);
  in->body = fabric_take(&from, fabric_take_number(&from, 4));
  const char *mark = memchr(in->path.at, '?', in->path.n);
  in->query = (fabric_bytes){"", 0};
  if (mark) {
    in->query = (fabric_bytes){mark + 1, (uint32_t)(in->path.at + in->path.n - mark - 1)};
    in->path.n = (uint32_t)(mark - in->path.at);
  }
  return !from.bad;
}

__attribute__((export_name("fabric_alloc"))) void *fabric_alloc(uint32_t n) { return malloc(n ? n : 1); }

__attribute__((export_name("fabric_free"))) void fabric_free(void *at, uint32_t n) {
  (void)n;
  free(at);
}

__attribute__((export_name("handle"))) uint64_t handle(const char *at, uint32_t n) {
  fabric_request in;
  fabric_answer out = {.status = 200};
  if (fabric_read(&in, at, n)) {
    answer(&in, &out);
  } else {
    out.status = 400;
  }
  if (out.body.lost || out.headers.lost) { /* what does not fit is answered as an error, never cut */
    free(out.body.at);
    free(out.headers.at);
    out = (fabric_answer){.status = 500};
  }
  uint32_t size = 5 + out.headers.n + 4 + out.body.n;
  fabric_text message = {.at = malloc(size), .room = size};
  if (!message.at) __builtin_trap();
  fabric_add_number(&message, 1, 1);
  fabric_add_number(&message, out.status, 2);
  fabric_add_number(&message, out.header_count, 2);
  if (out.headers.n) fabric_add(&message, out.headers.at, out.headers.n);
  fabric_add_number(&message, out.body.n, 4);
  if (out.body.n) fabric_add(&message, out.body.at, out.body.n);
  free(out.headers.at);
  free(out.body.at);
  return (uint64_t)(uintptr_t)message.at << 32 | message.n;
}

/* ---- functions: what Connections call as `service.{service}.{function}`; the Fabrickfile declares them ---- */

#define FABRIC_FUNCTIONS "/.fabric/functions/"

/* `call` finds its parameters, a JSON object, in the request's body, and writes its output as JSON. */
typedef struct {
  const char *name;
  void (*call)(const fabric_request *in, fabric_answer *out);
} fabric_function;

/* Say why a function has no output; the text reaches whoever asked. */
static inline void fabric_refuse(fabric_answer *out, const char *why) {
  out->status = 422;
  fabric_write(out, why);
}

/* Answers the request if it asks for a function; 0 if it does not. Nobody outside can ask for one. */
static inline int fabric_functions(const fabric_request *in, fabric_answer *out, const fabric_function *functions,
                                   size_t count) {
  uint32_t n = (uint32_t)strlen(FABRIC_FUNCTIONS);
  if (in->path.n < n || memcmp(in->path.at, FABRIC_FUNCTIONS, n) != 0) return 0;
  fabric_bytes name = {in->path.at + n, in->path.n - n};
  for (size_t i = 0; i < count; i++) {
    if (fabric_is(name, functions[i].name)) {
      functions[i].call(in, out);
      return 1;
    }
  }
  out->status = 404;
  return 1;
}

static inline const char *fabric_json_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* The end of the value that begins here. What the platform sends is well formed. */
static inline const char *fabric_json_end(const char *at, const char *end) {
  int depth = 0, text = 0;
  for (; at < end; at++) {
    if (text) {
      if (*at == '\\') {
        at++;
      } else if (*at == '"') {
        text = 0;
        if (!depth) return at + 1;
      }
    } else if (*at == '"') {
      text = 1;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (*at == '}' || *at == ']') {
      if (!depth) return at;
      if (!--depth) return at + 1;
    } else if (!depth && (*at == ',' || *at == ':' || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
      return at;
    }
  }
  return end;
}

/* The object's member `name` as it is written; length 0 if it is absent. A name with an escape in it is not found. */
static inline fabric_bytes fabric_json_member(fabric_bytes object, const char *name) {
  const char *end = object.at + object.n, *at = fabric_json_space(object.at, end);
  uint32_t n = (uint32_t)strlen(name);
  if (at == end || *at != '{') return (fabric_bytes){"", 0};
  for (at = fabric_json_space(at + 1, end); at < end && *at == '"'; at = fabric_json_space(at + 1, end)) {
    const char *key = at, *stop = fabric_json_end(at, end);
    at = fabric_json_space(stop, end);
    if (at == end || *at != ':') break;
    const char *value = fabric_json_space(at + 1, end);
    at = fabric_json_end(value, end);
    if ((uint32_t)(stop - key) == n + 2 && memcmp(key + 1, name, n) == 0) {
      return (fabric_bytes){value, (uint32_t)(at - value)};
    }
    at = fabric_json_space(at, end);
    if (at == end || *at != ',') break;
  }
  return (fabric_bytes){"", 0};
}

/* What is between a text's quotation marks, escapes as they are; length 0 for what is no text. */
static inline fabric_bytes fabric_json_text(fabric_bytes value) {
  if (value.n < 2 || value.at[0] != '"') return (fabric_bytes){"", 0};
  return (fabric_bytes){value.at + 1, value.n - 2};
}

/* A whole number; `otherwise` for anything else, and for one beyond 64 bits. */
static inline int64_t fabric_json_whole(fabric_bytes value, int64_t otherwise) {
  int negative = value.n && value.at[0] == '-';
  uint32_t i = (uint32_t)negative;
  uint64_t number = 0;
  if (i == value.n || value.n - i > 18) return otherwise;
  for (; i < value.n; i++) {
    if (value.at[i] < '0' || value.at[i] > '9') return otherwise;
    number = number * 10 + (uint64_t)(value.at[i] - '0');
  }
  return negative ? -(int64_t)number : (int64_t)number;
}

#ifdef FABRIC_CALLS

__attribute__((import_module("fabric"), import_name("http_request"))) int32_t
fabric_http_request(const char *request, uint32_t n, char *answer, uint32_t room);

typedef struct {
  int32_t error;   /* 0, or what kept the host from answering, as errno */
  uint16_t status; /* 0: refused or not reached, and the body says why */
  fabric_bytes body;
  char *memory;
} fabric_reply;

#define FABRIC_REPLY_MOST (256u * 1024)

/* Ask another service, or the world where the manifest grants it. Free `memory` of what it returns. */
static inline fabric_reply fabric_call(const char *method, fabric_bytes url, fabric_bytes body) {
  fabric_text request = {0};
  fabric_add_number(&request, 1, 1);
  fabric_add_number(&request, strlen(method), 1);
  fabric_add(&request, method, (uint32_t)strlen(method));
  fabric_add_number(&request, url.n, 4);
  fabric_add(&request, url.at, url.n);
  fabric_add_number(&request, 0, 2);
  fabric_add_number(&request, body.n, 4);
  fabric_add(&request, body.at, body.n);
  fabric_reply reply = {.error = 12, .memory = malloc(FABRIC_REPLY_MOST)}; /* 12: no memory */
  if (reply.memory && !request.lost) {
    int32_t n = fabric_http_request(request.at, request.n, reply.memory, FABRIC_REPLY_MOST);
    fabric_reader from = {reply.memory, reply.memory + (n > 0 ? n : 0), 0};
    reply.error = n < 0 ? -n : 0;
    if (n >= 0) {
      from.bad = fabric_take_number(&from, 1) != 1;
      reply.status = (uint16_t)fabric_take_number(&from, 2);
      fabric_take_headers(&from, (uint16_t)fabric_take_number(&from, 2));
      reply.body = fabric_take(&from, fabric_take_number(&from, 4));
      if (from.bad) reply.error = 71; /* 71: protocol error */
    }
  }
  free(request.at);
  return reply;
}

#endif
#endif
