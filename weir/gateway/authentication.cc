#include "weir/gateway/authentication.h"

#include <utility>
#include <vector>

namespace weir::gateway {

namespace {

std::vector<limit::Policy> AttemptsPolicy(const limit::Rate& attempts) {
  limit::Policy policy;
  policy.name = Authentication::kAttemptsPolicy;
  policy.per = limit::Per::kClient;
  policy.rate = attempts;
  return {policy};
}

}  // namespace

Result<std::unique_ptr<Authentication>> Authentication::Create(Options options) {
  Result<std::unique_ptr<Admission>> attempts =
      Admission::Create({.policies = AttemptsPolicy(options.attempts),
                         .bytes = kAttemptsBytes,
                         .journal_bytes = 0,
                         .seed = options.seed});
  if (!attempts.ok()) return attempts.error();
  return std::unique_ptr<Authentication>(
      new Authentication(std::move(options.users), std::move(attempts).value()));
}

Authentication::Authentication(std::shared_ptr<const users::Users> users,
                               std::unique_ptr<Admission> attempts)
    : attempts_(std::move(attempts)),
      generation_(users->open() ? 0 : 1),
      users_(std::move(users)) {}

std::shared_ptr<const users::Users> Authentication::users() const {
  const std::lock_guard lock(mutex_);
  return users_;
}

void Authentication::SetUsers(std::shared_ptr<const users::Users> users) {
  const std::lock_guard lock(mutex_);
  if (users_->open() && users->open()) return;
  users_ = std::move(users);
  generation_.fetch_add(1, std::memory_order_release);
}

Result<Ok> Authentication::SetAttempts(const limit::Rate& attempts, MonoTime now) {
  return attempts_->SetPolicies(AttemptsPolicy(attempts), now);
}

// The generation is read first: a session that is late by one looks again at its next command.
void Authentication::Welcome(Session& session) const {
  session.users_generation = generation();
  session.users = users();
  session.user = session.users->open() ? session.users->Find(users::kDefaultUser) : nullptr;
}

bool Authentication::Follow(Session& session) const {
  // Its user lives as long as the set.
  const std::shared_ptr<const users::Users> before = session.users;
  const users::User* had = session.user;
  Welcome(session);
  return had == nullptr || session.user != nullptr || Adopt(session, had->name, had->password_hash);
}

void Authentication::Assume(Session& session) const {
  Welcome(session);
  if (session.user != nullptr && session.acts_for.empty()) return;  // Nor are there users here.
  session.user = session.users->Find(session.acts_for);
}

bool Authentication::Grant(Session& session, std::string_view user, std::string_view hash) const {
  if (session.users_generation != generation()) Follow(session);
  return Adopt(session, user, hash);
}

bool Authentication::Adopt(Session& session, std::string_view user, std::string_view hash) {
  const users::User* found = session.users->Find(user);
  if (found == nullptr || found->password_hash != hash) return false;
  session.user = found;
  return true;
}

std::optional<std::string> Authentication::TakeAttempt(const limit::Address& client, MonoTime now) {
  limit::Request request;
  request.client = client;
  Admission::View view;
  Passage passage = attempts_->Admit(&view, request, Patience::kNone, now);
  if (passage.verdict == Passage::Verdict::kPasses) return std::nullopt;
  return std::move(passage.refusal);
}

void Authentication::GiveBackAttempt(const limit::Address& client, MonoTime now) {
  limit::Request request;
  request.client = client;
  Admission::View view;
  attempts_->Refund(&view, request, now);
}

}  // namespace weir::gateway
