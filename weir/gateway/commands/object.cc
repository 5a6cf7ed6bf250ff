// OBJECT and MEMORY USAGE: what Redis tells of its representation, answered for a store that has
// none of it.
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"

namespace weir::gateway::commands {
namespace {

// Redis keeps a value up to this in one piece with its header.
constexpr size_t kEmbeddedBytesMax = 44;
// What a cached entry or a stored record costs beside its key and value, roughly.
constexpr size_t kEntryBytes = 64;

std::string_view EncodingOf(std::string_view value) {
  int64_t number = 0;
  if (ParseInteger(value, &number)) return "int";
  return value.size() <= kEmbeddedBytesMax ? "embstr" : "raw";
}

}  // namespace

void ObjectEncoding(const ReadCall& call, resp::Writer& writer) {
  const Found& found = call.found[0];
  found.present ? writer.Bulk(EncodingOf(found.bytes)) : writer.Null();
}

void ObjectFreq(const ReadCall& call, resp::Writer& writer) {
  call.found[0].present ? WriteError(writer, errors::kNoLfu) : writer.Null();
}

void ObjectIdletime(const ReadCall& call, resp::Writer& writer) {
  call.found[0].present ? writer.Integer(0) : writer.Null();
}

void ObjectRefcount(const ReadCall& call, resp::Writer& writer) {
  call.found[0].present ? writer.Integer(1) : writer.Null();
}

void MemoryUsage(const ReadCall& call, resp::Writer& writer) {
  const Args args = call.args;
  for (size_t i = 3; i < args.size(); i += 2) {
    int64_t samples = 0;
    const bool known = SameWord(args[i], "samples") && i + 1 < args.size();
    if (known && !ParseInteger(args[i + 1], &samples)) {
      WriteError(writer, errors::kNotInteger);
      return;
    }
    if (!known || samples < 0) {
      WriteError(writer, errors::kSyntax);
      return;
    }
  }
  const Found& found = call.found[0];
  if (!found.present) {
    writer.Null();
    return;
  }
  writer.Integer(static_cast<int64_t>(args[2].size() + found.bytes.size() + kEntryBytes));
}

}  // namespace weir::gateway::commands
