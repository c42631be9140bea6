// The standard normal law in lanes, to the bits of core/normal.hpp. Included by one file for each
// instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "../core/normal.hpp"
#include "lanes.hpp"

namespace autophage::simd {

// Standard normal numbers from uniform ones, by inversion: the tails one by one.
template <class Set>
Reals<Set> quantiles_of(const Reals<Set>& u) {
  constexpr core::CentralQuantile terms;
  const Reals<Set> q = u - Reals<Set>(0.5), r = Reals<Set>(0.180625) - q * q;
  const Reals<Set> near =
      q * (core::power_series(terms.above, r) / core::power_series(terms.below, r));
  alignas(64) double distance[lane_count], uniform[lane_count], values[lane_count];
  q.store(distance);
  u.store(uniform);
  near.store(values);
  for (int l = 0; l < lane_count; ++l)
    if (core::absolute(distance[l]) > 0.425) values[l] = core::normal_quantile(uniform[l]);
  return Reals<Set>::load(values);
}

}  // namespace autophage::simd
