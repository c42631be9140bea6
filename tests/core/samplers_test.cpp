// Samplers on real streams: counts against exact laws by chi-square, moments where laws are too
// wide, and draws from a true law with up to a million tokens.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "core/chain.hpp"
#include "cpu/prepared_laws.hpp"
#include "quad.hpp"
#include "statistics.hpp"

namespace autophage::test {
namespace {

using core::i32;
using core::i64;
using core::Stream;
using core::u64;

Stream words_for(u64 run) { return {2718, run, 0, core::Purpose::counts}; }

// Chi-square of `draw()` against Binomial(n, p) over the counts around its mean, tails pooled.
template <class Draw>
double judge(i64 n, quad p, long draws, i64 least, Draw&& draw) {
  const double mean = narrow(n * p), spread = 9 * std::sqrt(mean * narrow(1 - p)) + 9;
  const i64 low = std::max(least, static_cast<i64>(mean - spread));
  const i64 high = std::min(n, static_cast<i64>(mean + spread));
  std::vector<double> seen(static_cast<std::size_t>(high - low + 1)), law(seen.size());
  quad all = 0;
  for (i64 k = low; k <= high; ++k) {
    const quad mass = expq(log_mass_truth(n, p, k));
    law[static_cast<std::size_t>(k - low)] = narrow(mass);
    all += mass;
  }
  for (double& mass : law) mass /= narrow(all);
  for (long i = 0; i < draws; ++i) {
    const i64 k = draw();
    if (!CHECK(k >= low && k <= high)) return 0;
    seen[static_cast<std::size_t>(k - low)] += 1;
  }
  return chi_square(seen, law);
}

void binomials() {
  u64 run = 0;
  for (const i64 n :
       {1L, 2L, 10L, 29L, 30L, 31L, 300L, 301L, 700L, 1000L, 1000000L, 1000000000L, 1L << 53})
    for (const double p : {0.5, 0.3, 0.9, 0.04, 1e-3, 1e-6, 1e-10, 1e-14, 1 - 0x1p-53}) {
      if (static_cast<double>(n) * p * (1 - p) > 1e5) continue;
      Stream words = words_for(++run);
      const double p_value =
          judge(n, p, share_of(4e4), 0, [&] { return core::draw_binomial(n, p, words); });
      if (!CHECK(plausible(p_value) ||
                 (std::isnan(p_value) && static_cast<double>(n) * p * (1 - p) < 1e-3)))
        std::printf("  n = %ld, p = %g: p-value %g\n", n, p, p_value);
    }
}

void shares_and_positive_counts() {
  Stream words = words_for(1000);
  const long draws = share_of(1e5);
  for (const i64 part : {1, 10, 64, 127, 500, 990, 999}) {
    const double p_value = judge(128, quad{1} * part / 1000, draws, 0,
                                 [&] { return core::draw_binomial_share(128, part, 1000, words); });
    CHECK(plausible(p_value));
  }
  for (const double p : {1e-9, 1e-3, 0.01, 0.02, 0.3, 0.999})
    CHECK(plausible(
              judge(7, p, draws, 1, [&] { return core::draw_positive_binomial(7, p, words); })) ||
          p < 1e-4);
  for (const i64 n : {1, 2, 1000}) CHECK(core::draw_positive_binomial(n, 1.0, words) == n);
  for (int i = 0; i < 1000; ++i)
    CHECK(core::draw_positive_binomial(i64{1} << 62, 1e-300, words) == 1);
}

// Mean, variance and lowest bit of counts too many for cells.
void wide_binomials() {
  u64 run = 2000;
  for (const i64 n : {i64{1} << 31, (i64{1} << 53) + 1, i64{1} << 62})
    for (const double p : {0.5, 0.25, 1 - 0x1p-10, 1e-3}) {
      Stream words = words_for(++run);
      const long draws = share_of(1e5);
      const quad mean = wide(n) * p;
      const double deviation = std::sqrt(narrow(mean * (1 - quad{p})));
      double sum = 0, squares = 0, odd = 0;
      for (long i = 0; i < draws; ++i) {
        const i64 k = core::draw_binomial(n, p, words);
        const double z = narrow(k - mean) / deviation;
        sum += z;
        squares += z * z;
        odd += static_cast<double>(k & 1);
      }
      const auto all = static_cast<double>(draws);
      CHECK(std::fabs(sum / std::sqrt(all)) <= most_errors);
      CHECK(std::fabs((squares - all) / std::sqrt(2 * all)) <= most_errors);
      CHECK(std::fabs((odd - all / 2) / std::sqrt(all / 4)) <= most_errors);
    }
}

std::vector<double> zipf(std::size_t tokens) {
  std::vector<double> p(tokens);
  double sum = 0;
  for (std::size_t i = 0; i < tokens; ++i) sum += p[i] = 1 / static_cast<double>(i + 1);
  for (double& x : p) x /= sum;
  return p;
}

// The shares that conditional binomials use lead back to p.
void shares_of_a_law() {
  for (const std::size_t tokens : {1U, 2U, 3U, 16U, 1000U, 1000000U}) {
    const std::vector<double> p = zipf(tokens);
    const cpu::PreparedLaw law(p.data(), static_cast<i64>(tokens));
    quad left = 1, all = 0, sum = 0;
    for (const double x : p) all += x;
    for (std::size_t i = law.p.size(); i-- > 0;) {
      const quad share = i == 0 ? 1 : quad{law.share[i]} + quad{law.share_more[i]};
      sum += size_of(left * share - p[static_cast<std::size_t>(law.token[i])] / all);
      left *= 1 - share;
    }
    CHECK_AT_MOST(narrow(sum / 2), 1e-28, "conditional shares of a Zipf law: total variation");
  }
}

// A sample over `tokens` tokens with a builder that begins it.
struct Counted {
  explicit Counted(i64 tokens)
      : token(static_cast<std::size_t>(tokens) + 1),
        dense(token.size()),
        frozen(token.size()),
        builder(dense.data()),
        sample{token.data(), frozen.data(), nullptr} {
    builder.begin(sample, false);
  }

