// Laws of the number of ancestors stepped back by one generation: with stored rows of the occupancy
// law, or with rows made on the way.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "occupancy_row.hpp"

namespace autophage::cpu {

// Steps the law of the number of ancestors by one generation with rows 1 .. most, which it keeps,
// each divided by its total. Where staying is likely, the row is kept without its last entry and
// with the chance to leave, so that the law changes by a small amount: the rounding of 1 - 1/n
// would add up over thousands of products with it.
class StoredRows {
 public:
  bool fill(i32 boxes, i32 most, Pace& pace) {
    Row row(boxes, most);
    for (i32 j = 1;; ++j) {
      const double sum = row->sum();
      const bool slow = row->last == j && row->row[j] > 0.5 * sum;
      const i32 kept = slow ? row->width() - 1 : row->width();
      const std::size_t end = value_.size();
      value_.resize(end + static_cast<std::size_t>(kept));
      for (i32 k = 0; k < kept; ++k) value_[end + k] = row->begin()[k] / sum;
      first_.push_back(row->first);
      start_.push_back(static_cast<i64>(value_.size()));
      if (slow) leave_.push_back(core::lane_sum(row->begin(), kept) / sum);
      if (j == most) break;
      if (!pace.go_on(0, 4 * row->width())) return false;
      core::throw_ball(*row);
    }
    return true;
  }

  void step(i32 first, i32 last, const double* law, double* next) {
    for (i32 balls = first; balls <= last; ++balls) {
      const auto j = static_cast<std::size_t>(balls - 1);
      core::add_scaled(law[balls], value_.data() + start_[j], start_[j + 1] - start_[j],
                       next + first_[j]);
    }
    const i32 slow = std::min(last, static_cast<i32>(leave_.size()));
    for (i32 balls = first; balls <= slow; ++balls) {
      const auto j = static_cast<std::size_t>(balls - 1);
      next[balls] = law[balls] + (next[balls] - law[balls] * leave_[j]);
    }
  }
  bool empty() const { return first_.empty(); }

 private:
  std::vector<i64> start_{0};
  std::vector<i32> first_;
  std::vector<double> value_;
  std::vector<double> leave_;  // of the rows of few balls
};

// Rows worth keeping. Above them, a generation's step makes the rows that it needs anew: these
// steps together cost some two passes over all rows, as the lineages soon are few. Row j has about
// 20 j / sqrt(2n) entries, so that the rows kept take 64 MB at most.
inline i32 rows_to_keep(i32 boxes) {
  const double fit = 1000.0 * std::sqrt(std::sqrt(static_cast<double>(boxes)));
  return static_cast<i32>(std::min(boxes / 4.0 + 64.0, fit));
}

inline constexpr double ancestor_floor = 1e-26;

// into += the law of the number of boxes that are hit, given chance[j] of j balls.
inline bool add_occupied(i32 boxes, i32 first, i32 last, const double* chance, double* into,
                         Pace& pace) {
  Row row(boxes, last);
  for (i32 j = 1;; ++j) {
    if (row->full()) {
      for (i32 i = std::max(j, first); i <= last; ++i) into[boxes] += chance[i];
      return true;
    }
    if (j >= first)
      core::add_scaled(chance[j] / row->sum(), row->begin(), row->width(), into + row->first);
    if (j == last) return true;
    if (!pace.go_on(j, row->width())) return false;
    core::throw_ball(*row);
  }
}

}  // namespace autophage::cpu
