// Recursive mixtures: one update against dense matrices in long double, determinants beyond the
// range of double, degenerate data, and the driver that a poll stops.
#include "core/recursive_mixture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backend/recursive_mixture.hpp"
#include "check.hpp"

namespace {

namespace core = autophage::core;
namespace cpu = autophage::cpu;
using autophage::Poll;
using Doubles = std::vector<double>;

std::uint64_t word = 1;
double next_number() {  // in (-1, 1)
  word = word * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(word >> 11) * 0x1p-52 - 1.0;
}

struct Owned {
  std::int64_t d, count;
  bool diagonal;
  Doubles weights, means, factors, inverse, constant, room;
  Owned(std::int64_t features, std::int64_t components, bool is_diagonal, double variance)
      : d(features),
        count(components),
        diagonal(is_diagonal),
        weights(static_cast<std::size_t>(count), 1.0 / static_cast<double>(count)),
        means(static_cast<std::size_t>(count * d)),
        factors(static_cast<std::size_t>(count * (diagonal ? d : d * d))),
        inverse(static_cast<std::size_t>(count * d)),
        constant(static_cast<std::size_t>(count)),
        room(static_cast<std::size_t>(2 * count + d)) {
    for (double& mean : means) mean = next_number();
    const std::int64_t size = diagonal ? d : d * d;
    for (std::int64_t m = 0; m < count; ++m)
      for (std::int64_t j = 0; j < d; ++j)
        factors[static_cast<std::size_t>(m * size + j * (diagonal ? 1 : d + 1))] = variance;
  }
  core::RecursiveMixture view() {
    core::RecursiveMixture mix{d,
                               diagonal,
                               count,
                               weights.data(),
                               means.data(),
                               factors.data(),
                               inverse.data(),
                               constant.data()};
    for (std::int64_t m = 0; m < count; ++m) core::derive(mix, m);
    return mix;
  }
};

// Entry (r, c) of U^T D U.
long double entry(const double* factor, std::int64_t d, std::int64_t r, std::int64_t c) {
  long double sum = 0;
  for (std::int64_t j = 0; j <= std::min(r, c); ++j) {
    const long double left = j == r ? 1 : factor[j * d + r], right = j == c ? 1 : factor[j * d + c];
    sum += left * factor[j * d + j] * right;
  }
  return sum;
}

void test_covariance_moves_as_dense_ones_do() {
  double worst = 0;
  for (const std::int64_t d : {1, 2, 3, 8, 21, 150}) {
    Owned all(d, 1, false, 0.5);
    const core::RecursiveMixture mix = all.view();
    std::vector<long double> dense(static_cast<std::size_t>(d * d));
    for (std::int64_t r = 0; r < d; ++r) dense[static_cast<std::size_t>(r * d + r)] = 0.5L;
    Doubles delta(static_cast<std::size_t>(d));
    for (int step = 0; step < 200; ++step) {
      const double t = 0.25 + 0.2 * next_number();
      for (double& x : delta) x = next_number() * (step % 7 == 0 ? 100 : 1);
      for (std::int64_t r = 0; r < d; ++r)
        for (std::int64_t c = 0; c < d; ++c) {
          long double& old = dense[static_cast<std::size_t>(r * d + c)];
          old += t * (static_cast<long double>(delta[static_cast<std::size_t>(r)]) *
                          delta[static_cast<std::size_t>(c)] -
                      old);
        }
      core::move_covariance(mix, 0, t, 1e-300, delta.data());
    }
    long double largest = 0, gap = 0;
    for (std::int64_t r = 0; r < d; ++r)
      for (std::int64_t c = 0; c < d; ++c) {
        const long double exact = dense[static_cast<std::size_t>(r * d + c)];
        largest = std::max(largest, std::fabs(exact));
        gap = std::max(gap, std::fabs(entry(mix.factors, d, r, c) - exact));
      }
    worst = std::max(worst, static_cast<double>(gap / largest));
  }
  CHECK_AT_MOST(worst, 1e-14, "covariances after 200 moves, relative");
}

void test_determinants_leave_the_range_of_double() {
  double worst = 0;
  for (const double pivot : {1e-50, 1e-7, 0.3, 1.0, 1.9999999, 3.7e9, 1e200}) {
    const Doubles pivots(1000, pivot);
    const double exact = 1000 * std::log(pivot);
    const double found = core::log_product(pivots.data(), 1000, 1);
    worst = std::max(worst, std::fabs(found - exact) / std::max(1.0, std::fabs(exact)));
  }
  CHECK_AT_MOST(worst, 3e-13, "log determinants of 1,000 features");
}

void test_degenerate_data_leave_a_mixture() {
  for (const bool diagonal : {false, true}) {
    Owned all(4, 12, diagonal, 1.0);
    core::RecursiveMixture mix = all.view();
    const core::RecursiveRule rule{0.05, 0.02, 1e-6};
    for (long i = 0; i < autophage::test::share_of(40000); ++i) {
      const double a = next_number() + (i % 2 == 0 ? 5 : -5);
      const double far = i % 100 == 0 ? 1e80 : 1;
      const double x[4] = {a * far, 3.0, 1e5 * a, next_number()};
      core::learn(mix, rule, x, all.room.data());
      double sum = 0;
      for (std::int64_t m = 0; m < mix.components; ++m) {
        sum += mix.weights[m];
        for (std::int64_t j = 0; j < 4; ++j)
          CHECK(mix.factors[m * mix.factor_size() + j * mix.pivot_stride()] >= 1e-6);
        CHECK(std::isfinite(mix.constant[m]) && mix.weights[m] > 0);
      }
      CHECK(std::fabs(sum - 1) < 1e-12);
    }
    CHECK(mix.components >= 1 && mix.components < 12);
  }
}

bool refuse(void*, std::int64_t) { return false; }

void test_a_poll_stops_the_driver() {
  const std::int64_t d = 20, components = 40, count = autophage::test::share_of(40000);
  Owned all(d, components, false, 1.0);
  Doubles points(static_cast<std::size_t>(count * d));
  for (double& x : points) x = next_number();
  autophage::RecursiveMixtureState state{
      d, components, false, all.weights.data(), all.means.data(), all.factors.data()};
  CHECK(cpu::learn(state, points.data(), 100, 0.01, 0.0, 1e-6, Poll{}));
  CHECK(state.components == components);
  Doubles result(static_cast<std::size_t>(count * components));
  CHECK(cpu::log_densities(state, points.data(), count, result.data(), Poll{}));
  for (const double density : result) CHECK(std::isfinite(density));
  if (autophage::test::effort() == 1.0)
    CHECK(!cpu::learn(state, points.data(), count, 0.01, 0.0, 1e-6, Poll{&refuse, nullptr}));
}

}  // namespace

int main() {
  test_covariance_moves_as_dense_ones_do();
  test_determinants_leave_the_range_of_double();
  test_degenerate_data_leave_a_mixture();
  test_a_poll_stops_the_driver();
  return autophage::test::finish();
}
