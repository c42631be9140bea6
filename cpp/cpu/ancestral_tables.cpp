// The tables from which paths of ancestors are drawn: see core/chain_ancestral.hpp. All arithmetic
// is that of core, so that every machine makes the same tables.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../backend/ancestral.hpp"
#include "../core/chain_ancestral.hpp"
#include "ancestor_rows.hpp"
#include "exact_alias.hpp"

namespace autophage::cpu {

namespace {

using core::u32;
using core::u64;

constexpr double least_weight = 1e-24;  // of an outcome that is kept
constexpr double left_out = 1e-19;      // chance of more ancestors after the last generation

// A wait's table has so many mean waiting times: 2 in 100 waits are longer.
constexpr double waits = 4.0;

// The outcomes of one row, and the columns that they become.
class Outcomes {
 public:
  void add(i64 generations, i64 ancestors, double weight) {
    if (weight < least_weight) return;
    outcome_.push_back(core::jump_outcome(generations, ancestors));
    weight_.push_back(weight);
  }

  void append_to(AncestralTable& table, u64 row) {
    table.row[row] = static_cast<u64>(table.column.size() / 2) << 32 | weight_.size();
    append_columns(weight_, outcome_, table.column);
    outcome_.clear();
    weight_.clear();
  }

 private:
  std::vector<u32> outcome_;
  std::vector<double> weight_;
};

// The row of `o.balls` ancestors: they wait, then are fewer, or wait for the whole table.
void add_jumps(const core::OccupancyRow& o, AncestralTable& table) {
  const i32 j = o.balls;
  const i32 fewer = o.last == j ? o.width() - 1 : o.width();
  const double sum = o.sum(), leave = core::lane_sum(o.begin(), fewer) / sum;
  const double log_stay = core::log1p(-leave);
  const i64 longest = static_cast<i64>(waits / leave) + 1;
  Outcomes outcomes;
  for (i64 wait = 0; wait < longest; ++wait) {
    const double stay = core::exp(static_cast<double>(wait) * log_stay) / sum;
    for (i32 k = o.first; k < j; ++k) outcomes.add(wait + 1, k, stay * o.row[k]);
  }
  outcomes.add(longest, j, core::exp(static_cast<double>(longest) * log_stay));
  outcomes.append_to(table, static_cast<u64>(j));
}

// P(A_k > level) for all levels that are not exceeded for certain, from the law of A_k on first ..
// last, all above low_ancestors. Returns the first of them.
double add_above(const double* law, i32 first, i32 last, AncestralTable& table) {
  const auto width = static_cast<std::size_t>(last - first + 1);
  const std::size_t at = table.above.size();
  table.above.resize(at + width);
  double more = 0.0;
  for (std::size_t i = width; i-- > 0;)
    table.above[at + i] = core::as_word(more += law[first + static_cast<i32>(i)]);
  table.level.push_back(first - 1);
  table.start.push_back(static_cast<i64>(table.above.size()));
  return more;
}

// The path from n ancestors down to low_ancestors: the row of its end, and P(A_k > level) on the
// way.
bool add_start(i32 n, AncestralTable& table, Pace& pace) {
  constexpr auto low = static_cast<i32>(core::low_ancestors);
  StoredRows rows;
  Outcomes outcomes;
  std::vector<double> law(static_cast<std::size_t>(n) + 1), next = law;
  law[n] = 1.0;
  i32 first = n, last = n;
  for (i64 k = 1; last > low; ++k) {
    if (add_above(law.data(), first, last, table) < left_out) break;
    if (last > rows_to_keep(n)) {
      if (!add_occupied(n, first, last, law.data(), next.data(), pace)) return false;
    } else {
      if (rows.empty() && !rows.fill(n, last, pace)) return false;
      rows.step(first, last, law.data(), next.data());
      if (!pace.go_on(0, 10 * (last - first + 1))) return false;
    }
    for (i32 j = 1; j <= low; ++j) {
      outcomes.add(k, j, next[j]);
      next[j] = 0.0;
    }
    std::fill(&law[first], &law[last] + 1, 0.0);
    law.swap(next);
    first = low + 1;
    while (first < last && law[first] < ancestor_floor) law[first++] = 0.0;
    while (last > low && law[last] < ancestor_floor) law[last--] = 0.0;
  }
  outcomes.append_to(table, core::start_of_path);
  return true;
}

}  // namespace

bool ancestral_table(std::int32_t n, AncestralTable& table, const Poll& poll) {
  constexpr auto low = static_cast<i32>(core::low_ancestors);
  Pace pace(poll);
  table.row.assign(core::start_of_path + 1, 0);
  if (n > low) {
    if (!add_start(n, table, pace)) return false;
  } else {
    Outcomes outcomes;
    outcomes.add(0, n, 1.0);
    outcomes.append_to(table, core::start_of_path);
  }
  Row row(n, std::min(n, low));
  while (row->balls < std::min(n, low)) {
    core::throw_ball(*row);
    add_jumps(*row, table);
  }
  // A study may keep the tables of many n.
  table.column.shrink_to_fit();
  table.above.shrink_to_fit();
  table.start.shrink_to_fit();
  table.level.shrink_to_fit();
  return true;
}

}  // namespace autophage::cpu
