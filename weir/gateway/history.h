// History: what clients asked and were answered, and whether one order of taking effect explains
// it.
//
// The order must keep each connection's own order, and put a command before another when it was
// answered before the other was sent. A command whose outcome is unknown may take effect at any
// later time or never; one answered with another `-ERR` did nothing. So this is linearizability of
// the whole key space, with the commands of several keys as one step.
//
// A transaction is one event: {"EXEC", id, ";", "SET", "k", "v", ";", "GET", "k"}. What it watches
// is said before by {"WATCH", id, "k"}; it must do nothing exactly when another write of a watched
// key stands between the two, or the key went or came.
//
// Expiry: a command's clock is only known to lie between its sending and its answer, so within that
// span both "expired" and "not yet" are allowed; nowhere else. What has been seen as expired stays
// so. The clocks of commands that share no key need not follow the order.
//
// For tests only. Threads: single-owner. Cost: a depth-first search with memory, quick while few
// connections have something outstanding.
// Source: Wing, Gong, "Testing and verifying concurrent objects", JPDC 1993; with the memory of
// Lowe, "Testing for linearizability", 2016.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "weir/gateway/command.h"

namespace weir::gateway {

class History {
 public:
  static constexpr size_t kKeysMax = 6;
  static constexpr size_t kStatesMax = 1'000'000;
  enum class Verdict { kExplained, kNotExplained, kTooHard };

  static constexpr uint64_t kUnanswered = std::numeric_limits<uint64_t>::max();

  struct Event {
    size_t client = 0;
    std::vector<std::string> words;
    uint64_t sent = 0;
    int64_t sent_ms = 0;
    uint64_t answered = kUnanswered;
    int64_t answered_ms = std::numeric_limits<int64_t>::max() / 2;
    std::string reply;
    uint64_t latest = kUnanswered;  // When its outcome was settled, if that was unknown.
  };

  History(std::vector<std::string> keys, size_t clients)
      : keys_(std::move(keys)), events_(clients), next_(clients, 0) {}

  void Sent(size_t client, std::vector<std::string> words, int64_t now_ms) {
    events_[client].push_back({.client = client,
                               .words = std::move(words),
                               .sent = ++time_,
                               .sent_ms = now_ms,
                               .reply = {}});
  }
  void Answered(size_t client, std::string reply, int64_t now_ms) {
    Event& event = events_[client].at(next_[client]++);
    event.answered = ++time_;
    event.answered_ms = now_ms;
    event.reply = std::move(reply);
  }
  // The outcome of some commands that are not answered yet has become unknown.
  void InDoubt() {
    for (size_t client = 0; client < events_.size(); ++client) {
      for (size_t i = next_[client]; i < events_[client].size(); ++i) {
        events_[client][i].latest = kUnanswered;
      }
    }
  }
  // All outcomes are settled: what has not taken effect never will.
  void Settled() {
    ++time_;
    for (std::vector<Event>& events : events_) {
      for (Event& event : events) event.latest = std::min(event.latest, time_);
    }
  }
  size_t outstanding(size_t client) const { return events_[client].size() - next_[client]; }

  // Whether one order explains all replies; kTooHard after kStatesMax states. Requires: all
  // commands are answered.
  Verdict Explained() {
    unknown_.clear();
    lines_.clear();
    for (const std::vector<Event>& events : events_) {
      std::vector<const Event*> line;
      for (const Event& event : events) {
        if (event.reply.starts_with("-UNKNOWN")) {
          unknown_.push_back(&event);
        } else if (!SaysNothing(event.reply)) {
          line.push_back(&event);
        }
      }
      lines_.push_back(std::move(line));
    }
    seen_.clear();
    return Search();
  }

  std::string Text() const {
    std::string text;
    for (size_t client = 0; client < events_.size(); ++client) {
      for (const Event& event : events_[client]) {
        text += std::to_string(client) + ": [" + std::to_string(event.sent) + ", " +
                std::to_string(event.answered) + "] ms [" + std::to_string(event.sent_ms % 100000) +
                ", " + std::to_string(event.answered_ms % 100000) + "] ";
        for (const std::string& word : event.words) text += word + " ";
        text += "-> " + event.reply + "\n";
      }
    }
    return text;
  }

 private:
  struct KeyState {
    bool present = false;
    std::string value;
    int64_t expires_from = kNever.ms;  // The record ends at some time from this
    int64_t expires_to = kNever.ms;    // to this.
    bool put = false;                  // By the command that ran last.
  };
  struct WatchedKey {
    size_t key = 0;
    bool was_present = false;
    bool written = false;  // Since it is watched.
  };
  struct Watched {
    std::string id;
    std::vector<WatchedKey> keys;
  };
  using State = std::array<KeyState, kKeysMax>;
  struct Node {
    std::vector<size_t> positions;  // Of each line.
    std::vector<bool> unknown;      // Which of those have taken effect.
    State state;
    std::vector<Watched> watched;  // By client.
  };

