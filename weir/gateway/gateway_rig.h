// GatewayRig: a whole gateway with its clients on one thread, over ScriptedStores and a clock that
// stands still, so that a test decides the order of all events.
//
//   GatewayRig rig;
//   const size_t a = rig.Connect();
//   rig.Send(a, {"GET", "k"});                       // executed, as part of a burst
//   rig.HandOn();                                    // end of the loop's round: the load is held
//   rig.store().Complete(rig.store().held()[0]);     // the store answers
//   rig.Deliver();                                   // the loop takes the result
//   rig.Replies(a);                                  // {"(nil)"}
//
// For tests only. Threads: single-owner.
#pragma once

#include <cassert>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/gateway.h"
#include "weir/gateway/pipeline.h"
#include "weir/gateway/scripted_store.h"
#include "weir/resp/reader.h"
#include "weir/resp/reply_text.h"

namespace weir::gateway {

using Words = std::vector<std::string>;

// A reply as text, bulk strings as they are.
inline std::string Show(const resp::Value& value) {
  return resp::ReplyText(value, [](const std::string& text) { return text; });
}

// A connection as its loop holds it, and the client at the other end.
class TestClient {
 public:
  TestClient(Gateway& gateway, Home& home, Outbox& outbox, uint64_t id)
      : session(SessionOf(id)), pipeline(gateway, home, outbox, session, output) {}

  void Execute(const Words& words) {
    std::string text = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
      text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    std::string_view left = text;
    resp::Command command;
    while (!left.empty()) {
      const std::span<char> room = input_.Writable();
      const size_t count = std::min(room.size(), left.size());
      std::copy_n(left.data(), count, room.data());
      input_.Commit(count);
      left.remove_prefix(count);
      if (parser_.Next(input_, &command) == resp::ParseResult::kCommand) {
        assert(left.empty());
        pipeline.Execute(command);
        pipeline.EndBurst({});
        return;
      }
    }
    assert(false && "not a command");
  }

  // What has been written to the client since the last call, as it goes over the wire.
  std::string Bytes() {
    std::string bytes;
    std::array<resp::OutputBuffer::Span, 64> spans;
    while (const size_t count = output.Spans(spans)) {
      for (size_t i = 0; i < count; ++i) {
        bytes.append(spans[i].data, spans[i].size);
        output.Consume(spans[i].size);
        break;  // Consume ends the validity of the rest.
      }
    }
    return bytes;
  }
  std::vector<resp::Value> Values() {
    const std::string bytes = Bytes();
    std::vector<resp::Value> values;
    std::string_view left = bytes;
    resp::Value value;
    while (reader_.Next(&left, &value) == resp::ReadResult::kValue) values.push_back(value);
    assert(reader_.error().empty());
    return values;
  }
  std::vector<std::string> Replies() {
    std::vector<std::string> replies;
    for (const resp::Value& value : Values()) replies.push_back(Show(value));
    return replies;
  }

  Session session;
  resp::OutputBuffer output;
  Pipeline pipeline;

 private:
  static Session SessionOf(uint64_t id) {
    Session session;
    session.id = id;
    session.peer = "127.0.0.1:1";
    return session;
  }

  resp::InputBuffer input_;
  resp::Parser parser_;
  resp::Reader reader_;
};

class GatewayRig {
 public:
  struct Options {
    uint32_t databases = 1;
    Keyspace fallback{};
    std::vector<Keyspace> keyspaces{};
    uint32_t lanes = 4;
    size_t cache_bytes = size_t{1} << 20;
    // What the scripted stores hold are values as well.
    Memory::Limits memory{.value_bytes = SIZE_MAX};
    std::vector<limit::Policy> policies{};
    std::vector<users::User> users{};
    limit::Rate attempts{.count = 1000, .period = std::chrono::seconds(1), .burst = 1000};
    RangeKeeper::Options ranges{};
    RangeMoves::Options moves{};
    std::shared_ptr<const nodes::NodeTable> nodes = nullptr;
    Redirect redirect = Redirect::kAuto;
    bool serves_at_once = true;
    // Otherwise each database has an equal part.
    std::optional<shard::RangeMap> map = std::nullopt;
    size_t tracked_keys_max = ClientTracking::kKeysMax;
    std::function<void(ProcessInfo&)> describe = [](ProcessInfo&) {};
    bool open = true;  // Answers what the gateway asks of the stores when it is made.
    std::function<void(ScriptedStore&)> prepare = [](ScriptedStore&) {};
  };

  // Every read asks the store.
  static Options WithoutCache() {
    Options options;
    options.fallback.cache_ttl = std::chrono::milliseconds(0);
    options.fallback.negative_ttl = std::chrono::milliseconds(0);
    return options;
  }

