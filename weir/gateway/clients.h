// Clients: what the operator sees of connections, which of them are meant, and the way to them.
//
// Connections live on event loops, so nobody may look at all of them at once: ClientControl visits
// each on its own loop, some at a time.
// Threads: ClientFacts and ClientFilter are plain data; ClientControl is thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/resp/writer.h"

namespace weir::gateway {

// One connection at one moment.
struct ClientFacts {
  uint64_t id = 0;
  std::string address;        // "127.0.0.1:50000"
  std::string local_address;  // Which of ours it came to.
  int descriptor = -1;
  std::string name;
  std::string user;
  std::string library_name;
  std::string library_version;
  std::string_view command = "NULL";  // The last one; a name of the command table.
  std::chrono::seconds age{0};
  std::chrono::seconds idle{0};
  std::string flags;                // As in CLIENT LIST; empty: none.
  std::optional<uint64_t> queued;   // By MULTI.
  uint64_t transaction_bytes = 0;   // Of what MULTI queued and WATCH names.
  uint64_t waiting_bytes = 0;       // Of commands that wait for their turn.
  uint64_t unparsed_bytes = 0;      // Received, not executed.
  uint64_t input_buffer_bytes = 0;  // Of buffers, whatever is in them.
  uint64_t output_buffer_bytes = 0;
  uint64_t pending_bytes = 0;  // Of replies that wait for the client.
  bool watched_for_input = false;
  bool watched_for_output = false;
  resp::Protocol protocol = resp::Protocol::kResp2;
  std::optional<uint64_t> redirect;  // Of a client that tracks keys: who is told; 0: itself.

  // Of memory, all but large values.
  uint64_t held_bytes() const {
    return input_buffer_bytes + output_buffer_bytes + waiting_bytes + transaction_bytes;
  }
};

// As a line of CLIENT LIST, without its end.
std::string ShowClient(const ClientFacts& client);

// Which connections are meant: those that fit all that is set.
struct ClientFilter {
  std::vector<uint64_t> ids;  // In order; empty: any.
  std::optional<std::string> address;
  std::optional<std::string> local_address;
  std::optional<std::string> user;
  std::optional<std::chrono::seconds> age_min;
  uint64_t skipped = 0;  // This one is not; 0: none.
  bool nobody = false;   // A type that no connection here has.

  bool Fits(const ClientFacts& client) const;
};

class ClientControl {
 public:
  enum class Action : uint8_t { kLook, kClose };
  using Done = std::function<void(std::vector<ClientFacts>)>;

  virtual ~ClientControl() = default;
  // Calls `done` once, on any thread, with the connections that fit, in no order. kClose closes
  // each of them but `caller`, at once and whatever it waits for.
  virtual void Visit(ClientFilter filter, Action action, uint64_t caller, Done done) = 0;
  // A pause has ended: lets those who waited for that go on now.
  virtual void ResumePaused() = 0;
};

}  // namespace weir::gateway
