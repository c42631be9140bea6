// The spectral radius of a matrix, lane by lane (see radius_search.hpp).
#pragma once

#include "linear.hpp"
#include "radius_search.hpp"

namespace autophage::core {

// The radius of space.power, lane by lane; uses space.next.
template <class Team, class Real, class Space>
AUTOPHAGE_HD inline Real spectral_radius(const Team& team, i64 n, Space& space) {
  constexpr int lanes = Kind<Real>::lanes;
  RadiusSearch search[lanes];
  double shift[lanes] = {};
  Real result(0.0);
  for (int k = 0; k <= most_squarings && !team.stopped(); ++k) {
    const Real norm = largest_entry(team, space.power, n * n);
    Real trace(0.0), scale(1.0);
    for (i64 i = 0; i < n; ++i) trace = trace + space.power[i * (n + 1)];
    bool all = true;
    for (int lane = 0; lane < lanes; ++lane) {
      search[lane].look(k, lane_of(trace, lane), lane_of(norm, lane), shift[lane]);
      all = all && search[lane].found();
      set_lane(result, lane, search[lane].radius());
      const double power = nearby_power(lane_of(norm, lane));
      set_lane(scale, lane, power);
      shift[lane] = 2.0 * (shift[lane] - log2_of_power(power));
    }
    if (all) break;
    for (i64 e = team.rank(); e < n * n; e += team.size()) space.power[e] = space.power[e] * scale;
    team.sync();
    multiply(team, space.power, space.power, space.next, n);
    Real* const squared = space.next;
    space.next = space.power;
    space.power = squared;
  }
  return result;
}

}  // namespace autophage::core
