// HoldCheck: whether no more places are leased than there are, and a reservation is settled once at
// most, within its time.
//
// Threads: single-owner. Requires: requests in the order in which they were decided.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sim/op.h"

#include "weir/base/time.h"

namespace weir::sim {

class HoldCheck {
 public:
  struct Reservation {
    Words words;        // Of LIMIT.RESERVE,
    size_t limits = 0;  // which names so many.
    MonoTime ends;
  };

  // LIMIT.ACQUIRE and LIMIT.RELEASE. Return what is wrong, or nothing.
  std::string Acquired(const Words& words, const resp::Value& reply, MonoTime now);
  std::string Released(const Words& words, const resp::Value& reply, MonoTime now);

  void Reserved(const std::string& number, Reservation reservation);
  // LIMIT.COMMIT and LIMIT.CANCEL: says what is wrong, or nothing. `*reservation`: what ended.
  std::string Settled(const Words& words, const resp::Value& reply, MonoTime now,
                      std::optional<Reservation>* reservation);

  // Something may have been leased, or given back, that nobody knows of.
  void Doubt() { doubtful_ = true; }

 private:
  struct Lease {
    std::string key;
    MonoTime ends;
  };
  uint64_t InUse(const std::string& key, MonoTime now) const;
  // Of the key, and not ended.
  Lease* Find(const std::string& key, const std::string& number, MonoTime now);

  std::map<std::string, Lease> leases_;              // By number.
  std::map<std::string, Reservation> reservations_;  // As above; ended ones too.
  bool doubtful_ = false;
};

}  // namespace weir::sim