  std::vector<i32> token;
  std::vector<i64> dense, frozen;
  core::Builder builder;
  core::Sample sample;
};

// n draws from p: the counts add up to n, and each token's are binomial.
void draws_from_a_law() {
  for (const i64 tokens : {1, 2, 3, 16, 1000, 1000000}) {
    const std::vector<double> p = zipf(static_cast<std::size_t>(tokens));
    const cpu::PreparedLaw prepared(p.data(), tokens);
    const core::Truth law = prepared.truth();
    for (const i64 n : {i64{0}, i64{1}, i64{128}, i64{129}, 8 * tokens, 8 * tokens + 1,
                        i64{1} << 53, i64{1} << 62}) {
      if (static_cast<double>(tokens) > 1e5 && effort() < 1) continue;
      core::Draws draws({5, static_cast<u64>(n), static_cast<u64>(tokens)});
      Counted drawn(tokens);
      draws.from_truth(law, n, drawn.builder);
      CHECK(*std::min_element(drawn.dense.begin(), drawn.dense.end()) == 0);
      CHECK(std::accumulate(drawn.dense.begin(), drawn.dense.end(), i64{0}) == n);
      CHECK(drawn.sample.total == n && drawn.dense.back() == 0);
    }
  }
  const std::vector<double> p = zipf(5);
  const cpu::PreparedLaw prepared(p.data(), 5);
  const core::Truth law = prepared.truth();
  for (const i64 n : {40, 128, 129, 1000})
    for (i32 wanted = 0; wanted < 5; ++wanted) {
      core::Draws draws({6, static_cast<u64>(n), static_cast<u64>(wanted)});
      const double p_value = judge(n, p[static_cast<std::size_t>(wanted)], share_of(2e4), 0, [&] {
        Counted drawn(5);
        draws.from_truth(law, n, drawn.builder);
        return drawn.dense[static_cast<std::size_t>(wanted)];
      });
      CHECK(plausible(p_value));
    }
}

// The judge itself: its tail probabilities, and planted faults of a thousandth.
void the_judge_can_tell() {
  CHECK(std::fabs(chi_square_tail(3.841458820694124, 1) - 0.05) < 1e-12);
  CHECK(std::fabs(chi_square_tail(124.3421134004, 100) - 0.05) < 1e-9);
  CHECK(std::fabs(chi_square_tail(149.4492528, 100) - 0.001) < 1e-9);
  CHECK(std::fabs(hidden_uniform(10, 0.5, 5, 0.5) - 0.5) < 1e-14);
  CHECK(std::fabs(hidden_uniform(1000, 0.3, 450, 1.0) - 1) < 1e-12);
  Stream words = words_for(5000);
  const auto biased = [&] { return core::draw_binomial(1000000, 0.5 * 1.001, words); };
  CHECK(judge(1000000, 0.5, 4000, 0, biased) < ALPHA);
  const auto truncated = [&] { return std::max<i64>(core::draw_binomial(5, 0.5, words), 1); };
  CHECK(judge(5, 0.5, 4000, 0, truncated) < ALPHA);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  binomials();
  shares_and_positive_counts();
  wide_binomials();
  shares_of_a_law();
  draws_from_a_law();
  the_judge_can_tell();
  return finish();
}
