/* functions: exports functions that answer badly, each in its own way. */
#include "fabric.h"

/* Gives back what it was given. */
static void echo(const fabric_request *in, fabric_answer *out) { fabric_add(&out->body, in->body.at, in->body.n); }

static void trap(const fabric_request *in, fabric_answer *out) {
  (void)in, (void)out;
  __builtin_trap();
}

static void spin(const fabric_request *in, fabric_answer *out) {
  (void)in, (void)out;
  for (volatile uint32_t turns = 0;;) turns++;
}

/* An output that its schema does not have. */
static void lie(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_write(out, "{\"count\": \"many\"}");
}

static void babble(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_write(out, "{\"count\": ");
}

static void mumble(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_write(out, "{\"count\": \"\xff\"}");
}

/* Valid, and a byte over what an output may have. */
static void flood(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_write(out, "{\"text\":\"");
  while (out->body.n < 256 * 1024 - 1) fabric_write(out, "x");
  fabric_write(out, "\"}");
}

/* A number that no 64 bits hold, and arrays in arrays. */
static void stretch(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_write(out, "{\"count\": 123456789012345678901234567890}");
}

static void nest(const fabric_request *in, fabric_answer *out) {
  (void)in;
  for (int i = 0; i < 5000; i++) fabric_write(out, "[");
  for (int i = 0; i < 5000; i++) fabric_write(out, "]");
}

static void refuse(const fabric_request *in, fabric_answer *out) {
  (void)in;
  fabric_refuse(out, "not today");
}

static const fabric_function functions[] = {
    {"echo", echo},     {"trap", trap},   {"spin", spin},       {"lie", lie},   {"babble", babble},
    {"mumble", mumble}, {"flood", flood}, {"stretch", stretch}, {"nest", nest}, {"refuse", refuse},
};

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_functions(in, out, functions, sizeof functions / sizeof *functions)) return;
  fabric_add(&out->body, in->path.at, in->path.n);
}
