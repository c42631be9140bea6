// What the drivers of the exact law share: a row with its memory, and the pace at which they talk
// to the caller.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "../backend.hpp"
#include "../core/occupancy.hpp"

namespace autophage::cpu {

using core::i32;
using core::i64;

// Calls the poll about every 30 ms; the clock is read once in four million units of cost (some
// nanosecond each), so that short calls never read it.
class Pace {
 public:
  explicit Pace(Poll poll) : poll_(poll) {}
  bool go_on(i64 done, i64 cost) {
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
  i64 cost_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// A row with its two buffers.
class Row {
 public:
  Row(i32 boxes, i32 balls)
      : buffer_(2 * size(boxes, balls)),
        row_(core::one_ball(buffer_.data(), buffer_.data() + size(boxes, balls), boxes)) {}
  core::OccupancyRow& operator*() { return row_; }
  core::OccupancyRow* operator->() { return &row_; }

 private:
  static std::size_t size(i32 boxes, i32 balls) {
    return static_cast<std::size_t>(std::max(std::min(boxes, balls), 1)) + 2;
  }
  std::vector<double> buffer_;
  core::OccupancyRow row_;
};

}  // namespace autophage::cpu
