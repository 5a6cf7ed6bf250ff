#include "weir/gateway/commands/commands.h"

namespace weir::gateway::commands {

void Multi(const LocalCall&, resp::Writer& writer) {
  writer.SimpleString("OK");
}

void Discard(const LocalCall&, resp::Writer& writer) {
  writer.SimpleString("OK");
}

void Unwatch(const LocalCall&, resp::Writer& writer) {
  writer.SimpleString("OK");
}

void Watch(const ReadCall&, resp::Writer& writer) {
  writer.SimpleString("OK");
}

}  // namespace weir::gateway::commands
