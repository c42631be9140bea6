// Laws of numbers of ancestors: forward through the generations, from the samples back.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ancestor_rows.hpp"

namespace autophage::cpu {

namespace {

constexpr double settled = 3e-15;

// Whether three or more ancestors add nothing to any weight w with w[1] = 0 and w[j] <= (j-1) w[2].
bool only_two_left(const double* law, i32 first, i32 last) {
  double more = 0.0;
  for (i32 j = std::max(first, 3); j <= last; ++j) more += (j - 1) * law[j];
  return last < 2 || more <= settled * law[2];
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
