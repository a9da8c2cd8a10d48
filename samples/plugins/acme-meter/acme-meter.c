/* acme-meter: reads what ACME's meters send, `AM2|<serial>|TEMP:<celsius>C|HUM:<percent>|BAT:<OK or LOW>`, and tells of
 * each reading with an event of its own. */
#include "plugin.h"

static const char *field(const char *line, const char *name) {
  const char *found = strstr(line, name);
  return found ? found + strlen(name) : NULL;
}

static void parse(const fabric_request *in, fabric_answer *out) {
  fabric_text text = plugin_text(in->body, "payload");
  const char *line = text.at ? text.at : "";
  const char *temperature = field(line, "|TEMP:"), *humidity = field(line, "|HUM:"), *battery = field(line, "|BAT:");
  const char *serial = strncmp(line, "AM2|", 4) == 0 ? line + 4 : NULL;
  size_t n = serial ? strcspn(serial, "|") : 0;
  if (!n || !temperature || !humidity || !battery) {
    out->status = 422;
    fabric_write(out, "not a reading of a meter AM2");
    free(text.at);
    return;
  }
  int low = strncmp(battery, "LOW", 3) == 0;
  for (int event = 0; event < 2; event++) {
    fabric_write(out, event ? ",\"events\":[{\"type\":\"reading\",\"payload\":{\"serial\":" : "{\"output\":{\"serial\":");
    fabric_quote(out, serial, (uint32_t)n);
    fabric_print(out, ",\"celsius\":%.1f,\"humidity\":%ld,\"battery_low\":%s}", strtod(temperature, NULL),
                 strtol(humidity, NULL, 10), low ? "true" : "false");
  }
  fabric_write(out, "}]}");
  free(text.at);
}

static void answer(const fabric_request *in, fabric_answer *out) {
  if (fabric_is(in->path, "/operations/parse")) return parse(in, out);
  out->status = 404;
}
