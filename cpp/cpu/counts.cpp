// Laws of one token's count: binomial rows, kept as bands.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "occupancy_row.hpp"

namespace autophage::cpu {

namespace {

// Rows x = 0 .. given of the law of the next count, each without its zeros.
class CountRows {
 public:
  CountRows(i32 given, i32 trials) : law_(static_cast<std::size_t>(trials) + 1) {
    for (i32 x = 0; x <= given; ++x) {
      core::binomial_law(trials, x, given - x, law_.data());
      const auto positive = [](double chance) { return chance > 0.0; };
      const auto begin = std::find_if(law_.begin(), law_.end(), positive);
      const auto end = std::find_if(law_.rbegin(), law_.rend(), positive).base();
      first_.push_back(begin - law_.begin());
      value_.insert(value_.end(), begin, end);
      start_.push_back(static_cast<i64>(value_.size()));
    }
  }
  // into[y] += chance P(y | x); returns the cost.
  i64 add(i64 x, double chance, double* into) const {
    const i64 width = start_[x + 1] - start_[x];
    core::add_scaled(chance, value_.data() + start_[x], width, into + first_[x]);
    return width;
  }

 private:
  std::vector<i64> start_{0};
  std::vector<i64> first_;
  std::vector<double> law_, value_;
};

constexpr double count_floor = 1e-26;

}  // namespace

void binomial_laws(std::int32_t trials, const double* hit, const double* miss, std::int64_t count,
                   double* law) {
  for (i64 i = 0; i < count; ++i, law += trials + 1)
    core::binomial_law(trials, hit[i], miss[i], law);
}

bool step_counts(std::int32_t given, std::int32_t trials, std::int64_t steps, std::int64_t count,
                 const double* law, double* result, Poll poll) {
  Pace pace(poll);
  const CountRows rows(given, trials);
  std::vector<double> now, next;
  for (i64 i = 0; i < count; ++i, law += given + 1, result += trials + 1) {
    now.assign(law, law + given + 1);
    for (i64 step = 0; step < steps; ++step) {
      next.assign(static_cast<std::size_t>(trials) + 1, 0.0);
      i64 cost = given;
      for (i64 x = 0; x <= given; ++x)
        if (now[x] >= count_floor) cost += rows.add(x, now[x], next.data());
      if (!pace.go_on(step, cost)) return false;
      now.swap(next);
    }
    std::copy(now.begin(), now.end(), result);
  }
  return true;
}

}  // namespace autophage::cpu
