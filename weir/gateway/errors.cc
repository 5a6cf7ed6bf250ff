#include "weir/gateway/errors.h"

#include <algorithm>

#include "weir/gateway/refusal.h"

namespace weir::gateway::errors {
namespace {

// How much of a client's own words an error repeats, as in Redis.
constexpr size_t kEchoBytesMax = 128;

std::string PrefixOverlap(std::string_view prefix, std::string_view which, std::string_view other) {
  return "ERR Prefix '" + std::string(prefix.substr(0, kEchoBytesMax)) + "' overlaps with " +
         std::string(which) + " prefix '" + std::string(other.substr(0, kEchoBytesMax)) +
         "'. Prefixes for a single client must not overlap.";
}

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

std::string Shown(const NodeName& node) {
  return std::string(node.id) + " (" + node.address + ")";
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

std::string SubcommandSyntax(std::string_view name, std::string_view command) {
  return "ERR unknown subcommand or wrong number of arguments for '" +
         std::string(name.substr(0, kEchoBytesMax)) + "'. Try " + Upper(command) + " HELP.";
}

std::string NoCommandPermission(std::string_view command) {
  return "NOPERM this user has no permissions to run the '" + Lower(command) + "' command";
}

std::string NoUserHere(std::string_view user) {
  return "NOPERM the node that serves this has no user '" + std::string(user) +
         "'; all nodes need the same users";
}

std::string NotFromNodes(std::string_view command) {
  return "ERR '" + std::string(command) + "' is not taken from another node";
}

std::string WrongArity(std::string_view command) {
  return "ERR wrong number of arguments for '" + Lower(command) + "' command";
}

std::string TooManyKeys(size_t limit) {
  return "ERR a command changes at most " + std::to_string(limit) + " keys; split it";
}

std::string TooManyArguments(std::string_view command, size_t limit) {
  return "ERR '" + Lower(command) + "' takes at most " + std::to_string(limit) + " arguments";
}

std::string Moved(unsigned slot, std::string_view address) {
  return "MOVED " + std::to_string(slot) + " " + std::string(address);
}

std::string NodeDown(const NodeName& node, std::string_view why) {
  return "CLUSTERDOWN The node " + Shown(node) + " does not answer: " + std::string(why);
}

std::string ForwardLost(const NodeName& node, std::string_view why) {
  return "UNKNOWN the node " + Shown(node) + " was sent this command and did not answer (" +
         std::string(why) + "); it may have been applied, or may yet be";
}

std::string NodesDisagree(const NodeName& node) {
  return "CLUSTERDOWN The node " + Shown(node) +
         " does not serve this slot by its own table: the nodes disagree about their slots";
}

std::string SlotsInverted(int64_t first, int64_t last) {
  return "ERR Start slot number " + std::to_string(first) + " is greater than end slot number " +
         std::to_string(last);
}

std::string UnknownNode(std::string_view id) {
  return "ERR Unknown node " + std::string(id.substr(0, kEchoBytesMax));
}

std::string InvalidExpire(std::string_view command) {
  return "ERR invalid expire time in '" + Lower(command) + "' command";
}

std::string UnsupportedOption(std::string_view word) {
  return "ERR Unsupported option " + std::string(word.substr(0, kEchoBytesMax));
}

std::string UnrecognizedOption(std::string_view word) {
  return "ERR Unrecognized option '" + std::string(word.substr(0, kEchoBytesMax)) + "'";
}

std::string HelloSyntax(std::string_view word) {
  return "ERR Syntax error in HELLO option '" + std::string(word.substr(0, kEchoBytesMax)) + "'";
}

std::string UnknownCategory(std::string_view word) {
  return "ERR Unknown category '" + std::string(word.substr(0, kEchoBytesMax)) + "'";
}

std::string UnknownArgument(std::string_view word) {
  return "ERR Unknown argument " + std::string(word.substr(0, kEchoBytesMax));
}

std::string UserNotFound(std::string_view name) {
  return "ERR User '" + std::string(name.substr(0, kEchoBytesMax)) + "' not found";
}

std::string CommandNotFound(std::string_view name) {
  return "ERR Command '" + std::string(name.substr(0, kEchoBytesMax)) + "' not found";
}

std::string NoLimitOfKey(std::string_view word) {
  if (word.empty()) return "ERR a limit of the key is missing: RATE count/period or POLICY name";
  return "ERR expected RATE count/period or POLICY name, not '" +
         std::string(word.substr(0, kEchoBytesMax)) + "'";
}

std::string NotRate(std::string_view word) {
  return "ERR '" + std::string(word.substr(0, kEchoBytesMax)) +
         "' is no rate; write it as 100/s, 5000/15m or 1/250ms";
}

std::string NoSuchPolicy(std::string_view name) {
  return "ERR there is no limit policy '" + std::string(name.substr(0, kEchoBytesMax)) + "'";
}

std::string CostsOfReservation(size_t limits) {
  return "ERR the reservation has " + std::to_string(limits) +
         " limits; give as many costs, or none";
}

std::string NoNumber(std::string_view word) {
  return "ERR '" + std::string(word.substr(0, kEchoBytesMax)) + "' is not a number";
}

std::string NoPosition(std::string_view word) {
  return "ERR '" + std::string(word.substr(0, kEchoBytesMax)) +
         "' is not a position; write up to 16 hexadecimal digits, as WEIR.SHARD LIST does";
}

std::string NotPlain(std::string_view attribute) {
  return "ERR " + std::string(attribute.substr(0, kEchoBytesMax)) +
         " cannot contain spaces, newlines or special characters.";
}

// As in Redis, without the prefix when that is ERR.
std::string ExecRefused(std::string_view error) {
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  return "EXECABORT Transaction discarded because of: " + std::string(error);
}

std::string UnknownParameter(std::string_view name) {
  return "ERR Unknown option or number of arguments for CONFIG SET - '" +
         std::string(name.substr(0, kEchoBytesMax)) + "'";
}

std::string UnknownClientType(std::string_view type) {
  return "ERR Unknown client type '" + std::string(type.substr(0, kEchoBytesMax)) + "'";
}

std::string OverlapsExistingPrefix(std::string_view prefix, std::string_view other) {
  return PrefixOverlap(prefix, "an existing", other);
}

std::string OverlapsProvidedPrefix(std::string_view prefix, std::string_view other) {
  return PrefixOverlap(prefix, "another provided", other);
}

std::string NoSuchUser(std::string_view name) {
  return "ERR No such user '" + std::string(name.substr(0, kEchoBytesMax)) + "'";
}

std::string NoLatencySamples(std::string_view event) {
  return "ERR No samples available for event '" + std::string(event.substr(0, kEchoBytesMax)) + "'";
}

std::string NotInTransaction(std::string_view command) {
  std::string words = Upper(command);
  std::replace(words.begin(), words.end(), '|', ' ');
  return "ERR " + words + " cannot be used inside MULTI; send it before MULTI or after EXEC";
}

std::string WholeInTransaction(std::string_view command) {
  return "CROSSSLOT " + Upper(command) +
         " inside MULTI would concern several databases; send it outside of MULTI";
}

std::string WriteAfterAsking(std::string_view command) {
  return "ERR " + Upper(command) +
         " cannot follow KEYS, SCAN or RANDOMKEY inside MULTI, which show what the transaction "
         "leaves; send them after EXEC";
}

std::string TransactionTooLarge(std::string_view what, size_t limit) {
  return "ERR a transaction holds at most " + std::to_string(limit) + " " + std::string(what) +
         "; send EXEC more often";
}

std::string TooMuchHeavyWork() {
  return Overloaded({"queue", Refusal::kUntilQueue, "too many long commands wait; try again"});
}

std::string NoRoomForValue() {
  return Overloaded(
      {"memory", Refusal::kUntilMemory,
       "the memory for large values is taken; this write was not applied, try again"});
}

std::string TooMuchMade(size_t bytes) {
  const std::string words =
      "the transaction makes more than " + std::to_string(bytes >> 20) + " MB of values; split it";
  return Overloaded({"memory", Refusal::kNever, words});
}

std::string TooMuchWatched(std::string_view what, size_t limit) {
  return "ERR a connection watches at most " + std::to_string(limit) + " " + std::string(what) +
         "; send UNWATCH or EXEC first";
}

std::string PartlyApplied(std::string_view error) {
  return "UNKNOWN one of the databases or nodes of this command did not confirm its part (" +
         std::string(error) + "); others may have applied theirs";
}

}  // namespace weir::gateway::errors
