// Brings items into lanes, calls the core and takes the results out. Included by one file for each
// instruction set, which defines the set and what its code may use.
#pragma once

#include "../core/lyapunov.hpp"
#include "interaction_lanes.hpp"
#include "linear_kernels.hpp"
#include "linear_rows.hpp"
#include "pack.hpp"

namespace autophage::simd {

template <class Set>
class LinearLanes {
 public:
  static LinearKernels kernels() {
    using Points = InteractionLanes<Set, Real>;
    using Point = InteractionLanes<Set, double>;
    return {lanes,      lyapunov_memory, lyapunov,   RowEquation<Set>::memory, row, Point::memory,
            Point::run, Points::memory,  Points::run};
  }

 private:
  using Real = Pack<Set>;
  using Mask = typename Real::Mask;
  static constexpr int lanes = Real::lanes;
  // Of one equation: a, q, x, five of scratch, and five of twice the size that are hardly ever
  // used.
  static constexpr i64 matrices = 8 + 2 * 5;

  static i64 lyapunov_memory(i64 n, bool is_complex) {
    return matrices * n * n * lanes * (is_complex ? 2 : 1);
  }

  static void lyapunov(const LyapunovItems& items, bool is_complex, i64 first, double* memory,
                       const core::StopFlag& stop) {
    if (is_complex)
      Equations<core::Complex<Real>>(items, first, memory, stop).solve();
    else
      Equations<Real>(items, first, memory, stop).solve();
  }

  static void row(const LyapunovItems& items, i64 item, double* memory,
                  const core::StopFlag& stop) {
    RowEquation<Set>(items, item, memory, stop).solve();
  }

  // The equations of one pack.
  template <class Number>
  class Equations {
   public:
    Equations(const LyapunovItems& items, i64 first, double* memory, const core::StopFlag& stop)
        : items_(items),
          first_(first),
          count_(items.items - first < lanes ? static_cast<int>(items.items - first) : lanes),
          size_(items.n * items.n),
          team_(&stop),
          a_(reinterpret_cast<Number*>(memory)) {
      q_ = a_ + size_;
      x_ = q_ + size_;
      space_ = {x_ + size_, x_ + 2 * size_, x_ + 3 * size_, x_ + 4 * size_, x_ + 5 * size_};
      auto* const wide = reinterpret_cast<core::WideOf<Number>*>(x_ + 6 * size_);
      wide_ = {wide, wide + size_, wide + 2 * size_, wide + 3 * size_, wide + 4 * size_};
    }

    void solve() {
      load();
      const auto found =
          core::solve_lyapunov(team_, items_.n, a_, q_, sound_, hermitian_, x_, space_, wide_);
      if (team_.stopped()) return;
      for (int lane = 0; lane < count_; ++lane) {
        if (!wanted_[lane]) continue;
        const bool good = found.converged.lane(lane);
        const i32 status = !sound_.lane(lane) ? 2 : found.diverged.lane(lane) ? 1 : good ? 0 : 3;
        items_.status[first_ + lane] = store(lane, status);
        if (items_.steps != nullptr)
          items_.steps[first_ + lane] = static_cast<i32>(lane_of(found.steps, lane));
      }
      if (items_.condition != nullptr) find_conditions();
    }

   private:
    static constexpr int parts = static_cast<int>(sizeof(Number) / sizeof(Real));

    static void set_part(Number* m, i64 entry, int p, int lane, double value) {
      reinterpret_cast<double*>(m)[(entry * parts + p) * lanes + lane] = value;
    }

    void load() {
      for (i64 e = 0; e < size_; ++e) a_[e] = q_[e] = Number(0.0);
      for (int lane = 0; lane < lanes; ++lane) {
        sound_.set(lane, false);
        hermitian_.set(lane, true);
        scale_[lane] = 1.0;
        if (lane < count_) load(lane);
      }
    }

    void load(int lane) {
      wanted_[lane] = !items_.only_lost || items_.status[first_ + lane] == 3;
      if (!wanted_[lane]) return;
      const double* const a = items_.a + (first_ + lane) * items_.a_stride;
      const double* const q = items_.q + (first_ + lane) * items_.q_stride;
      const core::ItemLook look = core::look_at(items_.n, parts, a, q);
      if (!look.sound) return;
      sound_.set(lane, true);
      hermitian_.set(lane, look.hermitian);
      scale_[lane] = look.scale;
      for (i64 e = 0; e < size_; ++e)
        for (int p = 0; p < parts; ++p) {
          set_part(a_, e, p, lane, a[e * parts + p]);
          set_part(q_, e, p, lane, q[e * parts + p] * look.scale);
        }
    }

    // Returns the status: a solution beyond the range of double counts as none.
    i32 store(int lane, i32 status) {
      double* const x = items_.x + (first_ + lane) * size_ * parts;
      if (status == 0) return core::put_back(view(x_, lane), scale_[lane], items_.n, x) ? 0 : 3;
      for (i64 e = 0; e < size_ * parts; ++e) x[e] = __builtin_nan("");
      return status;
    }

    void find_conditions() {
      const Mask everyone = !Mask{};
      for (i64 e = 0; e < size_; ++e) q_[e] = Number(e % (items_.n + 1) == 0 ? 1.0 : 0.0);
      core::copy(team_, a_, space_.power, size_);
      const auto found = core::double_up(team_, items_.n, sound_, everyone, q_, space_);
      for (int lane = 0; lane < count_; ++lane) {
        if (!wanted_[lane]) continue;
        const bool good = found.converged.lane(lane) && items_.status[first_ + lane] == 0;
        items_.condition[first_ + lane] =
            good ? core::condition_bound(view(a_, lane), view(q_, lane), items_.n)
                 : __builtin_nan("");
      }
    }

    core::MatrixView view(const Number* m, int lane) const {
      return {reinterpret_cast<const double*>(m) + lane, items_.n * parts * lanes, parts * lanes,
              lanes, parts};
    }

    const LyapunovItems& items_;
    i64 first_;
    int count_;
    i64 size_;
    core::Solo team_;
    Number *a_, *q_, *x_;
    core::LyapunovSpace<Number> space_{};
    core::LyapunovSpace<core::WideOf<Number>> wide_{};
    Mask sound_{}, hermitian_{};
    double scale_[lanes] = {};
    bool wanted_[lanes] = {};
  };
};

}  // namespace autophage::simd
