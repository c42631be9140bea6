// What the drivers of the exact law share: a row with its memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "../core/occupancy.hpp"
#include "pace.hpp"

namespace autophage::cpu {

using core::i32;
using core::i64;

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
