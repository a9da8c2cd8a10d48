/* pricing: a service that is asked for functions. The Fabrickfile declares them, and Connections call them as
 * `service.{service}.quote` and `service.{service}.delivery`. */
#include "fabric.h"

static const struct {
  const char *item;
  int64_t cents;
} prices[] = {{"lantern", 2490}, {"rope", 1250}, {"anchor", 18900}};

/* {"item", "quantity"} → {"item", "quantity", "discount_percent", "total_cents"} */
static void quote(const fabric_request *in, fabric_answer *out) {
  fabric_bytes item = fabric_json_text(fabric_json_member(in->body, "item"));
  int64_t quantity = fabric_json_whole(fabric_json_member(in->body, "quantity"), 1);
  for (size_t i = 0; i < sizeof prices / sizeof *prices; i++) {
    if (!fabric_is(item, prices[i].item)) continue;
    int64_t discount = quantity >= 100 ? 15 : quantity >= 10 ? 5 : 0;
    fabric_write(out, "{\"item\":");
    fabric_quote(out, item.at, item.n);
    fabric_print(out, ",\"quantity\":%lld,\"discount_percent\":%lld,\"total_cents\":%lld}", (long long)quantity,
                 (long long)discount, (long long)(prices[i].cents * quantity * (100 - discount) / 100));
    return;
  }
  fabric_refuse(out, "there is no such item");
}

/* {"weight_grams", "express"} → {"cents", "days"} */
static void delivery(const fabric_request *in, fabric_answer *out) {
  int64_t grams = fabric_json_whole(fabric_json_member(in->body, "weight_grams"), 0);
  int express = fabric_is(fabric_json_member(in->body, "express"), "true");
  fabric_print(out, "{\"cents\":%lld,\"days\":%d}", (long long)(490 + grams / 10) * (express ? 2 : 1), express ? 1 : 3);
}

static const fabric_function functions[] = {{"quote", quote}, {"delivery", delivery}};

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_functions(in, out, functions, sizeof functions / sizeof *functions)) return;
  if (fabric_is(in->path, "/health")) return fabric_write(out, "ok\n");
  out->status = 404;
}
