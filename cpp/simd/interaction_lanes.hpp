// Points (alpha, beta) of interacting linear models: one in each lane of a pack, or one alone with
// the columns of its matrices in the lanes.
#pragma once

#include <type_traits>

#include "../core/interaction.hpp"
#include "linear_kernels.hpp"
#include "pack.hpp"
#include "row_algebra.hpp"

namespace autophage::simd {

// Real: a pack of points, or double for one alone.
template <class Set, class Real>
class InteractionLanes {
  static constexpr bool alone = std::is_same_v<Real, double>;
  static constexpr int lanes = core::Kind<Real>::lanes;
  using Team = std::conditional_t<alone, RowTeam<Set>, core::Solo>;

 public:
  static i64 memory(const InteractionPoints& points) {
    const i64 side = side_of(points), size = side * side;
    const i64 results = points.entities * (2 + (points.mspe != nullptr ? points.entities : 0));
    const i64 numbers = size * (12 + kept(points) + moved_kept(points)) + 2 * side + results;
    return lanes * numbers + (alone ? 3 * size + RowTeam<Set>::memory(side) : 0);
  }

  static void run(const InteractionPoints& points, i64 first, double* memory,
                  const core::StopFlag& stop) {
    const int count =
        points.points - first < lanes ? static_cast<int>(points.points - first) : lanes;
    using core::lane_of, core::set_lane;  // of doubles
    Real alpha(0.0), beta(0.0);
    for (int lane = 0; lane < lanes; ++lane) {
      const i64 point = points.order[first + (lane < count ? lane : 0)];
      set_lane(alpha, lane, points.alpha[point]);
      set_lane(beta, lane, points.beta[point]);
    }
    const i64 side = side_of(points), size = side * side;
    const double *of_public = points.of_public, *pooled = points.pooled;
    core::InteractionSpace<Real> space{};
    double* rest = memory;
    if constexpr (alone) {
      of_public = pad(points.of_public, points.features, side, memory);
      pooled = pad(points.pooled, points.features, side, memory + size);
      space.moment = memory + 2 * size;
      rest += 3 * size + RowTeam<Set>::memory(side);
    }
    Real* next = reinterpret_cast<Real*>(rest);
    const auto take = [&next](i64 length) { return next += length, next - length; };
    lay_out(points, side, take, space);
    Real radius(0.0), homogenisation(0.0);
    core::InteractionResults<Real> out{};
    out.variance = points.variance != nullptr ? take(points.entities) : nullptr;
    out.mse = points.mse != nullptr ? take(points.entities) : nullptr;
    out.mspe = points.mspe != nullptr ? take(points.entities * points.entities) : nullptr;
    out.radius = points.radius != nullptr ? &radius : nullptr;
    out.homogenisation = points.homogenisation != nullptr ? &homogenisation : nullptr;
    const core::Interaction given{points.entities, points.features,  side,   points.of_private,
                                  of_public,       points.synthetic, pooled, points.noise};
    const Team team = team_of(stop, memory + 3 * size, side);
    core::InteractionLimit<Team, Real>(team, given, alpha, beta, space).run(out);
    if (stop.raised()) return;
    for (int lane = 0; lane < count; ++lane) {
      store(points, out, points.order[first + lane], lane);
      const i64 d = points.features;
      if (!has(out.lost, lane)) continue;
      for (i64 e = 0; e < d * d; ++e)
        memory[lane * d * d + e] = lane_of(space.mix[e / d * side + e % d], lane);
    }
  }

 private:
  static constexpr i64 kept_numbers = i64{1} << 22;  // of one point alone, 32 MiB

  static i64 side_of(const InteractionPoints& points) {
    return alone ? RowTeam<Set>::padded(points.features) : points.features;
  }
  // How many H_k are kept: in packs as many as leave the memory near ten matrices.
  static i64 kept(const InteractionPoints& points) {
    if (!alone) return points.entities <= 4 ? points.entities : 0;
    const i64 side = side_of(points), most = kept_numbers / (2 * side * side);
    return points.entities < most ? points.entities : most;
  }
  static i64 moved_kept(const InteractionPoints& points) {
    const bool wanted = points.mse != nullptr || points.mspe != nullptr;
    return alone && wanted ? kept(points) : 0;
  }

  template <class Take>
  static void lay_out(const InteractionPoints& points, i64 side, const Take& take,
                      core::InteractionSpace<Real>& space) {
    const i64 size = side * side;
    space.matrix = {take(size), take(size), take(size), take(size), take(size)};
    space.mix = take(size);
    space.solution = take(size);
    space.resolvent = take(size);
    space.spread = take(size);
    space.sources = take(size);
    space.mean = take(size);
    space.kept = kept(points);
    space.inverses = take(size * (space.kept + 1));
    space.moved_kept = moved_kept(points);
    space.moved = take(size * space.moved_kept);
    space.column = take(2 * side);
  }

  static Team team_of(const core::StopFlag& stop, double* memory, i64 side) {
    if constexpr (alone)
      return Team(&stop, memory, side);
    else
      return Team(&stop);
  }

  static const double* pad(const double* from, i64 n, i64 side, double* to) {
    for (i64 e = 0; e < side * side; ++e)
      to[e] = e / side < n && e % side < n ? from[e / side * n + e % side] : 0.0;
    return to;
  }

  static bool has(const core::MaskOf<Real>& mask, int lane) {
    if constexpr (alone)
      return mask;
    else
      return mask.lane(lane);
  }

  static void store(const InteractionPoints& points, const core::InteractionResults<Real>& out,
                    i64 point, int lane) {
    const i32 status = has(out.singular, lane)   ? 2
                       : has(out.diverged, lane) ? 1
                       : has(out.lost, lane)     ? 3
                                                 : 0;
    using core::lane_of;
    const auto put = [&](const Real* from, double* to, i64 length, bool good) {
      for (i64 i = 0; to != nullptr && i < length; ++i)
        to[point * length + i] = good ? lane_of(from[i], lane) : __builtin_nan("");
    };
    put(out.variance, points.variance, points.entities, status == 0);
    put(out.mse, points.mse, points.entities, status == 0);
    put(out.mspe, points.mspe, points.entities * points.entities, status == 0);
    put(out.homogenisation, points.homogenisation, 1, status == 0);
    put(out.radius, points.radius, 1, status != 2);
    points.status[point] = status;
  }
};

}  // namespace autophage::simd