  GatewayRig() : GatewayRig(Options()) {}
  explicit GatewayRig(Options options) {
    Gateway::Options made;
    made.placement.hash_seed = 7;
    made.placement.lanes = options.lanes;
    made.placement.fallback = options.fallback;
    made.placement.keyspaces = options.keyspaces;
    made.placement.ranges =
        options.map ? *options.map : shard::RangeMap::Even(options.databases).value();
    made.ranges = options.ranges;
    made.moves = options.moves;
    made.nodes = options.nodes;
    made.redirect = options.redirect;
    made.serves_at_once = options.serves_at_once;
    made.tracked_keys_max = options.tracked_keys_max;
    made.cache_bytes = options.cache_bytes;
    made.memory = options.memory;
    made.admission.policies = options.policies;
    made.heavy_read_threads = 0;
    made.authentication.users = std::make_shared<const users::Users>(options.users);
    made.authentication.attempts = options.attempts;
    made.process.version = "1.2.3";
    made.process.run_id = "a-run";
    made.process.parameters = [] {
      return std::make_shared<const Parameters>(Parameters{{"maxmemory", "0"}, {"port", "6390"}});
    };
    options.describe(made.process);
    std::vector<std::unique_ptr<store::Store>> stores;
    for (uint32_t i = 0; i < options.databases; ++i) {
      made.placement.shards.push_back({i, 0});
      auto store = std::make_unique<ScriptedStore>();
      options.prepare(*store);
      stores_.push_back(store.get());
      stores.push_back(std::move(store));
    }
    gateway_ = Gateway::Create(std::move(made), std::move(stores), clock).value();
    gateway_->UseClients(&control_);
    outbox_ = gateway_->MakeOutbox(&stats);
    gateway_->AddStats(&stats);
    if (!options.open) return;
    RunAll();
    gateway_->Tick();  // The first look for expired records.
    RunAll();
  }
  ~GatewayRig() { RunAll(); }

  Home& home() { return home_; }
  // From now on the test calls Gateway::OnHomeIdle after replies, as an event loop does.
  void TellWhenIdle() { home_.tells_when_idle = true; }
  Gateway& gateway() { return *gateway_; }
  ScriptedStore& store(size_t database = 0) { return *stores_[database]; }
  // Another database, with a shard that holds no range. Returns the shard's number.
  uint32_t Add() {
    auto store = std::make_unique<ScriptedStore>();
    stores_.push_back(store.get());
    const uint32_t database = gateway_->AddDatabase(std::move(store));
    return gateway_->AddShard({database, 0}, "added");
  }
  // What the round has collected so far.
  const Outbox& outbox() const { return outbox_; }
  TestClient& client(size_t index) { return *clients_.at(index); }

  size_t Connect() {
    const size_t index = next_client_++;
    clients_[index] = std::make_unique<TestClient>(*gateway_, home_, outbox_, index + 1);
    return index;
  }
  void Disconnect(size_t index) { clients_.erase(index); }

  // One command of a burst.
  void Send(size_t index, const Words& words) {
    ReadClock();
    client(index).Execute(words);
  }
  // The end of a loop's round.
  void HandOn() { gateway_->Flush(outbox_); }
  // Rounds for those who wait for one.
  void GoOn() {
    for (bool waits = true; std::exchange(waits, false);) {
      for (auto& [id, client] : clients_) {
        if (!client->pipeline.waits_for_round()) continue;
        client->pipeline.Resume();
        waits = true;
      }
      HandOn();
    }
  }
  void SendAndHandOn(size_t index, const Words& words) {
    Send(index, words);
    HandOn();
  }

  bool inbox_empty() const { return home_.inbox.empty(); }
  // The loop takes the first of the results that have come.
  void DeliverOne() {
    ReadClock();
    Completions completions = std::move(home_.inbox.front());
    home_.inbox.pop_front();
    for (auto& item : completions.writes) {
      if (TestClient* to = Find(item->origin)) to->pipeline.OnWrite(std::move(item));
    }
    for (LoadDone& load : completions.loads) {
      if (TestClient* to = Find(load.origin)) to->pipeline.OnLoad(std::move(load));
    }
    for (const Bytes& lines : completions.monitored) {
      for (auto& [id, to] : clients_) {
        if (to->session.monitors) resp::Writer(to->output).Encoded(lines);
      }
    }
    for (const Push& push : completions.pushes) {
      if (TestClient* to = Find({&home_, push.connection})) to->pipeline.Tell(push.message);
    }
    for (const auto& operation : completions.operations) {
      if (TestClient* to = Find(operation->origin())) to->pipeline.OnOperation(operation);
    }
  }
  // The loop takes all results and hands on what follows from them.
  void Deliver() {
    while (!inbox_empty()) DeliverOne();
    HandOn();
    GoOn();
  }

