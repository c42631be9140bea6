// Draws without replacement: the heights, the mode and the hat against quadruple precision, the
// draws against the exact law.
#include "core/hypergeometric.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/stream.hpp"
#include "quad.hpp"
#include "scripted.hpp"
#include "statistics.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u64;

core::Stream& words() {
  static core::Stream stream(44, 0, 0, core::Purpose::truth);
  return stream;
}

// ln P(x): three binomials of the same chance.
quad log_truth(i64 whole, i64 part, i64 taken, i64 x) {
  const quad p = wide(taken) / wide(whole);
  return log_mass_truth(part, p, x) + log_mass_truth(whole - part, p, taken - x) -
         log_mass_truth(whole, p, taken);
}

struct Case {
  i64 whole, part, taken;
  i64 least() const { return std::max<i64>(0, taken - (whole - part)); }
  i64 most() const { return std::min(part, taken); }
  double mean() const {
    return static_cast<double>(part) * (static_cast<double>(taken) / static_cast<double>(whole));
  }
  double variance() const {
    const double n = static_cast<double>(whole), k = static_cast<double>(part);
    return n < 2 ? 0 : mean() * ((n - k) / n) * (static_cast<double>(whole - taken) / (n - 1));
  }
};

// Cases with 0 < taken <= whole / 2: every small one, then random ones of every size.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (i64 whole = 2; whole <= 24; ++whole)
    for (i64 part = 1; part < whole; ++part)
      for (i64 taken = 1; taken <= whole / 2; ++taken) all.push_back({whole, part, taken});
  for (int e = 5; e <= 62; ++e) {
    const i64 whole = i64{1} << e;
    for (const i64 part : {i64{1}, i64{2}, whole / 3, whole / 2, whole - 2, whole - 1})
      for (const i64 taken : {i64{1}, i64{2}, whole / 7, whole / 2 - 1, whole / 2})
        all.push_back({whole, part, taken});
    for (long i = 0; i < share_of(20); ++i) {
      const i64 some = 2 + static_cast<i64>(words().uniform() * static_cast<double>(whole - 2));
      const double a = words().uniform(), b = words().uniform();
      const auto below = [&](double u, i64 limit) {  // on a log scale
        return std::clamp<i64>(static_cast<i64>(std::pow(static_cast<double>(limit), u)), 1, limit);
      };
      all.push_back({some, below(a, some - 1), below(b, some / 2)});
    }
  }
  return all;
}

// The counts to look at: all of a small range, else around the mode and at random within 8
// deviations.
std::vector<i64> counts_of(const Case& c, i64 mode) {
  std::vector<i64> counts;
  const double deviation = std::sqrt(c.variance()) + 1;
  const auto keep = [&](i64 x) {
    if (x >= c.least() && x <= c.most()) counts.push_back(x);
  };
  if (c.most() - c.least() < 40) {
    for (i64 x = c.least(); x <= c.most(); ++x) keep(x);
    return counts;
  }
  for (i64 x = mode - 3; x <= mode + 3; ++x) keep(x);
  keep(c.least());
  keep(c.most());
  for (int i = 0; i < 24; ++i)
    keep(mode + static_cast<i64>((2 * words().uniform() - 1) * 8 * deviation));
  return counts;
}

void heights() {
  double ratio = 0, top = 0, above_hat = 0, best = 0;
  for (const Case& c : cases()) {
    const core::HypergeometricHeight law(c.whole, c.part, c.taken);
    CHECK(law.least() == c.least() && law.most() == c.most());
    const i64 mode = law.mode();
    CHECK(mode >= c.least() && mode <= c.most());
    const quad peak = log_truth(c.whole, c.part, c.taken, mode);
    const double flat = narrow(expq(peak));
    top = std::fmax(top, std::fabs(law.height(mode) / flat - 1));
    for (const i64 x : counts_of(c, mode)) {
      const quad truth = log_truth(c.whole, c.part, c.taken, x) - peak;
      best = std::fmax(best, narrow(truth));  // nothing is higher than the mode
      if (truth < -36) continue;
      ratio = std::fmax(ratio, narrow(size_of(law.exponent(mode) - law.exponent(x) - truth)));
      const double distance = std::fabs(static_cast<double>(x - mode));
      const double hat = std::fmin(0.0, 1 - 0.999 * law.height(mode) * distance);
      above_hat = std::fmax(above_hat, narrow(truth) - hat);
    }
  }
  CHECK_AT_MOST(ratio, 1e-12, "ln f(x) / f(mode), whole to 2^62: absolute");
  CHECK_AT_MOST(top, 1e-12, "f(mode): relative");
  CHECK_AT_MOST(best, 1e-12, "ln of the largest height over that of the mode");
  CHECK_AT_MOST(above_hat, 1e-12, "ln of height over hat");
}

