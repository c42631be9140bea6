// Rows of the occupancy law and what is taken from them, against sums written out in full.
#include "core/occupancy.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "backend.hpp"
#include "check.hpp"

namespace {

using autophage::Poll;
using autophage::core::i32;
namespace core = autophage::core;
namespace cpu = autophage::cpu;
using Law = std::vector<double>;

bool near(double a, double b, double relative) {
  return std::fabs(a - b) <= relative * std::fabs(b);
}

// q(j, k) in full, in long double.
std::vector<std::vector<long double>> rows(i32 boxes, i32 balls) {
  std::vector<std::vector<long double>> q{{1}};
  for (i32 j = 1; j <= balls; ++j) {
    std::vector<long double> row(static_cast<std::size_t>(boxes) + 1);
    for (i32 k = 1; k <= boxes && k <= j; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const auto& last = q.back();
      const long double same = i < last.size() ? last[i] : 0, fewer = last[i - 1];
      row[i] = (same * k + fewer * (boxes - k + 1)) / boxes;
    }
    q.push_back(row);
  }
  return q;
}

void sums_have_a_fixed_shape() {
  Law a(21), b(21);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = 1.0 / static_cast<double>(i + 1), b[i] = 2.0;
  double lane[8] = {};
  for (std::size_t i = 0; i < a.size(); ++i) lane[i % 8] += a[i];
  const double sum =
      ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
  CHECK(core::lane_sum(a.data(), 21) == sum);
  CHECK(core::lane_dot(a.data(), b.data(), 21) == 2.0 * sum);
  CHECK(core::lane_sum(a.data(), 0) == 0.0);
}

void rows_are_those_in_full(i32 boxes, i32 balls) {
  const auto q = rows(boxes, balls);
  Law buffer(static_cast<std::size_t>(2 * (boxes + 2)));
  auto row = core::one_ball(buffer.data(), buffer.data() + boxes + 2, boxes);
  for (i32 j = 1; j <= balls; ++j) {
    CHECK(row.balls == j);
    CHECK(row.row[row.first - 1] == 0.0 && row.row[row.last + 1] == 0.0);
    long double missing = 0;
    for (i32 k = 1; k <= boxes; ++k) {
      const double exact =
          static_cast<double>(q[static_cast<std::size_t>(j)][static_cast<std::size_t>(k)]);
      if (k < row.first || k > row.last)
        missing += exact;
      else
        CHECK(std::fabs(row.row[k] - exact) <= 1e-13 * exact + 4e-22 * j);
    }
    CHECK(missing <= 2e-22L * static_cast<long double>(j));
    if (j < balls) core::throw_ball(row);
  }
}

void two_boxes_by_hand() {
  // Two lineages meet with chance 1/2 a generation: sums 2 d and sum of m d / 2^m = 2 d.
  const Law differ{0, 0, 0.25};
  double sum = 0, moment = 0;
  CHECK(cpu::collapse_sums(2, 1, differ.data(), &sum, &moment, Poll{}));
  CHECK(sum == 0.5 && moment == 0.5);
}

void sums_are_those_over_generations() {
  const i32 boxes = 6;
  const auto q = rows(boxes, boxes);
  Law differ(7), law(7), next(7);
  for (std::size_t j = 1; j < 7; ++j) differ[j] = 1.0 - std::pow(0.3, j) - std::pow(0.7, j);
  law[6] = 1;
  double expected = 0, expected_moment = 0;
  for (int m = 0; m < 400; ++m) {
    for (std::size_t j = 2; j < 7; ++j) {
      expected += law[j] * differ[j];
      expected_moment += m * law[j] * differ[j];
    }
    next.assign(7, 0);
    for (std::size_t j = 1; j < 7; ++j)
      for (std::size_t k = 1; k <= j; ++k) next[k] += law[j] * static_cast<double>(q[j][k]);
    law = next;
  }
  double sum = 0, moment = 0;
  CHECK(cpu::collapse_sums(boxes, 1, differ.data(), &sum, &moment, Poll{}));
  CHECK(near(sum, expected, 1e-14) && near(moment, expected_moment, 1e-14));
}

void the_table_holds_the_powers(i32 boxes) {
  const auto q = rows(boxes, boxes);
  autophage::AncestorTable table;
  CHECK(cpu::ancestor_table(boxes, 1'000'000, table, Poll{}) && table.complete);
  const auto size = static_cast<std::size_t>(boxes) + 1;
  Law law(size), next(size);
  law[size - 1] = 1;
  for (std::size_t m = 0; m < table.first.size(); ++m) {
    double off = 0;
    for (std::size_t j = 1; j < size; ++j) {
      const auto i = static_cast<std::int64_t>(j) - table.first[m];
      const bool kept = i >= 0 && table.start[m] + i < table.start[m + 1];
      const double value =
          kept ? table.probability[static_cast<std::size_t>(table.start[m] + i)] : 0;
      off = std::fmax(off, std::fabs(value - law[j]) / (law[j] + 1e-9));
    }
    CHECK(off <= 1e-12);
    next.assign(size, 0);
    for (std::size_t j = 1; j < size; ++j)
      for (std::size_t k = 1; k <= j; ++k) next[k] += law[j] * static_cast<double>(q[j][k]);
    law = next;
  }
}

void binomials_are_pascals() {
  for (const double p : {0.0, 1e-300, 0.1, 0.5, 0.875, 1.0}) {
    Law exact{1.0}, law(31);
    for (int t = 0; t < 30; ++t) {
      exact.push_back(0);
      for (std::size_t k = exact.size() - 1; k > 0; --k)
        exact[k] = exact[k] * (1 - p) + exact[k - 1] * p;
      exact[0] *= 1 - p;
    }
    core::binomial_law(30, p, 1.0 - p, law.data());
    for (std::size_t k = 0; k <= 30; ++k)
      CHECK(std::fabs(law[k] - exact[k]) <= 1e-13 * exact[k] + 1e-21);
  }
  Law none(1), sure(2);
  core::binomial_law(0, 0.5, 0.5, none.data());
  core::binomial_law(1, 1.0, 1e-320, sure.data());
  CHECK(none[0] == 1.0 && sure[0] == 0.0 && sure[1] == 1.0);
}

void stopped_lineages_are_a_binomial_mixture() {
  const double fresh = 0.3, meets = 0.2;
  Law value{1, 0.9, 0.5, 0.4, 0.1}, used = value, result(5), law(5);
  core::stop_lineages(fresh, meets, 4, used.data(), result.data());
  for (i32 j = 0; j <= 4; ++j) {
    core::binomial_law(j, fresh, 1 - fresh, law.data());
    double expected = 0;
    for (i32 k = 0; k <= j; ++k)
      expected += law[static_cast<std::size_t>(k)] * std::pow(meets, k) *
                  value[static_cast<std::size_t>(j - k)];
    CHECK(near(result[static_cast<std::size_t>(j)], expected, 1e-14));
  }
}

void counts_step_by_binomial_rows() {
  for (const i32 trials : {2, 4, 9}) {
    const std::vector<Law> laws{{0, 0.25, 0.5, 0.125, 0.125}, {1, 0, 0, 0, 0}, {0, 0, 0, 0, 1}};
    Law given, row(static_cast<std::size_t>(trials) + 1), result(3 * row.size());
    for (const Law& law : laws) given.insert(given.end(), law.begin(), law.end());
    CHECK(cpu::step_counts(4, trials, 1, 3, given.data(), result.data(), Poll{}));
    for (std::size_t i = 0; i < laws.size(); ++i) {
      Law expected(row.size());
      for (std::size_t x = 0; x <= 4; ++x) {
        core::binomial_law(trials, static_cast<double>(x), static_cast<double>(4 - x), row.data());
        for (std::size_t y = 0; y < row.size(); ++y) expected[y] += laws[i][x] * row[y];
      }
      for (std::size_t y = 0; y < row.size(); ++y)
        CHECK(std::fabs(result[i * row.size() + y] - expected[y]) <= 1e-15);
    }
  }
}

void more_balls_than_boxes_fill_them() {
  const Law weight{7, 1, 2, 4};
  Law result(2001);
  CHECK(cpu::expect_occupied(3, 2000, 1, weight.data(), 4, result.data(), Poll{}));
  CHECK(result[0] == 7 && result[1] == 1 && near(result[2], 1.0 / 3 + 2 * 2.0 / 3, 1e-15));
  CHECK(near(result[2000], 4, 1e-14));
  Law chance(2001), law(4);
  chance[1] = chance[2000] = 0.5;
  CHECK(cpu::occupied_law(3, 2000, chance.data(), law.data(), Poll{}));
  CHECK(law[0] == 0 && near(law[1], 0.5, 1e-15) && near(law[3], 0.5, 1e-15) && law[2] < 1e-15);
}

void a_poll_stops_the_work() {
  const Law differ(200'001, 0.5);
  double sum = 0, moment = 0;
  const Poll refuse{[](void*, std::int64_t) { return false; }, nullptr};
  CHECK(!cpu::collapse_sums(200'000, 1, differ.data(), &sum, &moment, refuse));
}

}  // namespace

int main() {
  sums_have_a_fixed_shape();
  for (const i32 boxes : {1, 2, 3, 7, 100, 800}) rows_are_those_in_full(boxes, boxes);
  rows_are_those_in_full(5, 300);
  rows_are_those_in_full(300, 5);
  two_boxes_by_hand();
  sums_are_those_over_generations();
  for (const i32 boxes : {1, 2, 3, 20, 200}) the_table_holds_the_powers(boxes);
  binomials_are_pascals();
  stopped_lineages_are_a_binomial_mixture();
  counts_step_by_binomial_rows();
  more_balls_than_boxes_fill_them();
  a_poll_stops_the_work();
  return autophage::test::finish();
}
