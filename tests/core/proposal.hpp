// What the rejecting part of draw_binomial does with chosen words: which count a first uniform u
// leads to, and for which second uniforms v it is accepted. Found from outside, by bisection.
//
// A count k is accepted for v <= R(k) w(u) / alpha, w(u) = a / us^2 + b, us = 1/2 - |u - 1/2|,
// provided that this is at most 1 (the hat dominates) and that the quick box lies inside. The
// integral of w over the u that lead to one cell of 2^shift counts is 1 but for rounding, so the
// law is that of R.
#pragma once

#include <climits>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/samplers.hpp"
#include "quad.hpp"
#include "scripted.hpp"

namespace autophage::test {

// `Draw`: (source) -> count, of Binomial(n, p) with p <= 1/2, by rejection.
template <class Draw>
class Proposal {
 public:
  Proposal(std::int64_t n_, double p_, Draw draw_) : n(n_), p(p_), draw(draw_), bent(1, p_) {
    Scripted lowest, highest;  // the bits inside the cell in the middle of the law
    highest.bits = ~std::uint64_t{0};
    middle = draw(lowest);
    for (std::int64_t size = draw(highest) - middle + 1; size > 1; size /= 2) ++shift;
    deviation = std::sqrt(static_cast<double>(n) * p * (1 - p));
    bent = core::Bent(std::ldexp(deviation, -shift), p);
  }

  // The count for the u-th u, the v-th v and the bits inside a cell; `accepted`: by these words
  // alone.
  std::int64_t at(std::uint64_t u, std::uint64_t v, std::uint64_t bits, bool& accepted) const {
    Scripted source;
    source.uniforms[0] = midpoint(u);
    source.uniforms[1] = midpoint(v);
    source.bits = shift > 0 ? bits << (64 - shift) : 0;
    const std::int64_t k = draw(source);
    accepted = !source.again();
    return k;
  }

  // The cell that u leads to, counted from the middle one. The least v is accepted wherever the
  // height is above 2^-53 or so; what it refuses lies outside, on the side of u.
  std::int64_t cell(std::uint64_t u) const {
    bool accepted = false;
    const std::int64_t k = at(u, 0, 0, accepted);
    if (!accepted) return u < midpoints / 2 ? INT64_MIN : INT64_MAX;
    return (k - middle) >> shift;
  }

  // Cells first, first + 1, ..: the first u of each, and one beyond the last.
  void find_cells() {
    const std::uint64_t begin =
        first_where(0, midpoints / 2, [&](std::uint64_t u) { return cell(u) != INT64_MIN; });
    first = cell(begin);
    start = {begin};
    for (std::int64_t c = first; start.back() < midpoints && cell(start.back()) != INT64_MAX; ++c)
      start.push_back(
          first_where(start.back(), midpoints, [&](std::uint64_t u) { return cell(u) > c; }));
  }

  double side(std::uint64_t u) const { return 0.5 - std::fabs(midpoint(u) - 0.5); }
  double weight(std::uint64_t u) const { return bent.a / (side(u) * side(u)) + bent.b; }

  // The integral of w from 1/2 to the left end of the u-th interval.
  quad primitive(std::uint64_t u) const {
    const quad x = static_cast<quad>(u) / static_cast<quad>(midpoints) - 0.5;
    const quad us = 0.5 - size_of(x);
    return us > 0 ? (2 * wide(bent.a) / us + bent.b) * x : 0;
  }

  // The mean that the sampler uses: a cell begins where primitive + (1/2 + mean - k) / 2^shift
  // passes 0.
  quad mean() const {
    const std::uint64_t u =
        first_where(0, midpoints, [&](std::uint64_t m) { return cell(m) >= 1; });
    bool accepted = false;
    return wide(at(u, 0, 0, accepted)) - 0.5 - primitive(u) * scalbnq(1, shift);
  }