// Every cell of the proposal has one measure, and a count is accepted by its height: the law of the
// draws computed from chosen words.
void law_of_the_draws() {
  for (const Case& c : {Case{20, 7, 10}, {60, 20, 20}, {1000, 500, 400}, {100000, 300, 40000}}) {
    const core::HypergeometricHeight law(c.whole, c.part, c.taken);
    const double flat = 0.999 * law.height(law.mode()), shoulder = 1 + flat;
    CHECK(flat >= 1.0 / 256);
    std::vector<quad> mass(static_cast<std::size_t>(c.most() + 1));
    quad all = 0;
    for (i64 x = c.least(); x <= c.most(); ++x) {
      const double offset = std::fabs(static_cast<double>(x - law.mode()));
      const double distance = offset + 0.5;
      const bool tail = distance * flat > shoulder;
      const double v = tail ? std::exp(shoulder - distance * flat) : distance * flat / shoulder;
      const auto accepted = [&](u64 m) {
        struct Source {
          double next[3];
          u64 bits;
          int asked = 0;
          double uniform() { return asked < 3 ? next[asked++] : (++asked, 0.25); }
          u64 next64() { return bits; }
        } source{{tail ? 1 - 0x1p-53 : 0x1p-53, v, midpoint(m)}, x < law.mode()};
        const i64 drawn = core::draw_hypergeometric(c.whole, c.part, c.taken, source);
        return source.asked == 3 && drawn == x;
      };
      const u64 refused = first_where(0, midpoints, [&](u64 m) { return !accepted(m); });
      mass[static_cast<std::size_t>(x)] =
          wide(static_cast<double>(refused)) * 0x1p-52 * (tail ? v : 1);
      all += mass[static_cast<std::size_t>(x)];
    }
    quad sum = 0;
    for (i64 x = c.least(); x <= c.most(); ++x)
      sum += size_of(mass[static_cast<std::size_t>(x)] / all -
                     expq(log_truth(c.whole, c.part, c.taken, x)));
    CHECK_AT_MOST(narrow(sum / 2), 1e-12, "accepted heights: total variation");
  }
}

void draws_follow_the_law() {
  const Case small[] = {{2, 1, 1},
                        {3, 1, 2},
                        {3, 2, 1},
                        {10, 5, 5},
                        {10, 1, 9},
                        {10, 9, 1},
                        {50, 20, 10},
                        {50, 49, 49},
                        {100, 50, 50},
                        {300, 299, 150},
                        {1000, 10, 500},
                        {1000, 990, 500},
                        {128, 64, 127},
                        {1000000, 3, 999999},
                        {1000000, 2000, 2000},
                        {i64{1} << 40, i64{1} << 20, i64{1} << 22}};
  for (const Case& c : small) {
    const i64 reach = std::min<i64>(c.most() - c.least() + 1, 200);
    std::vector<double> seen(static_cast<std::size_t>(reach)), law(seen.size());
    for (i64 i = 0; i < reach; ++i) {
      const i64 x = c.least() + i;
      law[static_cast<std::size_t>(i)] = narrow(expq(log_truth(c.whole, c.part, c.taken, x)));
    }
    for (long i = 0; i < share_of(1e5); ++i) {
      const i64 x = core::draw_hypergeometric(c.whole, c.part, c.taken, words());
      if (!CHECK(x >= c.least() && x <= c.most())) return;
      seen[static_cast<std::size_t>(std::min(x - c.least(), reach - 1))] += 1;
    }
    const double p_value = chi_square(seen, law);
    if (!CHECK(plausible(p_value) || (std::isnan(p_value) && c.variance() < 1e-3)))
      std::printf("  %ld %ld %ld: p = %g\n", c.whole, c.part, c.taken, p_value);
  }
}

// Laws too wide for cells: mean and variance, and whether each bit of the counts is used.
void wide_draws() {
  const i64 large = i64{1} << 62;
  for (const Case& c : {Case{large, large / 2, large / 2},
                        {large, large / 3, large / 5},
                        {large - 1, large / 2, large - large / 9},
                        {i64{1} << 53, 12345678901, i64{1} << 52}}) {
    const long draws = share_of(2e5);
    const double center = std::floor(c.mean()), variance = c.variance();
    double sum = 0, squares = 0, odd = 0;
    for (long i = 0; i < draws; ++i) {
      const i64 x = core::draw_hypergeometric(c.whole, c.part, c.taken, words());
      CHECK(x >= c.least() && x <= c.most());
      const double z = static_cast<double>(x - static_cast<i64>(center)) / std::sqrt(variance);
      sum += z;
      squares += z * z;
      odd += static_cast<double>(x & 1);
    }
    const double n = static_cast<double>(draws);
    CHECK(std::fabs(sum / std::sqrt(n)) <= most_errors);
    CHECK(std::fabs((squares - n) / std::sqrt(2 * n)) <= most_errors);
    CHECK(std::fabs((odd - n / 2) / std::sqrt(n / 4)) <= most_errors);
  }
}

void ends() {
  for (const i64 whole : {i64{1}, i64{2}, i64{17}, i64{1} << 62}) {
    CHECK(core::draw_hypergeometric(whole, 0, whole, words()) == 0);
    CHECK(core::draw_hypergeometric(whole, whole, 0, words()) == 0);
    CHECK(core::draw_hypergeometric(whole, whole, whole, words()) == whole);
    CHECK(core::draw_hypergeometric(whole, whole, whole / 2, words()) == whole / 2);
    CHECK(core::draw_hypergeometric(whole, whole / 2, whole, words()) == whole / 2);
  }
  CHECK(core::draw_hypergeometric(i64{0}, i64{0}, i64{0}, words()) == 0);
}

// A planted fault: draws with replacement.
void the_judge_sees_replacement() {
  std::vector<double> seen(11), law(11);
  for (long i = 0; i < 20000; ++i)
    seen[static_cast<std::size_t>(core::draw_binomial(10, 0.5, words()))] += 1;
  for (i64 x = 0; x <= 10; ++x)
    law[static_cast<std::size_t>(x)] = narrow(expq(log_truth(40, 20, 10, x)));
  CHECK(!plausible(chi_square(seen, law)));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  heights();
  law_of_the_draws();
  draws_follow_the_law();
  wide_draws();
  ends();
  the_judge_sees_replacement();
  return finish();
}
