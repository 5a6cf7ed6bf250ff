#include "weir/gateway/clients.h"

#include <algorithm>

namespace weir::gateway {
namespace {

class Line {
 public:
  void Add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += ' ';
    text_.append(name).append("=").append(value);
  }
  void Add(std::string_view name, uint64_t value) { Add(name, std::to_string(value)); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string ShowClient(const ClientFacts& client) {
  Line line;
  line.Add("id", client.id);
  line.Add("addr", client.address);
  line.Add("laddr", client.local_address);
  line.Add("fd", std::to_string(client.descriptor));
  line.Add("name", client.name);
  line.Add("age", static_cast<uint64_t>(client.age.count()));
  line.Add("idle", static_cast<uint64_t>(client.idle.count()));
  line.Add("flags", client.flags.empty() ? "N" : client.flags);
  for (const std::string_view none : {"db", "sub", "psub", "ssub"}) line.Add(none, 0);
  line.Add("multi", client.queued.has_value() ? std::to_string(*client.queued) : "-1");
  line.Add("qbuf", client.unparsed_bytes);
  line.Add("qbuf-free",
           std::max(client.input_buffer_bytes, client.unparsed_bytes) - client.unparsed_bytes);
  line.Add("argv-mem", client.waiting_bytes);
  line.Add("multi-mem", client.transaction_bytes);
  line.Add("rbs", client.output_buffer_bytes);
  line.Add("rbp", client.output_buffer_bytes);
  line.Add("obl", client.pending_bytes);
  line.Add("oll", 0);
  line.Add("omem", client.pending_bytes);
  line.Add("tot-mem", client.held_bytes());
  line.Add("events", std::string(client.watched_for_input ? "r" : "") +
                         (client.watched_for_output ? "w" : ""));
  line.Add("cmd", client.command);
  line.Add("user", client.user);
  line.Add("redir", client.redirect.has_value() ? std::to_string(*client.redirect) : "-1");
  line.Add("resp", client.protocol == resp::Protocol::kResp2 ? 2 : 3);
  line.Add("lib-name", client.library_name);
  line.Add("lib-ver", client.library_version);
  return line.Take();
}

bool ClientFilter::Fits(const ClientFacts& client) const {
  if (nobody || (skipped != 0 && client.id == skipped)) return false;
  if (!ids.empty() && !std::binary_search(ids.begin(), ids.end(), client.id)) return false;
  if (address.has_value() && client.address != *address) return false;
  if (local_address.has_value() && client.local_address != *local_address) return false;
  if (user.has_value() && client.user != *user) return false;
  return !age_min.has_value() || client.age >= *age_min;
}

}  // namespace weir::gateway