  // Refused, or failed without having read anything: it tells nothing of the state.
  static bool SaysNothing(const std::string& reply) {
    return reply.starts_with("-OVERLOADED") || reply.starts_with("-ERR disk full") ||
           reply.starts_with("-ERR the database is recovering") ||
           reply.starts_with("-EXECABORT Transaction discarded because a WATCH");
  }

  size_t KeyIndex(const std::string& key) const {
    return static_cast<size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
  }

  static std::string Signature(const Node& node) {
    std::string text;
    for (const size_t position : node.positions) text += std::to_string(position) + ",";
    for (const bool taken : node.unknown) text += taken ? '1' : '0';
    for (const KeyState& key : node.state) {
      text += "|";
      if (!key.present) continue;
      text +=
          key.value + "@" + std::to_string(key.expires_from) + "-" + std::to_string(key.expires_to);
    }
    for (const Watched& watched : node.watched) {
      text += "/" + watched.id;
      for (const WatchedKey& key : watched.keys) {
        text += key.was_present ? "1" : "0";
        text += key.written ? "!" : ".";
      }
    }
    return text;
  }

  // The latest sending of what has taken effect, and so the least time that it is.
  uint64_t Reached(const Node& node) const {
    uint64_t reached = 0;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (node.positions[i] > 0) {
        reached = std::max(reached, lines_[i][node.positions[i] - 1]->sent);
      }
    }
    return reached;
  }

  Verdict Search() {
    std::vector<Node> open = {{std::vector<size_t>(lines_.size(), 0),
                               std::vector<bool>(unknown_.size(), false),
                               {},
                               std::vector<Watched>(lines_.size())}};
    while (!open.empty()) {
      Node node = std::move(open.back());
      open.pop_back();
      const uint64_t reached = Reached(node);
      for (size_t i = 0; i < unknown_.size(); ++i) {
        if (unknown_[i]->latest < reached) node.unknown[i] = true;  // Now or never: never.
      }
      if (!seen_.insert(Signature(node)).second) continue;
      if (seen_.size() > kStatesMax) return Verdict::kTooHard;
      uint64_t first_answer = kUnanswered;
      for (size_t i = 0; i < lines_.size(); ++i) {
        if (node.positions[i] == lines_[i].size()) continue;
        first_answer = std::min(first_answer, lines_[i][node.positions[i]]->answered);
      }
      if (first_answer == kUnanswered) return Verdict::kExplained;
      for (size_t i = 0; i < unknown_.size(); ++i) {
        if (node.unknown[i] || unknown_[i]->sent > first_answer) continue;
        for (Node& next : Take(node, *unknown_[i], false)) {
          next.unknown[i] = true;
          open.push_back(std::move(next));
        }
      }
      for (const size_t i : LastAnsweredFirst(node)) {
        const Event& event = *lines_[i][node.positions[i]];
        if (event.sent > first_answer) continue;
        for (Node& next : Take(node, event, true)) {
          ++next.positions[i];
          open.push_back(std::move(next));
        }
      }
    }
    return Verdict::kNotExplained;
  }

