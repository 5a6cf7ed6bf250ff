// ACL: the users, as clients of Redis ask for them. They are read, not changed, over the wire.
#include <span>
#include <string>

#include "weir/gateway/access.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"
#include "weir/users/password.h"

namespace weir::gateway::commands {
namespace {

// As a rule of Redis that lets the same keys through: what would be a pattern is escaped.
std::string KeyRules(const users::User& user) {
  if (!user.confined()) return "~*";
  std::string rules;
  for (const std::string& prefix : user.key_prefixes) {
    rules += rules.empty() ? "~" : " ~";
    for (const char c : prefix) {
      if (std::string_view("*?[]\\").find(c) != std::string_view::npos) rules += '\\';
      rules += c;
    }
    rules += '*';
  }
  return rules;
}

std::string CommandRules(const users::User& user) {
  if (user.May(users::kAllRights)) return "+@all";
  std::string rules = "-@all";
  if (user.May(users::kRead)) rules += " +@read";
  if (user.May(users::kWrite)) rules += " +@write";
  if (user.May(users::kAdmin)) rules += " +@admin";
  return rules + " +@connection";
}

// The users there are, or the one that everybody is.
std::span<const users::User> AllUsers(const LocalCall& call) {
  const users::Users& users = *call.session.users;
  if (!users.open()) return users.all();
  return {users.Find(users::kDefaultUser), 1};
}

const CategoryName* FindCategory(std::string_view name) {
  for (const CategoryName& category : CategoryNames()) {
    if (SameWord(category.name.substr(1), name)) return &category;
  }
  return nullptr;
}

constexpr int64_t kPasswordBits = 256;
constexpr int64_t kPasswordBitsMax = 4096;

// What ACL DRYRUN says of a request that the user may not send.
std::string Denied(const users::User& user, const CommandSpec& command, Args args, Denial denial) {
  const std::string may_not = "This user has no permissions to ";
  const size_t keys = denial == Denial::kKey ? command.KeyCount(args) : 0;
  for (size_t i = 0; i < keys; ++i) {
    const std::string_view key = args[command.KeyIndex(i)];
    if (!user.MayTouch(key)) return may_not + "access the '" + std::string(key) + "' key";
  }
  return may_not + "run the '" + std::string(command.name) + "' command";
}

void WriteCommandsOf(uint32_t category, resp::Writer& writer) {
  size_t count = 0;
  for (const CommandSpec& command : AllCommands()) {
    count += (command.categories & category) != 0 ? 1 : 0;
  }
  writer.ArrayHeader(count);
  for (const CommandSpec& command : AllCommands()) {
    if ((command.categories & category) != 0) writer.Bulk(command.name);
  }
}

}  // namespace

void AclWhoami(const LocalCall& call, resp::Writer& writer) {
  writer.Bulk(call.session.user_name());
}

void AclUsers(const LocalCall& call, resp::Writer& writer) {
  const std::span<const users::User> users = AllUsers(call);
  writer.ArrayHeader(users.size());
  for (const users::User& user : users) writer.Bulk(user.name);
}

void AclList(const LocalCall& call, resp::Writer& writer) {
  const std::span<const users::User> users = AllUsers(call);
  writer.ArrayHeader(users.size());
  for (const users::User& user : users) {
    writer.Bulk("user " + user.name + " on " + (user.password_hash.empty() ? "nopass " : "") +
                KeyRules(user) + " resetchannels " + CommandRules(user));
  }
}

void AclGetuser(const LocalCall& call, resp::Writer& writer) {
  const users::User* user = call.session.users->Find(call.args[2]);
  if (user == nullptr) {
    writer.Null();
    return;
  }
  writer.MapHeader(6);
  writer.Bulk("flags");
  const bool without_password = user->password_hash.empty();
  writer.SetHeader(without_password ? 2 : 1);
  writer.Bulk("on");
  if (without_password) writer.Bulk("nopass");
  writer.Bulk("passwords");
  writer.ArrayHeader(0);  // Not even its hash is shown.
  writer.Bulk("commands");
  writer.Bulk(CommandRules(*user));
  writer.Bulk("keys");
  writer.Bulk(KeyRules(*user));
  writer.Bulk("channels");
  writer.Bulk("");
  writer.Bulk("selectors");
  writer.ArrayHeader(0);
}

void AclCat(const LocalCall& call, resp::Writer& writer) {
  if (call.args.size() > 3) {
    WriteError(writer, errors::SubcommandSyntax(call.args[1], "acl"));
  } else if (call.args.size() == 3) {
    if (const CategoryName* category = FindCategory(call.args[2])) {
      WriteCommandsOf(category->bit, writer);
    } else {
      WriteError(writer, errors::UnknownCategory(call.args[2]));
    }
  } else {
    writer.ArrayHeader(CategoryNames().size());
    for (const CategoryName& category : CategoryNames()) writer.Bulk(category.name.substr(1));
  }
}

void AclDryrun(const LocalCall& call, resp::Writer& writer) {
  const std::string_view name = call.args[2];
  const Args request = call.args.subspan(3);
  const users::User* user = call.session.users->Find(name);
  if (user == nullptr) return WriteError(writer, errors::UserNotFound(name));
  const CommandSpec* command = ResolveCommand(request);
  if (command == nullptr) return WriteError(writer, errors::CommandNotFound(request[0]));
  if (!command->ArityFits(request.size())) {
    return WriteError(writer, errors::WrongArity(command->name));
  }
  const Denial denial = Deny(*user, *command, request);
  if (denial == Denial::kNone) return writer.SimpleString("OK");
  writer.Bulk(Denied(*user, *command, request, denial));
}

void AclGenpass(const LocalCall& call, resp::Writer& writer) {
  int64_t bits = kPasswordBits;
  if (call.args.size() > 3) {
    return WriteError(writer, errors::SubcommandSyntax(call.args[1], "acl"));
  }
  if (call.args.size() == 3 && !ParseInteger(call.args[2], &bits)) {
    return WriteError(writer, errors::kNotInteger);
  }
  if (bits <= 0 || bits > kPasswordBitsMax) return WriteError(writer, errors::kPasswordBits);
  writer.Bulk(users::RandomPassword(static_cast<size_t>(bits)));
}

void AclConfigured(const LocalCall&, resp::Writer& writer) {
  WriteError(writer, errors::kUsersAreConfigured);
}

}  // namespace weir::gateway::commands
