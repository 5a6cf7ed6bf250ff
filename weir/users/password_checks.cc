#include "weir/users/password_checks.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include <sodium.h>

#include "weir/users/password.h"

namespace weir::users {
namespace {

void Wipe(std::string& text) {
  sodium_memzero(text.data(), text.size());
}

}  // namespace

struct PasswordChecks::Secret {
  Secret() {
    [[maybe_unused]] const int ready = sodium_init();
    assert(ready >= 0);
    bytes = static_cast<unsigned char*>(sodium_malloc(crypto_generichash_KEYBYTES));
    assert(bytes != nullptr);
    randombytes_buf(bytes, crypto_generichash_KEYBYTES);
    sodium_mprotect_readonly(bytes);
  }
  ~Secret() { sodium_free(bytes); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  unsigned char* bytes = nullptr;
};

PasswordChecks::PasswordChecks() : secret_(std::make_unique<Secret>()) {}

PasswordChecks::~PasswordChecks() {
  for (auto& [id, check] : checks_) Wipe(check.password);
}

size_t PasswordChecks::FingerprintHash::operator()(const Fingerprint& name) const {
  size_t hash = 0;
  std::memcpy(&hash, name.data(), sizeof(hash));
  return hash;
}

PasswordChecks::Fingerprint PasswordChecks::Name(std::string_view hash,
                                                 std::string_view password) const {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  constexpr unsigned char kEnd = 0;  // No hash holds it, so the two cannot be taken for others.
  Fingerprint name;
  crypto_generichash_state state;
  crypto_generichash_init(&state, secret_->bytes, crypto_generichash_KEYBYTES, name.size());
  crypto_generichash_update(&state, bytes(hash), hash.size());
  crypto_generichash_update(&state, &kEnd, 1);
  crypto_generichash_update(&state, bytes(password), password.size());
  crypto_generichash_final(&state, name.data(), name.size());
  return name;
}

bool PasswordChecks::Remembers(const Fingerprint& name) {
  const std::lock_guard lock(mutex_);
  const bool known = remembered_.contains(name);
  counters_.remembered += known ? 1 : 0;
  return known;
}

std::optional<PasswordChecks::Ticket> PasswordChecks::Join(const Fingerprint& name, Done done) {
  const std::lock_guard lock(mutex_);
  return JoinLocked(name, done);
}

// Takes `done` if there is something to join. Requires: mutex_ is held.
std::optional<PasswordChecks::Ticket> PasswordChecks::JoinLocked(const Fingerprint& name,
                                                                 Done& done) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  const Ticket ticket{found->second, next_id_++};
  checks_.at(ticket.check).waiters.push_back({ticket.waiter, std::move(done)});
  ++counters_.joined;
  return ticket;
}

Result<PasswordChecks::Begun> PasswordChecks::Begin(const Fingerprint& name,
                                                    const std::string& hash,
                                                    std::string_view password, Done done) {
  assert(password.size() <= kPasswordBytesMax);
  const std::lock_guard lock(mutex_);
  if (const std::optional<Ticket> ticket = JoinLocked(name, done)) return Begun{*ticket, true};
  if (queue_.size() >= kWaitingMax) {
    ++counters_.refused;
    return Error{ErrorCode::kOverloaded,
                 std::to_string(kWaitingMax) + " password checks are waiting; try again later"};
  }
  const uint64_t id = next_id_++;
  const uint64_t waiter = next_id_++;
  Check& check = checks_[id];
  check.name = name;
  check.hash = hash;
  check.password = password;
  check.waiters.push_back({waiter, std::move(done)});
  by_name_[name] = id;
  queue_.push_back(id);
  wake_.notify_one();
  return Begun{{id, waiter}, false};
}

void PasswordChecks::Cancel(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  const auto found = checks_.find(ticket.check);
  if (found == checks_.end()) return;
  Check& check = found->second;
  const size_t left = std::erase_if(
      check.waiters, [&](const Waiter& waiter) { return waiter.id == ticket.waiter; });
  counters_.cancelled += left;
  if (!check.waiters.empty() || check.under_way) return;
  std::erase(queue_, ticket.check);
  by_name_.erase(check.name);
  Wipe(check.password);
  checks_.erase(found);
}

std::optional<PasswordChecks::Work> PasswordChecks::Next() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
  return closed_ ? std::nullopt : TakeFirst();
}

std::optional<PasswordChecks::Work> PasswordChecks::TryNext() {
  const std::lock_guard lock(mutex_);
  return queue_.empty() ? std::nullopt : TakeFirst();
}

// Requires: mutex_ is held and the queue is not empty.
std::optional<PasswordChecks::Work> PasswordChecks::TakeFirst() {
  const uint64_t id = queue_.front();
  queue_.pop_front();
  Check& check = checks_.at(id);
  check.under_way = true;
  Work work{.check = id, .hash = check.hash, .password = check.password};
  Wipe(check.password);
  return work;
}

void PasswordChecks::Finish(Work work, bool fits) {
  Wipe(work.password);
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto found = checks_.find(work.check);
    assert(found != checks_.end());
    waiters = std::move(found->second.waiters);
    by_name_.erase(found->second.name);
    ++(fits ? counters_.fitted : counters_.failed);
    if (fits) Remember(found->second.name);
    checks_.erase(found);
  }
  for (const Waiter& waiter : waiters) waiter.done(fits);
}

void PasswordChecks::Remember(const Fingerprint& name) {
  if (!remembered_.insert(name).second) return;
  remembered_order_.push_back(name);
  if (remembered_order_.size() <= kRememberedMax) return;
  remembered_.erase(remembered_order_.front());
  remembered_order_.pop_front();
}

void PasswordChecks::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_.notify_all();
}

size_t PasswordChecks::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

PasswordChecks::Counters PasswordChecks::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace weir::users
