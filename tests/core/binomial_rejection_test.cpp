// The law of draw_binomial where it rejects (n p >= 10): the hat dominates, the quick box lies
// inside, and the law that follows meets the binomial one in quadruple precision.
#include <cmath>
#include <cstdio>

#include "check.hpp"
#include "core/stream.hpp"
#include "proposal.hpp"

namespace autophage::test {
namespace {

using core::BinomialHeight;
using core::i64;
using core::u64;

core::Stream& words() {
  static core::Stream stream(21, 0, 0, core::Purpose::truth);
  return stream;
}

auto sampler(i64 n, double p) {
  return Proposal(n, p, [=](Scripted& source) { return core::draw_binomial(n, p, source); });
}
// The same through its complement.
auto mirrored(i64 n, double p) {
  return Proposal(n, p,
                  [=](Scripted& source) { return n - core::draw_binomial(n, 1 - p, source); });
}
auto share_sampler(i64 n, i64 part, i64 whole) {
  const double p = static_cast<double>(part) / static_cast<double>(whole);
  return Proposal(
      n, p, [=](Scripted& source) { return core::draw_binomial_share(n, part, whole, source); });
}

Findings all_findings;

template <class Sampler>
void judge(Sampler s, double allowed) {
  const Findings f = examine(s, 3, [] { return words().next64(); });
  const bool good = f.variation < allowed && f.hat <= 1 && f.box >= 1 && f.lost < 1e-14;
  if (!CHECK(good))
    std::printf("  n = %ld, p = %a, shift %d: variation %.2e hat %.6f box %.6f lost %.1e\n", s.n,
                s.p, s.shift, f.variation, f.hat, f.box, f.lost);
  all_findings.variation = std::fmax(all_findings.variation, f.variation);
  all_findings.hat = std::fmax(all_findings.hat, f.hat);
  all_findings.box = std::fmin(all_findings.box, f.box);
  all_findings.lost = std::fmax(all_findings.lost, f.lost);
}

bool by_rejection(i64 n, double p) { return p <= 0.5 && static_cast<double>(n) * p >= 10; }

void laws() {
  const i64 small[] = {20, 29, 30, 31, 300, 301, 700, 1000, 1025};
  const i64 large[] = {1000000,
                       1 << 20,
                       (1 << 20) + 1,
                       1000000000,
                       (i64{1} << 31) - 1,
                       i64{1} << 31,
                       (i64{1} << 53) + 1,
                       i64{1} << 62};
  const bool all = effort() >= 1;
  for (const i64 n : small)
    for (const double p : {0.5, 0.5 - 0x1p-54, 0.4, 1.0 / 3, 0.1, 0.03, 0.0101})
      if (by_rejection(n, p) && (all || p == 0.5 || p == 0.1)) judge(sampler(n, p), 1e-12);
  for (const i64 n : large)
    for (const double p : {0.5, 0.3, 0.01, 1e-4, 1e-6, 1e-10, 1e-12, 1e-17})
      if (by_rejection(n, p) && (all || n == i64{1} << 62)) judge(sampler(n, p), 1e-12);
  for (const i64 n : {i64{300}, i64{1000000}, (i64{1} << 53) + 1})
    if (all || n == 300) judge(mirrored(n, 0.125), 1e-12);
  judge(mirrored(i64{1} << 62, 0x1p-53), 1e-12);
  judge(share_sampler(1000, 128, 1024), 1e-12);  // a share that is a double
  if (all) judge(share_sampler(i64{1} << 53, 3, 1 << 20), 1e-12);
  CHECK_AT_MOST(all_findings.variation, 1e-12, "rejection, n to 2^62: total variation");
  CHECK_AT_MOST(all_findings.lost, 1e-14, "counts that no words lead to: probability");
  CHECK_AT_MOST(all_findings.hat, 1.0, "share of v that a count asks for");
  CHECK_AT_MOST(1 / all_findings.box, 1.0, "the box over that share");
}

// Where u must lie for the proposal to pass `position` >= 0, to the right of the middle: the side
// us.
double side_at(const core::Bent& bent, double position) {
  const double b = 2 * bent.a + 0.5 * bent.b + position;
  const double u = position / (b + std::sqrt(b * b - 2 * bent.b * position));
  return 0.5 - u;
}

// Hat and box for whole families of laws, from the formula of the proposal and the heights (tested
// by themselves): each cell's largest weight against its largest height, its least against its
// least.
Findings sweep(i64 n, double p, int shift) {
  const BinomialHeight law(n, p);
  const double size = std::ldexp(1.0, shift), deviation = std::sqrt(law.mean * law.q) / size;
  const core::Bent bent(deviation, p);
  const double center = (0.5 - law.mode_less_mean) / size;
  const double top = law.exponent(law.mode);
  const auto height = [&](i64 k) {
    return k < 0 || k > n ? 0.0 : std::exp(top - law.exponent(k)) / bent.alpha;
  };
  Findings found;
  const i64 reach = static_cast<i64>(5 * deviation) + 2;
  for (i64 c = -reach; c <= reach; ++c) {
    const double left = static_cast<double>(c) - center, right = left + 1;
    const bool middle = left < 0 && right > 0;
    const double far = side_at(bent, std::fmax(-left, right));
    const double near = middle ? 0.5 : side_at(bent, std::fmax(left, -right));
    const i64 low = law.mode + c * (i64{1} << shift), high = low + (i64{1} << shift) - 1;
    const double most = low <= law.mode && law.mode <= high ? height(law.mode)
                                                            : std::fmax(height(low), height(high));
    const double least = std::fmin(height(low), height(high));
    found.hat = std::fmax(found.hat, most * (bent.a / (far * far) + bent.b));
    if (near >= 0.07)
      found.box = std::fmin(found.box, least * (bent.a / (near * near) + bent.b) / bent.inside);
  }
  return found;
}

void sweeps() {
  Findings narrow_laws, wide_laws;
  const auto widen = [](Findings& all, const Findings& f) {
    all.hat = std::fmax(all.hat, f.hat);
    all.box = std::fmin(all.box, f.box);
  };
  for (const double p : {0.5, 0.49, 0.45, 0.4, 1.0 / 3, 0.25, 0.1, 0.01, 1e-4, 1e-9})
    for (double mean = 10; mean < 3e4; mean *= effort() < 1 ? 1.2 : 1.005) {
      const auto n = static_cast<i64>(mean / p) + 1;
      if (static_cast<double>(n) * p < 10) continue;
      const auto s = sampler(n, p);
      widen(s.shift == 0 ? narrow_laws : wide_laws, sweep(n, p, s.shift));
    }
  for (const double p : {0.5, 1.0 / 3, 0.1, 1e-3, 1e-6})
    for (double deviation = 1e3; deviation < 1e9; deviation *= effort() < 1 ? 7.3 : 1.013) {
      const double n = deviation * deviation / (p * (1 - p));
      if (n > 0x1p62) continue;
      const auto s = sampler(static_cast<i64>(n), p);
      widen(wide_laws, sweep(s.n, p, s.shift));
    }
  CHECK_AT_MOST(narrow_laws.hat, 1.0, "sweep, cells of one count: share of v asked for");
  CHECK_AT_MOST(1 / narrow_laws.box, 1.0, "sweep, cells of one count: box over that share");
  CHECK_AT_MOST(wide_laws.hat, 1.0, "sweep, wide cells: share of v asked for");
  CHECK_AT_MOST(1 / wide_laws.box, 1.0, "sweep, wide cells: box over that share");
}

// Uniforms next to 0 and 1 throw the proposal 2^56 cells away: refused, and no sum leaves 64 bits.
void far_proposals() {
  for (const i64 n : {i64{20}, i64{1000}, i64{1} << 31, i64{1} << 53, i64{1} << 62})
    for (const double p : {0.5, 0.1})
      if (by_rejection(n, p))
        for (int e = 0; e < 52; ++e)
          for (const u64 bits : {u64{0}, ~u64{0}}) {
            const auto s = sampler(n, p);
            bool low = false, high = false;
            const i64 a = s.at((u64{1} << e) - 1, midpoints - 1, bits, low);
            const i64 b = s.at(midpoints - (u64{1} << e), midpoints - 1, bits, high);
            CHECK(a >= 0 && a <= n && b >= 0 && b <= n && !(low && e < 40) && !(high && e < 40));
          }
}

// A share of two integers is not rounded to a double first: its mean is exact to a shift of the law
// by less than is allowed in total variation (the shift over sqrt(2 pi) deviations).
void shares() {
  double worst_to_53 = 0, worst = 0;
  for (int e = 20; e <= 62; ++e)
    for (long i = 0; i < share_of(300); ++i) {
      const i64 n = i64{1} << e;
      const auto whole = static_cast<i64>(words().next64() >> (2 + words().next64() % 30)) | 1023;
      const auto part = static_cast<i64>(words().uniform() * 0.5 * static_cast<double>(whole));
      if (static_cast<double>(n) * static_cast<double>(part) < 1e6 * static_cast<double>(whole))
        continue;
      const auto s = share_sampler(n, part, whole);
      const double shift = narrow(size_of(s.mean() - wide(n) * part / whole));
      double& of = e <= 53 ? worst_to_53 : worst;
      of = std::fmax(of, shift / s.deviation / std::sqrt(2 * M_PI));
    }
  CHECK_AT_MOST(worst_to_53, 1e-12, "shares of integers, n to 2^53: total variation by the mean");
  CHECK_AT_MOST(worst, 1e-7, "shares of integers, n to 2^62: total variation by the mean");
}

// Planted faults: a mean that is off by a thousandth of a deviation, a hat that is too low.
void the_judge_sees_faults() {
  auto shifted = Proposal(1000, 0.25, [](Scripted& source) {
    return core::draw_binomial(1000, 0.25 * (1 + 1e-3 * std::sqrt(0.75 / 250)), source);
  });
  CHECK(examine(shifted, 1, [] { return u64{0}; }).variation > 1e-4);
  CHECK(sweep(1000, 0.25, 3).hat > 1);  // cells of eight counts for a deviation of 13.7
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  laws();
  sweeps();
  far_proposals();
  shares();
  the_judge_sees_faults();
  return finish();
}
