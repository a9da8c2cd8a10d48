/* plugin.h: what a plugin's guest in C needs besides fabric.h: a text out of its parameters.
 *
 * Parameters come as one JSON object, checked against the operation's schema before the guest is asked; so this reader
 * believes that it is JSON, and only never leaves its bounds.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "fabric.h"

static int plugin_hex(const char *at, const char *end, uint32_t *code) {
  *code = 0;
  for (int i = 0; i < 4; i++, at++) {
    if (at >= end) return 0;
    char c = *at;
    uint32_t digit = c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 32) - 'a' + 10);
    if (digit > 15) return 0;
    *code = *code << 4 | digit;
  }
  return 1;
}

static void plugin_add_code(fabric_text *out, uint32_t code) {
  char bytes[4];
  uint32_t n = 0;
  if (code < 0x80) {
    bytes[n++] = (char)code;
  } else if (code < 0x800) {
    bytes[n++] = (char)(0xC0 | code >> 6);
    bytes[n++] = (char)(0x80 | (code & 63));
  } else if (code < 0x10000) {
    bytes[n++] = (char)(0xE0 | code >> 12);
    bytes[n++] = (char)(0x80 | (code >> 6 & 63));
    bytes[n++] = (char)(0x80 | (code & 63));
  } else {
    bytes[n++] = (char)(0xF0 | code >> 18);
    bytes[n++] = (char)(0x80 | (code >> 12 & 63));
    bytes[n++] = (char)(0x80 | (code >> 6 & 63));
    bytes[n++] = (char)(0x80 | (code & 63));
  }
  fabric_add(out, bytes, n);
}

/* Reads a string whose opening quote is at `at`; answers what follows it, NULL where it does not end. */
static const char *plugin_string(const char *at, const char *end, fabric_text *out) {
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  for (at++; at < end && *at != '"'; at++) {
    if (*at != '\\') {
      if (out) fabric_add(out, at, 1);
      continue;
    }
    if (++at >= end) return NULL;
    const char *special = strchr(from, *at);
    if (*at == 'u') {
      uint32_t code, low;
      if (!plugin_hex(at + 1, end, &code)) return NULL;
      at += 4;
      if (code >= 0xD800 && code < 0xDC00 && at + 6 < end && at[1] == '\\' && plugin_hex(at + 3, end, &low)) {
        code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
        at += 6;
      }
      if (out) plugin_add_code(out, code);
    } else if (out) {
      fabric_add(out, special ? &to[special - from] : at, 1);
    }
  }
  return at < end ? at + 1 : NULL;
}

/* The text member `name` of an object, decoded and ended by a zero that `n` does not count; at is NULL if it is absent.
 * Free `at`. */
static inline fabric_text plugin_text(fabric_bytes object, const char *name) {
  const char *at = object.at, *end = at + object.n;
  int depth = 0, key = 0;
  while (at < end) {
    char c = *at;
    if (c == '{' || c == '[') {
      depth++;
      key = c == '{';
    } else if (c == '}' || c == ']') {
      depth--;
    } else if (c == ',') {
      key = depth == 1;
    }
    if (c != '"') {
      at++;
      continue;
    }
    fabric_text word = {0};
    const char *next = plugin_string(at, end, &word);
    if (!next) {
      free(word.at);
      break;
    }
    int wanted = depth == 1 && key && word.n == strlen(name) && memcmp(word.at, name, word.n) == 0;
    free(word.at);
    key = 0;
    at = next;
    while (wanted && at < end && (*at == ' ' || *at == ':')) at++;
    if (wanted && at < end && *at == '"') {
      fabric_text value = {0};
      if (plugin_string(at, end, &value)) {
        fabric_add(&value, "", 1);
        value.n--;
        return value;
      }
      free(value.at);
      break;
    }
  }
  return (fabric_text){0};
}

#endif