  // The loop looks whether somebody has waited too long.
  void RingAlarms() {
    ReadClock();
    while (const auto connection = outbox_.alarms.TakeDue(clock.Mono())) {
      const auto found = clients_.find(*connection - 1);
      if (found != clients_.end()) found->second->pipeline.OnAlarm();
    }
    HandOn();
  }
  std::optional<MonoTime> next_alarm() const { return outbox_.alarms.next(); }
  size_t alarms() const { return outbox_.alarms.size(); }

  // What a loop does when a pause has ended.
  void ResumePaused() {
    for (auto& [id, client] : clients_) {
      if (client->pipeline.paused()) client->pipeline.Resume();
    }
    HandOn();
  }

  // Lets the stores answer everything, in order, until nothing is under way.
  void RunAll() {
    for (bool moved = true; moved;) {
      Deliver();
      moved = !inbox_empty();  // What needs nothing of a store is answered by handing it on.
      for (ScriptedStore* store : stores_) {
        for (const ScriptedStore::CallId id : store->held()) {
          store->Complete(id);
          moved = true;
        }
      }
    }
  }

  // Makes the password check that has waited longest: `password` is the one that fits.
  void CheckPassword(const std::string& password) {
    users::PasswordChecks& checks = gateway_->authentication().checks();
    std::optional<users::PasswordChecks::Work> work = checks.TryNext();
    assert(work.has_value());
    const bool fits = work->password == password;
    checks.Finish(std::move(*work), fits);
    Deliver();
  }

  std::vector<std::string> Replies(size_t index) { return client(index).Replies(); }
  // Sends one command, lets everything happen, and returns the reply.
  std::string Do(size_t index, const Words& words) {
    Send(index, words);
    RunAll();
    std::vector<std::string> replies = Replies(index);
    assert(replies.size() == 1);
    return replies[0];
  }

  // Sends the commands in one burst, lets everything happen, and returns the replies, or the last.
  std::vector<std::string> All(size_t index, const std::vector<Words>& commands) {
    for (const Words& words : commands) Send(index, words);
    RunAll();
    return Replies(index);
  }
  std::string Last(size_t index, const std::vector<Words>& commands) {
    return All(index, commands).back();
  }

  // The first held call of this kind. Requires: there is one.
  ScriptedStore::CallId First(ScriptedStore::Kind kind, size_t database = 0) {
    const auto ids = store(database).held(kind);
    assert(!ids.empty());
    return ids.front();
  }
  void Complete(ScriptedStore::Kind kind,
                ScriptedStore::Outcome outcome = ScriptedStore::Outcome::kDone,
                size_t database = 0) {
    store(database).Complete(First(kind, database), outcome);
  }

  // A key that lives in this database.
  std::string KeyIn(uint32_t database, size_t number = 0) const {
    for (size_t i = 0;; ++i) {
      std::string key = "key" + std::to_string(i);
      if (gateway_->placement().Place(key).place.database == database && number-- == 0) return key;
    }
  }
  store::Key StoreKey(const std::string& key) const {
    const KeyPlace place = gateway_->placement().Place(key);
    return {place.place.shard, place.position, key};
  }

  void Pass(std::chrono::milliseconds time) { clock.Advance(time); }
  void ReadClock() { outbox_.now = {clock.Mono(), clock.Wall()}; }

  ManualClock clock;
  LoopStats stats;

 private:
  struct TestHome final : Home {
    void Deliver(Completions completions) override { inbox.push_back(std::move(completions)); }
    bool TellsWhenIdle() const override { return tells_when_idle; }
    bool tells_when_idle = false;
    std::deque<Completions> inbox;
  };

  // Visits all clients at once, and lets the paused go on.
  struct TestControl final : ClientControl {
    explicit TestControl(GatewayRig& owner) : rig(owner) {}
    void Visit(ClientFilter filter, Action action, uint64_t caller, Done done) override {
      std::vector<ClientFacts> found;
      for (auto client = rig.clients_.begin(); client != rig.clients_.end();) {
        ClientFacts facts;
        client->second->pipeline.Describe(&facts);
        const bool closes = action == Action::kClose && facts.id != caller;
        const bool fits = filter.Fits(facts);
        if (fits) found.push_back(std::move(facts));
        client = fits && closes ? rig.clients_.erase(client) : std::next(client);
      }
      done(std::move(found));
    }
    void ResumePaused() override { rig.ResumePaused(); }
    GatewayRig& rig;
  };

  TestClient* Find(const Origin& origin) {
    const auto found = clients_.find(origin.connection - 1);  // No connection has the id 0.
    return found == clients_.end() ? nullptr : found->second.get();
  }

  TestHome home_;
  TestControl control_{*this};
  std::vector<ScriptedStore*> stores_;
  std::unique_ptr<Gateway> gateway_;
  Outbox outbox_;
  std::map<size_t, std::unique_ptr<TestClient>> clients_;
  size_t next_client_ = 0;
};

}  // namespace weir::gateway
