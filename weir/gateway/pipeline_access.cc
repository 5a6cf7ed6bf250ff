// The guarded half of Pipeline: who may run what, and who the session's user is.
#include <cassert>
#include <memory>
#include <utility>

#include "weir/gateway/access.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/pipeline.h"
#include "weir/gateway/refusal.h"
#include "weir/users/password.h"

namespace weir::gateway {
namespace {

// For half of the checks that may wait to be done, at some 15 ms each.
constexpr std::chrono::milliseconds kUntilPasswords{1000};

}  // namespace

// A password that is being checked for the command at the front of the queue.
class Pipeline::PasswordOperation final : public Operation {
 public:
  PasswordOperation(Origin origin, std::string_view name, std::string_view password_hash)
      : Operation(origin), user(name), hash(password_hash) {}

  const std::string user;
  const std::string hash;
  users::PasswordChecks::Ticket ticket;  // Of the pipeline's thread.
  bool paid = false;                     // For this check a token was taken. As above.
  bool fits = false;
};

Pipeline::~Pipeline() {
  SetPaused(false);
  if (alarm_ != kNoDue) outbox_.alarms.Cancel(alarm_, session_.id);
  gateway_.tracking().Leave(session_.id);
  if (session_.monitors) gateway_.monitors().Leave(home_);
  if (check_ != nullptr) gateway_.authentication().checks().Cancel(check_->ticket);
}

bool Pipeline::ChangesUser(const resp::Command& command) {
  const std::string_view name = command.args()[0];
  if (name.size() == 4) return SameWord(name, "auth");
  return name.size() == 5 && (SameWord(name, "hello") || SameWord(name, "reset"));
}

// Takes in what has become of the users. Returns false when the session has lost its user, or the
// right to what it is told.
bool Pipeline::FollowUsers() {
  const Authentication& authentication = gateway_.authentication();
  if (session_.users_generation == authentication.generation()) return true;
  if (session_.from_node) {
    authentication.Assume(session_);
    return true;
  }
  if (transaction_.open()) transaction_.Abort();  // What it holds was judged by other rights.
  return authentication.Follow(session_) && SeesAllItIsTold();
}

bool Pipeline::SeesAllItIsTold() const {
  if (!session_.tracking.broadcast) return true;
  return session_.user != nullptr &&
         DenyTelling(*session_.user, session_.tracking) == Denial::kNone;
}

// Why this is not taken from another node, or nullopt.
std::optional<Reply> Pipeline::RefusedFromNode(const CommandSpec& spec) {
  FollowUsers();
  if (session_.user == nullptr) return Reply::Failure(errors::NoUserHere(session_.acts_for));
  if (!MayBeForwarded(spec)) return Reply::Failure(errors::NotFromNodes(spec.name));
  return std::nullopt;
}

// Why the session may not run the command, or nullopt. Requires: there are users, or were.
std::optional<Reply> Pipeline::Forbidden(const CommandSpec& spec, Args args) {
  if (!FollowUsers()) {
    expelled_ = true;
    const bool nobody = session_.user == nullptr;
    return Reply::Failure(std::string(nobody ? errors::kUserChanged : errors::kMayNotBeTold));
  }
  if ((spec.flags & kFlagNoAuth) != 0) return std::nullopt;
  if (session_.user == nullptr) return Reply::Failure(std::string(errors::kNoAuth));
  switch (Deny(*session_.user, spec, args)) {
    case Denial::kNone:
      return std::nullopt;
    case Denial::kCommand:
      outbox_.stats->denied_command.Add(1);
      return Reply::Failure(errors::NoCommandPermission(spec.name));
    case Denial::kKey:
      outbox_.stats->denied_key.Add(1);
      return Reply::Failure(std::string(errors::kNoKeyPermission));
  }
  return std::nullopt;
}

limit::FlowId Pipeline::Flow() const {
  const bool users = gateway_.authentication().generation() != 0;
  if (users && session_.user != nullptr) return SeededHash(session_.user->name, 0);
  // As limits count clients: each IPv4 address, each IPv6 /64.
  const auto& bytes = session_.client.bytes;
  const size_t size = session_.client.is_v4() ? bytes.size() : bytes.size() / 2;
  return SeededHash({reinterpret_cast<const char*>(bytes.data()), size}, 1);
}

// What can be said of the credentials without a check: whether they are right, and then the user
// is the session's. The same is done for a user who exists and for one who does not.
std::optional<bool> Pipeline::JudgeAtOnce(const Credentials& given) {
  Authentication& authentication = gateway_.authentication();
  const std::shared_ptr<const users::Users> users = authentication.users();
  if (users->open()) return authentication.Grant(session_, given.user, "");
  if (given.password.size() > users::kPasswordBytesMax) return false;
  const users::User* user = users->Find(given.user);
  const std::string& hash = user == nullptr ? users->decoy_hash() : user->password_hash;
  users::PasswordChecks& checks = authentication.checks();
  if (!checks.Remembers(checks.Name(hash, given.password))) return std::nullopt;
  return user != nullptr && authentication.Grant(session_, given.user, hash);
}

bool Pipeline::TryAuthenticate(const CommandSpec& spec, Args args) {
  const std::optional<Credentials> given = spec.credentials(args);
  bool right = true;
  if (given.has_value()) {
    const std::optional<bool> judged = JudgeAtOnce(*given);
    if (!judged.has_value()) return false;
    right = *judged;
  }
  AnswerAuthenticate(spec, args, right);
  return true;
}

void Pipeline::AnswerAuthenticate(const CommandSpec& spec, Args args, bool right) {
  if (!SeesAllItIsTold()) {  // The user has changed.
    Answer(&spec, Reply::Failure(std::string(errors::kMayNotBeTold)), false);
    expelled_ = true;
    session_.closing |= queue_.empty();
  } else if (!right) {
    Answer(&spec, Reply::Failure(std::string(errors::kWrongPassword)), false);
  } else {
    RunLocal(spec, args);
  }
}

// Requires: the command is the first of the queue, as it is a barrier.
void Pipeline::BeginAuthenticate(Queued& queued, uint64_t sequence) {
  const std::optional<Credentials> given = queued.spec->credentials(queued.args.views());
  queued.right = true;
  if (!given.has_value()) return;
  if (const std::optional<bool> judged = JudgeAtOnce(*given)) {
    queued.right = *judged;
    return;
  }
  if (std::optional<Reply> refused = BeginCheck(queued, sequence, *given)) {
    queued.state = State::kAnswered;
    queued.reply = std::move(*refused);
  }
}

// Returns why the check cannot be begun, if it cannot.
std::optional<Reply> Pipeline::BeginCheck(Queued& queued, uint64_t sequence,
                                          const Credentials& given) {
  Authentication& authentication = gateway_.authentication();
  users::PasswordChecks& checks = authentication.checks();
  const std::shared_ptr<const users::Users> users = authentication.users();
  const users::User* user = users->Find(given.user);
  const std::string& hash = user == nullptr ? users->decoy_hash() : user->password_hash;
  const users::PasswordChecks::Fingerprint name = checks.Name(hash, given.password);
  const auto operation = std::make_shared<PasswordOperation>(OriginOf(sequence), given.user, hash);
  const auto done = [operation](bool fits) {
    operation->fits = fits;
    Completions completions;
    completions.operations.push_back(operation);
    operation->origin().home->Deliver(std::move(completions));
  };
  if (const auto ticket = checks.Join(name, done)) {
    operation->ticket = *ticket;
  } else {
    if (std::optional<std::string> text =
            authentication.TakeAttempt(session_.client, outbox_.now.mono)) {
      outbox_.stats->throttled.Add(1);
      return Reply::Failure(std::move(*text));
    }
    const Result<users::PasswordChecks::Begun> begun =
        checks.Begin(name, hash, given.password, done);
    operation->paid = begun.ok() && !begun.value().joined;
    if (!operation->paid) authentication.GiveBackAttempt(session_.client, outbox_.now.mono);
    if (!begun.ok()) {
      return Reply::Failure(Overloaded({"queue", kUntilPasswords, begun.error().message}));
    }
    operation->ticket = begun.value().ticket;
  }
  check_ = operation;
  queued.pending = 1;
  return std::nullopt;
}

void Pipeline::OnCheck(Queued& queued) {
  const std::shared_ptr<PasswordOperation> check = std::exchange(check_, nullptr);
  Authentication& authentication = gateway_.authentication();
  if (check->fits && check->paid) authentication.GiveBackAttempt(session_.client, outbox_.now.mono);
  // The user may have changed meanwhile: what was checked must still hold.
  queued.right = check->fits && authentication.Grant(session_, check->user, check->hash);
  queued.pending = 0;
  queued.began = outbox_.now.mono;  // A check is slow by design, so its time is not the command's.
}

}  // namespace weir::gateway
