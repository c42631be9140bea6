// The pace at which a driver of one thread talks to the caller.
#pragma once

#include <chrono>
#include <cstdint>

#include "../backend.hpp"

namespace autophage::cpu {

// Calls the poll about every 30 ms; the clock is read once in four million units of cost (some
// nanosecond each), so that short calls never read it.
class Pace {
 public:
  explicit Pace(Poll poll) : poll_(poll) {}
  bool go_on(std::int64_t done, std::int64_t cost) {
    cost_ += cost;
    if (cost_ < 4'000'000 || poll_.proceed == nullptr) return true;
    cost_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(30)) return true;
    last_ = now;
    return poll_.proceed(poll_.context, done);
  }

 private:
  Poll poll_;
  std::int64_t cost_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace autophage::cpu