  // What is lost of the integral of r w over u = low .. high - 1 where r w exceeds 1, over r.
  quad clipped(double r, std::uint64_t low, std::uint64_t high) const {
    const double outer = std::fmin(side(low), side(high - 1)),
                 inner = std::fmax(side(low), side(high - 1));
    if (r <= 0 || r * (bent.a / (outer * outer) + bent.b) <= 1) return 0;
    const double full = std::sqrt(bent.a / (1 / r - bent.b));  // where r w is 1
    const double from = full > 0 && full < inner ? full : inner;
    const auto area = [&](quad us) { return (2 * wide(bent.a) / us + bent.b) * (0.5 - us); };
    return area(outer) - area(from) - (wide(from) - outer) / r;
  }

  // R(k) / alpha: the share of v that is accepted at u, over w(u).
  double height(std::uint64_t u, std::uint64_t bits) const {
    const std::uint64_t refused = first_where(0, midpoints, [&](std::uint64_t v) {
      bool accepted = false;
      at(u, v, bits, accepted);
      return !accepted;
    });
    return static_cast<double>(refused) * 0x1p-52 / weight(u);
  }

  std::int64_t n;
  double p;
  Draw draw;
  core::Bent bent;
  double deviation = 0;
  int shift = 0;
  std::int64_t middle = 0, first = 0;
  std::vector<std::uint64_t> start;
};

struct Findings {
  double variation = 0;  // from the truth, in total
  double hat = 0;        // the largest share of v that R asks for: at most 1
  double box = 1e9;      // the least, over that of the box: at least 1
  double lost = 0;       // probability of counts that no words lead to (an upper bound)
};

// Compares with the truth at each count, or, when a cell is many, at `looks` counts of every third
// cell, its ends among them. `pick()` gives random words.
template <class Draw, class Pick>
Findings examine(Proposal<Draw>& s, int looks, Pick&& pick) {
  s.find_cells();
  const quad top = log_mass_truth(s.n, s.p, s.middle);
  const int counts = s.shift == 0 ? 1 : looks;
  const std::size_t step = s.shift == 0 ? 1 : 3;
  const quad share = scalbnq(1, s.shift) * step / counts;
  Findings found;
  std::vector<quad> mass, ratio;
  quad all = 0, truth_all = 0;
  for (std::size_t i = 0; i + 1 < s.start.size(); i += step) {
    const std::uint64_t low = s.start[i], high = s.start[i + 1], half = low + (high - low) / 2;
    const double ends[] = {s.weight(low), s.weight(high - 1)};
    const bool rising = ends[1] > ends[0], middle = low <= midpoints / 2 && high > midpoints / 2;
    const std::uint64_t inner = middle ? midpoints / 2 : rising ? low : high - 1;
    const quad area = s.primitive(high) - s.primitive(low);
    for (int j = 0; j < counts; ++j) {
      const std::uint64_t last = (std::uint64_t{1} << s.shift) - 1;
      const std::uint64_t bits = j == 0 ? 0 : j == 1 ? last : pick() & last;
      const std::int64_t k = s.middle + ((s.first + static_cast<std::int64_t>(i)) << s.shift) +
                             static_cast<std::int64_t>(bits);
      if (k < 0 || k > s.n) continue;
      const double r = s.height(half, bits);
      const quad truth = expq(log_mass_truth(s.n, s.p, k) - top);
      mass.push_back(truth * expq(top) * share);
      ratio.push_back(r * s.bent.alpha * (area - s.clipped(r, low, high)) / truth);
      all += mass.back() * ratio.back();
      truth_all += mass.back();
      found.hat = std::fmax(found.hat, r * std::fmax(ends[0], ends[1]));
      if (s.side(inner) >= 0.07)
        found.box = std::fmin(found.box, r * s.weight(inner) / s.bent.inside);
    }
  }
  for (std::size_t i = 0; i < mass.size(); ++i)
    found.variation += narrow(mass[i] * size_of(ratio[i] * truth_all / all - 1) / 2);
  // Beyond an end at height f the tails of the law fall faster than a geometric series.
  for (const std::int64_t c : {s.first, s.first + static_cast<std::int64_t>(s.start.size()) - 2}) {
    const std::int64_t k = s.middle + (c << s.shift);
    if (k > 0 && k < s.n) found.lost += narrow(expq(log_mass_truth(s.n, s.p, k)) * s.deviation);
  }
  found.variation += found.lost;
  return found;
}

}  // namespace autophage::test
