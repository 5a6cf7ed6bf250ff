#include "weir/gateway/errors.h"

#include <algorithm>

namespace weir::gateway::errors {
namespace {

// How much of a client's own words an error repeats, as in Redis.
constexpr size_t kEchoBytesMax = 128;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return lower;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  return upper;
}

}  // namespace

size_t PrefixIndex(std::string_view prefix) {
  const auto found = std::find(kPrefixes.begin(), kPrefixes.end() - 1, prefix);
  return static_cast<size_t>(found - kPrefixes.begin());
}

std::string UnknownCommand(std::string_view name, const std::string_view* args, size_t count) {
  std::string listed;
  for (size_t i = 0; i < count && listed.size() < kEchoBytesMax; ++i) {
    const size_t room = kEchoBytesMax - listed.size();
    listed += '\'';
    listed += args[i].substr(0, room);
    listed += "' ";
  }
  return "ERR unknown command '" + std::string(name.substr(0, kEchoBytesMax)) +
         "', with args beginning with: " + listed;
}

std::string UnknownSubcommand(std::string_view name, std::string_view command) {
  return "ERR unknown subcommand '" + std::string(name.substr(0, kEchoBytesMax)) + "'. Try " +
         Upper(command) + " HELP.";
}

std::string WrongArity(std::string_view command) {
  return "ERR wrong number of arguments for '" + Lower(command) + "' command";
}

std::string NotServed(unsigned slot) {
  return "ERR slot " + std::to_string(slot) + " is served by another node";
}

std::string InvalidExpire(std::string_view command) {
  return "ERR invalid expire time in '" + Lower(command) + "' command";
}

}  // namespace weir::gateway::errors
