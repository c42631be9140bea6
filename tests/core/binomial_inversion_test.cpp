// The law of draw_binomial where one uniform decides (n p < 10): all 2^52 uniforms are sorted into
// counts by bisection, and the shares are compared with the binomial law in quadruple precision.
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/samplers.hpp"
#include "quad.hpp"
#include "scripted.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u64;

constexpr i64 again = -1;

i64 count_at(i64 n, double p, u64 m) {
  Scripted source;
  source.uniforms[0] = midpoint(m);
  source.given = 1;
  const i64 x = core::draw_binomial(n, p, source);
  return source.again() ? again : p > 0.5 ? n - x : x;
}

// Shares of the uniforms by count (of successes, or of failures for p > 1/2). Counts rise with the
// uniform, because rounding keeps the order of the differences.
std::vector<quad> law_of(i64 n, double p) {
  std::vector<u64> cut{0};
  const u64 end = first_where(0, midpoints, [&](u64 m) { return count_at(n, p, m) == again; });
  for (i64 x = 0; cut.back() < end; ++x)
    cut.push_back(first_where(cut.back(), end, [&](u64 m) { return count_at(n, p, m) > x; }));
  std::vector<quad> law;
  for (std::size_t x = 0; x + 1 < cut.size(); ++x)
    law.push_back(static_cast<quad>(cut[x + 1] - cut[x]) / static_cast<quad>(end));
  return law;
}

// The binomial law itself, up to a count beyond which less than 1e-30 is left.
std::vector<quad> truth_of(i64 n, double p) {
  const quad smaller = p > 0.5 ? 1 - quad{p} : quad{p};
  std::vector<quad> law;
  quad mass = expq(n * log1pq(-smaller)), mean = n * smaller;
  for (i64 x = 0; x <= n && (x <= mean || mass > 1e-35); ++x) {
    law.push_back(mass);
    mass *= (wide(n - x) / wide(x + 1)) * (smaller / (1 - smaller));
  }
  return law;
}

double total_variation(const std::vector<quad>& a, const std::vector<quad>& b) {
  quad sum = 0;
  for (std::size_t x = 0; x < a.size() || x < b.size(); ++x)
    sum += size_of((x < a.size() ? a[x] : 0) - (x < b.size() ? b[x] : 0));
  return narrow(sum / 2);
}

std::vector<i64> sizes() {
  return {1,
          2,
          10,
          29,
          30,
          31,
          300,
          301,
          700,
          1000,
          1024,
          1025,
          1000000,
          1000000000,
          2147483647,
          2147483648,
          (i64{1} << 53) + 1,
          i64{1} << 62};
}

std::vector<double> chances(i64 n) {
  std::vector<double> all{5e-324, 1e-310, 1e-300, 1e-100, 1e-19, 1e-10, 1e-3, 0.1, 0.3, 0.5};
  for (const double mean : {0.001, 0.1, 0.7, 1.0, 2.5, 5.0, 9.0, 9.99, 9.999999999})
    if (mean < 0.5 * static_cast<double>(n)) all.push_back(mean / static_cast<double>(n));
  for (std::size_t i = 0, below_half = all.size(); i < below_half; ++i)
    if (1 - all[i] < 1) all.push_back(1 - all[i]);
  all.push_back(1 - 0x1p-53);
  return all;
}

void laws() {
  double worst = 0, worst_small = 0;
  long cases = 0;
  for (const i64 n : sizes())
    for (const double p : chances(n)) {
      const double smaller = p <= 0.5 ? p : 1 - p;
      if (static_cast<double>(n) * smaller >= 10) continue;
      const double distance = total_variation(law_of(n, p), truth_of(n, p));
      double& of = n <= 31 ? worst_small : worst;
      of = std::fmax(of, distance);
      ++cases;
      if (!CHECK(distance < 1e-12)) std::printf("  n = %ld, p = %a: %g\n", n, p, distance);
    }
  std::printf("%ld laws by inversion\n", cases);
  CHECK_AT_MOST(worst_small, 1e-14, "inversion, n to 31: total variation");
  CHECK_AT_MOST(worst, 1e-12, "inversion, n to 2^62: total variation");
}

// n p < 10: what lies beyond 256, where the loop ends, is nothing. The bound (e n p / 256)^256 of
// Chernoff covers every n.
void nothing_is_cut() {
  CHECK(256 * std::log10(std::exp(1.0) * 10 / 256) < -200);
  quad tail = 0;
  for (const i64 n : {257L, 1000L, 1L << 40}) {
    const quad p = quad{10} / n;
    tail = fmaxq(tail, expq(log_mass_truth(n, p, 256)));
  }
  CHECK(tail < 1e-200);
}

// Points that are exact, and arguments out of range.
void ends() {
  for (const i64 n : {i64{0}, i64{1}, i64{30}, i64{1} << 31, i64{1} << 62}) {
    Scripted source;
    source.given = 0;
    CHECK(core::draw_binomial(n, 0.0, source) == 0 && core::draw_binomial(n, -0.0, source) == 0);
    CHECK(core::draw_binomial(n, 1.0, source) == n);
    CHECK(core::draw_binomial(n, -1.0, source) == 0 && core::draw_binomial(n, 2.0, source) == n);
    CHECK(core::draw_binomial_share(n, 0, 7, source) == 0);
    CHECK(core::draw_binomial_share(n, 7, 7, source) == n);
    CHECK(source.asked == 0);
  }
  CHECK(count_at(1, 0.25, 0) == 0 && count_at(1, 0.25, midpoints - 1) == 1);
  CHECK(count_at(i64{1} << 62, 5e-324, midpoints - 1) == 0);  // 2.3e-305 is below every uniform
}

// Binomial given at least one: the law of the part that uses one uniform, n p < .1.
void positive_counts() {
  double worst = 0;
  for (const i64 n : sizes())
    for (const double mean : {0.0999, 0.01, 1e-5, 1e-16, 1e-300}) {
      const double p = mean / static_cast<double>(n);
      if (!(p > 0)) continue;
      std::vector<u64> cut{0};
      const auto at = [&](u64 m) {
        Scripted source;
        source.uniforms[0] = midpoint(m);
        source.given = 1;
        const i64 x = core::draw_positive_binomial(n, p, source);
        CHECK(x >= 1 && x <= n && !source.again());
        return x;
      };
      for (i64 x = 1; cut.back() < midpoints; ++x)
        cut.push_back(first_where(cut.back(), midpoints, [&](u64 m) { return at(m) > x; }));
      std::vector<quad> law{0}, truth = truth_of(n, p);
      for (std::size_t i = 0; i + 1 < cut.size(); ++i)
        law.push_back(static_cast<quad>(cut[i + 1] - cut[i]) / static_cast<quad>(midpoints));
      truth[0] = 0;
      quad all = 0;
      for (const quad mass : truth) all += mass;
      if (truth.size() < 2) truth.push_back(all = 1);
      for (quad& mass : truth) mass /= all;
      worst = std::fmax(worst, total_variation(law, truth));
    }
  CHECK_AT_MOST(worst, 1e-14, "given at least one, n p < .1: total variation");
}

// A planted fault: a chance that is 1e-3 too large, relatively, is far from the law.
void the_judge_sees_a_bias() {
  CHECK(total_variation(law_of(300, 0.01 * 1.001), truth_of(300, 0.01)) > 1e-4);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  laws();
  nothing_is_cut();
  ends();
  positive_counts();
  the_judge_sees_a_bias();
  return finish();
}
