// The law of draws by inversion from the middle (n up to 1024): all 2^52 uniforms are sorted into
// counts by bisection, and the shares are compared with the binomial law in quadruple precision;
// so is the mass from which it starts.
#include "core/binomial_middle.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/chain_neutral.hpp"
#include "quad.hpp"
#include "scripted.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u64;

struct Share {
  i64 n, part, whole;
  i64 rare() const { return part > whole - part ? whole - part : part; }
  double p() const { return static_cast<double>(rare()) / static_cast<double>(whole); }
  // Where the search starts, as a count of the rarer outcome.
  i64 middle() const {
    const double mean = static_cast<double>(n) * p();
    return mean < core::least_middle_mean ? 0 : static_cast<i64>(mean + 0.5);
  }
};

// The count of the rarer outcome that the m-th midpoint leads to.
i64 count_at(const Share& share, u64 m) {
  Scripted source;
  source.uniforms[0] = midpoint(m);
  source.given = 1;
  const i64 x = core::draw_share(share.n, share.part, share.whole, source);
  CHECK(!source.again() && source.asked == 1 && x >= 0 && x <= share.n);
  return share.part > share.whole - share.part ? share.n - x : x;
}

// The place of a count in the order in which masses are taken. It rises with the uniform, until
// there is nothing left to take.
i64 rank_of(i64 count, i64 middle) {
  return count > middle ? 2 * (count - middle) - 1 : 2 * (middle - count);
}

std::vector<quad> law_of(const Share& share) {
  const i64 middle = share.middle();
  const auto rank = [&](u64 m) { return rank_of(count_at(share, m), middle); };
  std::vector<quad> law(static_cast<std::size_t>(share.n + 1));
  u64 cut = first_where(0, midpoints, [&](u64 m) { return rank(m) > 0; });
  law[static_cast<std::size_t>(middle)] += wide(static_cast<i64>(cut));
  const u64 end = first_where(cut, midpoints, [&](u64 m) { return rank(m) == 0; });
  law[static_cast<std::size_t>(middle)] += wide(static_cast<i64>(midpoints - end));
  while (cut < end) {
    const i64 count = count_at(share, cut), place = rank_of(count, middle);
    const u64 next = first_where(cut, end, [&](u64 m) { return rank(m) > place; });
    law[static_cast<std::size_t>(count)] += wide(static_cast<i64>(next - cut));
    cut = next;
  }
  for (quad& mass : law) mass *= 0x1p-52;
  return law;
}

// The law of the rarer outcome by the ratios of neighbours, from the mode.
std::vector<quad> truth_of(const Share& share, quad factor = 1) {
  const quad p = factor * share.rare() / share.whole, odds = p / (1 - p);
  const i64 n = share.n;
  const auto mode = static_cast<i64>(narrow((n + 1) * p));
  std::vector<quad> law(static_cast<std::size_t>(n + 1));
  const auto at = [&](i64 x) -> quad& { return law[static_cast<std::size_t>(x)]; };
  at(mode) = 1;
  quad all = 1;
  for (i64 x = mode; x < n; ++x) all += at(x + 1) = at(x) * odds * (n - x) / (x + 1);
  for (i64 x = mode; x > 0; --x) all += at(x - 1) = at(x) / odds * x / (n - x + 1);
  for (quad& mass : law) mass /= all;
  return law;
}

double total_variation(const std::vector<quad>& a, const std::vector<quad>& b) {
  quad sum = 0;
  for (std::size_t x = 0; x < a.size(); ++x) sum += size_of(a[x] - b[x]);
  return narrow(sum / 2);
}

std::vector<Share> shares() {
  std::vector<Share> all;
  for (const i64 n :
       {1, 2, 3, 5, 15, 16, 17, 18, 20, 31, 64, 100, 129, 300, 511, 512, 1000, 1023, 1024})
    for (const i64 whole :
         {i64{2}, i64{3}, i64{129}, i64{1024}, i64{1} << 31, (i64{1} << 53) - 1}) {
      std::vector<i64> parts{1, whole / 3, whole / 2, whole - whole / 5, whole - 1};
      for (const double mean : {0.01, 1.0, 4.0, 7.99, 8.0, 8.49, 8.51, 12.3, 30.0})
        parts.push_back(
            static_cast<i64>(mean / static_cast<double>(n) * static_cast<double>(whole)));
      for (const i64 part : parts)
        if (part > 0 && part < whole) all.push_back({n, part, whole});
    }
  return all;
}

void laws() {
  double worst_low = 0, worst = 0;
  long cases = 0;
  const auto all = shares();
  const std::size_t step = effort() >= 1 ? 1 : 17;
  for (std::size_t i = 0; i < all.size(); i += step, ++cases) {
    const double distance = total_variation(law_of(all[i]), truth_of(all[i]));
    double& of = all[i].middle() == 0 ? worst_low : worst;
    of = std::fmax(of, distance);
    if (!CHECK(distance < 5e-13))
      std::printf("  n = %ld, %ld of %ld: %g\n", all[i].n, all[i].part, all[i].whole, distance);
  }
  std::printf("%ld laws\n", cases);
  CHECK_AT_MOST(worst_low, 1e-13, "from 0, mean below 8: total variation");
  CHECK_AT_MOST(worst, 1e-13, "from the middle: total variation");
}

void masses() {
  double worst = 0;
  for (i64 n = 16; n <= core::middle_limit; n += effort() >= 1 ? 1 : 61)
    for (double mean = core::least_middle_mean; mean <= 0.5 * static_cast<double>(n);
         mean *= 1.07) {
      const double p = mean / static_cast<double>(n),
                   k = std::floor(static_cast<double>(n) * p + 0.5);
      const double found = core::middle_mass(static_cast<double>(n), p, 1.0 - p, k);
      const quad truth = expq(log_mass_truth(n, p, static_cast<i64>(k)));
      worst = std::fmax(worst, narrow(size_of(found / truth - 1)));
    }
  CHECK_AT_MOST(worst, 1e-13, "mass next to the mean: relative error");
}

// Points that are exact cost no uniform; above the limit other methods draw.
void ends() {
  for (const i64 n : {i64{0}, i64{1}, i64{1024}, i64{1025}, i64{1} << 40}) {
    Scripted source;
    source.given = 0;
    CHECK(core::draw_share(n, 0, 7, source) == 0 && core::draw_share(n, 7, 7, source) == n);
    CHECK(source.asked == 0);
  }
  CHECK(count_at({1, 1, 4}, 0) == 0 && count_at({1, 1, 4}, midpoints - 1) == 1);
}

// A planted fault: a share that is 1e-3 too large, relatively, is far from the law.
void the_judge_sees_a_bias() {
  const Share share{300, 20, 300};
  CHECK(total_variation(law_of(share), truth_of(share, quad{1.001})) > 1e-4);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  laws();
  masses();
  ends();
  the_judge_sees_a_bias();
  return finish();
}
