// Laws of numbers of ancestors: forward through the generations, from the samples back.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "occupancy_row.hpp"

namespace autophage::cpu {

namespace {

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
i32 rows_to_keep(i32 boxes) {
  const double fit = 1000.0 * std::pow(static_cast<double>(boxes), 0.25);
  return static_cast<i32>(std::min(boxes / 4.0 + 64.0, fit));
}

constexpr double ancestor_floor = 1e-26;
constexpr double settled = 3e-15;

// Whether three or more ancestors add nothing to any weight w with w[1] = 0 and w[j] <= (j-1) w[2].
bool only_two_left(const double* law, i32 first, i32 last) {
  double more = 0.0;
  for (i32 j = std::max(first, 3); j <= last; ++j) more += (j - 1) * law[j];
  return last < 2 || more <= settled * law[2];
}

bool add_occupied(i32 boxes, i32 first, i32 last, const double* chance, double* into, Pace& pace) {
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

}  // namespace

bool occupied_law(std::int32_t boxes, std::int32_t balls, const double* chance, double* law,
                  Poll poll) {
  Pace pace(poll);
  std::fill(law, law + std::min(boxes, balls) + 1, 0.0);
  i32 first = 1, last = balls;
  while (first < last && chance[first] == 0.0) ++first;
  while (last > first && chance[last] == 0.0) --last;
  return add_occupied(boxes, first, last, chance, law, pace);
}

bool ancestor_table(std::int32_t boxes, std::int64_t generations, AncestorTable& table, Poll poll) {
  Pace pace(poll);
  StoredRows rows;
  const i32 kept = rows_to_keep(boxes);
  std::vector<double> law(static_cast<std::size_t>(boxes) + 1), next = law;
  law[boxes] = 1.0;
  i32 first = boxes, last = boxes;
  table.reserve(boxes, generations);
  for (;;) {
    table.first.push_back(first);
    table.probability.insert(table.probability.end(), &law[first], &law[last] + 1);
    table.start.push_back(static_cast<i64>(table.probability.size()));
    table.complete = only_two_left(law.data(), first, last);
    if (table.complete || static_cast<i64>(table.first.size()) > generations) return true;
    if (last > kept) {
      if (!add_occupied(boxes, first, last, law.data(), next.data(), pace)) return false;
    } else {
      if (rows.empty() && !rows.fill(boxes, last, pace)) return false;
      rows.step(first, last, law.data(), next.data());
      if (!pace.go_on(0, 10 * (last - first + 1))) return false;
    }
    std::fill(&law[first], &law[last] + 1, 0.0);
    law.swap(next);
    first = 1;
    while (law[first] < ancestor_floor) law[first++] = 0.0;
    while (law[last] < ancestor_floor) law[last--] = 0.0;
  }
}

void expect_ancestors(const std::int64_t* start, const std::int32_t* first,
                      const double* probability, const double* weight, std::int64_t stride,
                      const std::int64_t* generation, const std::int64_t* context,
                      std::int64_t count, double* result) {
  for (i64 i = 0; i < count; ++i) {
    const i64 m = generation[i];
    result[i] = core::lane_dot(probability + start[m], weight + context[i] * stride + first[m],
                               start[m + 1] - start[m]);
  }
}

}  // namespace autophage::cpu
