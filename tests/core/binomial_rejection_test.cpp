// The law of draw_binomial where it rejects (n p >= 10), computed from what the algorithm does with
// chosen words: which count a uniform u leads to, and for which second uniforms v it is accepted.
//
// A count k is accepted for v <= R(k) w(u) / alpha, w(u) = a / us^2 + b, provided that this is at most 1
// (the hat dominates) and that the quick box lies inside. The integral of w over all u that lead to one
// cell is 1 but for rounding, so the law is proportional to R(k): R and the cells are measured by
// bisection and compared with quadruple precision.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/samplers.hpp"
#include "core/stream.hpp"
#include "quad.hpp"
#include "scripted.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u64;

// The sampler at (n, p), with the figures of its proposal.
struct Sampler {
  i64 n;
  double p, smaller, deviation;
  int shift = 0;
  core::Bent bent;
  i64 mode;

  Sampler(i64 n_, double p_)
      : n(n_),
        p(p_),
        smaller(p_ > 0.5 ? 1 - p_ : p_),
        deviation(std::sqrt(static_cast<double>(n) * smaller * (1 - smaller))),
        bent(proposal(deviation, shift), smaller),
        mode(core::BinomialHeight(n, smaller).mode) {}

  static double proposal(double deviation, int& shift) {
    while (deviation >= 128) {
      deviation /= 2;
      ++shift;
    }
    return deviation;
  }

  // The count (of the rarer outcome) for the m-th u, the v-th v and the bits inside a cell; `accepted`
  // tells whether these words alone gave it.
  i64 draw(u64 u, u64 v, u64 bits, bool& accepted) const {
    Scripted source;
    source.uniforms[0] = midpoint(u);
    source.uniforms[1] = midpoint(v);
    source.bits = shift > 0 ? bits << (64 - shift) : 0;
    const i64 k = core::draw_binomial(n, p, source);
    accepted = !source.again();
    return p > 0.5 ? n - k : k;
  }

  // The cell that u leads to, counted from the mode's; v = 2^-53 accepts wherever the height is above
  // 2^-53 or so, and what is refused lies outside, on the side of u.
  i64 cell(u64 u) const {
    bool accepted = false;
    const i64 k = draw(u, 0, 0, accepted);
    if (!accepted) return u < midpoints / 2 ? INT64_MIN : INT64_MAX;
    const i64 offset = k - mode;
    return offset >> shift;
  }

  double weight(u64 u) const {
    const double us = 0.5 - std::fabs(midpoint(u) - 0.5);
    return bent.a / (us * us) + bent.b;
  }
  // The integral of w from 0 to the u below the m-th midpoint.
  quad primitive(u64 m) const {
    const quad u = static_cast<quad>(m) / static_cast<quad>(midpoints) - 0.5;
    const quad us = quad{0.5} - size_of(u);
    return us > 0 ? (2 * quad{bent.a} / us + bent.b) * u : 0;
  }

  // R(k) / alpha: the share of v that is accepted at u, over w(u).
  double height(u64 u, u64 bits) const {
    const u64 refused = first_where(0, midpoints, [&](u64 v) {
      bool accepted = false;
      draw(u, v, bits, accepted);
      return !accepted;
    });
    return static_cast<double>(refused) * 0x1p-52 / weight(u);
  }
};

struct Findings {
  double variation = 0;  // from the truth, in total
  double hat = 0;        // largest share of v accepted: at most 1
  double box = 1;        // least share accepted over that of the box: at least 1
  double lost = 0;       // probability of counts that no words lead to
};

// Every cell that words lead to, as the first u of each and one beyond the last.
struct Cells {
  i64 first;
  std::vector<u64> start;
};
Cells cells_of(const Sampler& s) {
  const u64 begin = first_where(0, midpoints / 2, [&](u64 u) { return s.cell(u) != INT64_MIN; });
  Cells cells{s.cell(begin), {begin}};
  for (i64 c = cells.first; s.cell(cells.start.back()) != INT64_MAX; ++c) {
    const u64 from = cells.start.back();
    const u64 to = first_where(from, midpoints, [&](u64 u) { return s.cell(u) > c; });
    cells.start.push_back(to);
    if (to == midpoints) break;
  }
  return cells;
}

// `samples` counts of each cell are looked at (all, when a cell is one count).
Findings examine(const Sampler& s, int samples, core::Stream& words) {
  const Cells cells = cells_of(s);
  const quad p = s.p > 0.5 ? 1 - quad{s.p} : quad{s.p};
  const quad top = log_mass_truth(s.n, p, s.mode);
  Findings found;
  std::vector<quad> mass, ratio;
  quad all = 0, truth_all = 0;
  const int looks = s.shift == 0 ? 1 : samples;
  const i64 size = i64{1} << s.shift;
  for (std::size_t i = 0; i + 1 < cells.start.size(); ++i) {
    const u64 low = cells.start[i], high = cells.start[i + 1];
    const u64 inner = low + (high - low) / 2;
    const quad area = s.primitive(high) - s.primitive(low);
    const u64 outer = s.weight(low) > s.weight(high - 1) ? low : high - 1;
    const u64 mild = s.weight(low) > s.weight(high - 1) ? high - 1 : low;
    for (int j = 0; j < looks; ++j) {
      const u64 bits = j == 0 ? 0 : j == 1 ? static_cast<u64>(size - 1) : words.next64() >> (64 - s.shift);
      const i64 k = s.mode + (cells.first + static_cast<i64>(i)) * size + static_cast<i64>(bits);
      if (k < 0 || k > s.n) continue;
      const double r = s.height(inner, bits);
      mass.push_back(expq(log_mass_truth(s.n, p, k)) * size / looks);
      ratio.push_back(r * s.bent.alpha * area / expq(log_mass_truth(s.n, p, k) - top));
      all += mass.back() * ratio.back();
      truth_all += mass.back();
      found.hat = std::fmax(found.hat, r * s.weight(outer));
      const double us = 0.5 - std::fabs(midpoint(mild) - 0.5);
      if (us >= 0.07) found.box = std::fmin(found.box, r * s.weight(mild) / s.bent.inside);
    }
  }
  quad sum = 0;
  for (std::size_t i = 0; i < mass.size(); ++i)
    sum += mass[i] * size_of(ratio[i] * truth_all / all - 1);
  found.lost = narrow(1 - truth_all);
  found.variation = narrow(sum / 2 / truth_all) + (s.shift == 0 ? std::fabs(found.lost) : 0);
  return found;
}

}  // namespace
}  // namespace autophage::test
int main() {
  using namespace autophage::test;
  using autophage::core::i64;
  autophage::core::Stream words(1, 0, 0, autophage::core::Purpose::truth);
  for (const i64 n : {20L, 21L, 30L, 31L, 300L, 301L, 700L, 1000L, 1000000L, 1L << 20, 1000000000L, (1L<<31)-1, 1L << 31, (1L << 53) + 1, 1L << 62})
    for (const double p : {0.5, 0.3, 0.1, .9, 1e-2, 1e-4, 1e-6, 2e-10, 1e-12, 1e-17, 4e-18})
      if (static_cast<double>(n) * p >= 10 && static_cast<double>(n) * (1 - p) >= 10) {
        const Sampler s(n, p);
        const Findings f = examine(s, 4, words);
        std::printf("%20ld %8.1e sd %9.3g shift %2d tv %9.2e hat %.6f box %.6f lost %.2e\n", n, p, s.deviation, s.shift, f.variation, f.hat, f.box, f.lost);
      }
  return finish();
}