  // The lines that are not at their end. What is put on the stack last is tried first, and what was
  // answered first has most likely taken effect first.
  std::vector<size_t> LastAnsweredFirst(const Node& node) const {
    std::vector<size_t> order;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (node.positions[i] < lines_[i].size()) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return lines_[a][node.positions[a]]->answered > lines_[b][node.positions[b]]->answered;
    });
    return order;
  }

  // All states that `event` can leave when it takes effect now, with its reply if that is asked.
  std::vector<Node> Take(const Node& node, const Event& event, bool reply_counts) const {
    // Which keys may and which must have expired by then.
    std::vector<size_t> doubtful;
    Node base = node;
    for (size_t i = 0; i < keys_.size(); ++i) {
      KeyState& key = base.state[i];
      if (!key.present || !Asks(node, event, i)) continue;
      if (key.expires_to <= event.sent_ms) {
        key = {};
      } else if (key.expires_from <= event.answered_ms) {
        doubtful.push_back(i);
      }
    }
    std::vector<Node> nodes;
    for (size_t gone = 0; gone < (size_t{1} << doubtful.size()); ++gone) {
      Node next = base;
      for (size_t i = 0; i < doubtful.size(); ++i) {
        if ((gone >> i & 1) != 0) next.state[doubtful[i]] = {};
      }
      const std::string reply = RunAny(next, event);
      if (!reply_counts || reply == event.reply) nodes.push_back(std::move(next));
    }
    return nodes;
  }

  // Whether what `event` does depends on that key.
  bool Asks(const Node& node, const Event& event, size_t key) const {
    if (std::find(event.words.begin(), event.words.end(), keys_[key]) != event.words.end()) {
      return true;
    }
    const std::vector<WatchedKey>& watched = node.watched[event.client].keys;
    return event.words[0] == "EXEC" &&
           std::any_of(watched.begin(), watched.end(),
                       [key](const WatchedKey& each) { return each.key == key; });
  }

  static int64_t Ms(const std::string& word) { return std::stoll(word); }
  static KeyState Put(const std::string& value) {
    return {true, value, kNever.ms, kNever.ms, true};
  }
  static std::string Held(const KeyState& key) { return key.present ? key.value : "(nil)"; }
  static std::string Number(int64_t number) { return ":" + std::to_string(number); }

  static std::string Add(KeyState& key) {
    int64_t number = 0;
    if (key.present && !ParseInteger(key.value, &number)) {
      return "-ERR value is not an integer or out of range";
    }
    if (__builtin_add_overflow(number, 1, &number)) {
      return "-ERR increment or decrement would overflow";
    }
    key.present = key.put = true;
    key.value = std::to_string(number);
    return Number(number);
  }

  static std::string Set(KeyState& key, const Event& event) {
    const std::vector<std::string>& words = event.words;
    const std::string option = words.size() > 3 ? words[3] : "";
    const std::string old = Held(key);
    if ((option == "NX" && key.present) || (option == "XX" && !key.present)) return "(nil)";
    key = Put(words[2]);
    if (option == "PX") {
      key.expires_from = event.sent_ms + Ms(words[4]);
      key.expires_to = event.answered_ms + Ms(words[4]);
    }
    return option == "GET" ? old : "+OK";
  }

  static std::string Expire(KeyState& key, const Event& event) {
    if (!key.present) return ":0";
    key.expires_from = event.sent_ms + Ms(event.words[2]);
    key.expires_to = event.answered_ms + Ms(event.words[2]);
    key.put = true;
    return ":1";
  }

  static std::string Persist(KeyState& key) {
    if (!key.present || key.expires_to == kNever.ms) return ":0";
    key.expires_from = key.expires_to = kNever.ms;
    key.put = true;
    return ":1";
  }

  std::string RunMany(State& state, const Event& event) const {
    const std::vector<std::string>& words = event.words;
    int64_t count = 0;
    std::string items;
    for (size_t i = 1; i < words.size(); ++i) {
      KeyState& key = state[KeyIndex(words[i])];
      count += key.present ? 1 : 0;
      items += (items.empty() ? "" : " ") + Held(key);
      if (words[0] == "DEL") key = {};
      if (words[0] == "MSET") key = Put(words[++i]);
    }
    if (words[0] == "MSET") return "+OK";
    return words[0] == "MGET" ? "[" + items + "]" : Number(count);
  }

  std::string RunAny(Node& node, const Event& event) const {
    if (event.words[0] == "EXEC") return RunTransaction(node, event);
    if (event.words[0] != "WATCH") return RunNoted(node, event);
    Watched& watched = node.watched[event.client];
    watched = {event.words[1], {}};
    for (size_t i = 2; i < event.words.size(); ++i) {
      const size_t key = KeyIndex(event.words[i]);
      watched.keys.push_back({key, node.state[key].present, false});
    }
    return "+OK";
  }

  std::string RunTransaction(Node& node, const Event& event) const {
    const Watched& watched = node.watched[event.client];
    const bool own = watched.id == event.words[1];
    const bool touched =
        own && std::any_of(watched.keys.begin(), watched.keys.end(), [&](const WatchedKey& key) {
          const bool present = node.state[key.key].present;
          return present != key.was_present || (present && key.written);
        });
    if (own) node.watched[event.client] = {};
    if (touched) return "(nil)";
    std::string replies;
    Event step = event;
    for (size_t i = 3; i < event.words.size(); i += step.words.size() + 1) {
      const auto begin = event.words.begin() + static_cast<std::ptrdiff_t>(i);
      step.words.assign(begin, std::find(begin, event.words.end(), ";"));
      replies += (replies.empty() ? "" : " ") + RunNoted(node, step);
    }
    return "[" + replies + "]";
  }

  std::string RunNoted(Node& node, const Event& event) const {
    for (KeyState& key : node.state) key.put = false;
    std::string reply = Run(node.state, event);
    for (Watched& watched : node.watched) {
      for (WatchedKey& key : watched.keys) key.written |= node.state[key.key].put;
    }
    return reply;
  }

  std::string Run(State& state, const Event& event) const {
    const std::string& name = event.words[0];
    if (name == "FLUSHALL") {
      state = {};
      return "+OK";
    }
    if (name == "PING") return "+PONG";
    if (name == "DEL" || name == "EXISTS" || name == "MGET" || name == "MSET") {
      return RunMany(state, event);
    }
    KeyState& key = state[KeyIndex(event.words[1])];
    if (name == "GET") return Held(key);
    if (name == "STRLEN") return Number(static_cast<int64_t>(key.value.size()));
    if (name == "SET") return Set(key, event);
    if (name == "INCR") return Add(key);
    if (name == "PEXPIRE") return Expire(key, event);
    if (name == "PERSIST") return Persist(key);
    if (name == "APPEND") {
      key.present = key.put = true;
      key.value += event.words[2];
      return Number(static_cast<int64_t>(key.value.size()));
    }
    return "no model of " + name;
  }

  std::vector<std::string> keys_;
  std::vector<std::vector<Event>> events_;  // By client, as sent.
  std::vector<size_t> next_;                // By client: the first that is not answered.
  uint64_t time_ = 0;

  std::vector<std::vector<const Event*>> lines_;
  std::vector<const Event*> unknown_;
  std::unordered_set<std::string> seen_;
};

}  // namespace weir::gateway
