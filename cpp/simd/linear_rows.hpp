// One large equation of real numbers at a time.
#pragma once

#include "../core/lyapunov.hpp"
#include "../core/lyapunov_items.hpp"
#include "linear_kernels.hpp"
#include "row_algebra.hpp"

namespace autophage::simd {

// space.residual = Q - X + A X A^T, every sum in twice the precision.
template <class Set>
inline void find_residual(const RowTeam<Set>& team, i64 n, const double* a, const double* q,
                          const double* x, bool symmetric,
                          const core::LyapunovSpace<double>& space) {
  using Tile = RowTile<Set>;
  using Real = Pack<Set>;
  using Sum = core::DoubledSum<Real>;
  double *const high = space.left, *const low = space.update;
  Tile::template products<Sum, Tile::packs>(team, a, x, n, false,
                                            [&](i64 i, i64 j, const auto& sum) {
                                              for (int r = 0; r < Tile::rows; ++r)
                                                for (int y = 0; y < Tile::packs; ++y) {
                                                  const i64 e = (i + r) * n + j + y * Tile::lanes;
                                                  Tile::store(sum[r][y].high(), high + e);
                                                  Tile::store(sum[r][y].low(), low + e);
                                                }
                                            });
  const double* const across = team.transpose(a, n);
  Tile::template products<Sum, Tile::packs>(
      team, high, across, n, symmetric, [&](i64 i, i64 j, auto& sum) {
        core::PlainSum<Real> rest[Tile::rows][Tile::packs] = {};
        Tile::template add_products<core::PlainSum<Real>, Tile::packs>(low + i * n, n, across + j,
                                                                       n, n, rest);
        for (int r = 0; r < Tile::rows; ++r)
          for (int y = 0; y < Tile::packs; ++y) {
            const i64 e = (i + r) * n + j + y * Tile::lanes;
            sum[r][y].add(Real(0.0) - Tile::load(x + e));
            sum[r][y].add(Tile::load(q + e));
            sum[r][y].add(rest[r][y].total());
            Tile::store(sum[r][y].total(), space.residual + e);
          }
      });
  mirror(team, symmetric, space.residual, n);
}

template <class Set>
class RowEquation {
 public:
  // Of one item: a, q, x, five of scratch.
  static constexpr i64 matrices = 8;
  static i64 memory(i64 n) {
    const i64 side = RowTeam<Set>::padded(n);
    return matrices * side * side + RowTeam<Set>::memory(side);
  }

  RowEquation(const LyapunovItems& items, i64 item, double* memory, const core::StopFlag& stop)
      : items_(items),
        item_(item),
        n_(RowTeam<Set>::padded(items.n)),
        size_(n_ * n_),
        a_(memory),
        q_(memory + size_),
        x_(memory + 2 * size_),
        space_{memory + 3 * size_, memory + 4 * size_, memory + 5 * size_, memory + 6 * size_,
               memory + 7 * size_},
        team_(&stop, memory + matrices * size_, n_) {}

  // Status 3 stands for items that need more than doubles, too.
  void solve() {
    const double* const a = items_.a + item_ * items_.a_stride;
    const double* const q = items_.q + item_ * items_.q_stride;
    const core::ItemLook look = core::look_at(items_.n, 1, a, q);
    i32& status = items_.status[item_];
    double* const x = items_.x + item_ * items_.n * items_.n;
    core::Doubling<double> first;
    status = 2;
    if (look.sound) {
      pad(a, 1.0, a_);
      pad(q, look.scale, q_);
      const auto found =
          core::solve_plainly(team_, n_, a_, q_, true, look.hermitian, x_, space_, first);
      if (team_.stopped()) return;
      status = first.certain ? 1 : found ? 3 : 0;
    }
    if (status == 0 && !core::put_back(view(x_), look.scale, items_.n, x)) status = 3;
    if (status != 0)
      for (i64 e = 0; e < items_.n * items_.n; ++e) x[e] = __builtin_nan("");
    if (items_.steps != nullptr) items_.steps[item_] = static_cast<i32>(first.steps);
    if (items_.condition != nullptr) items_.condition[item_] = condition(status == 0);
  }

 private:
  void pad(const double* from, double scale, double* to) const {
    for (i64 e = 0; e < size_; ++e) to[e] = 0.0;
    for (i64 i = 0; i < items_.n; ++i)
      for (i64 j = 0; j < items_.n; ++j) to[i * n_ + j] = from[i * items_.n + j] * scale;
  }
  core::MatrixView view(const double* m) const { return {m, n_, 1, 0, 1}; }

  double condition(bool solved) {
    if (!solved) return __builtin_nan("");
    for (i64 e = 0; e < size_; ++e) q_[e] = e % (n_ + 1) == 0 && e / n_ < items_.n ? 1.0 : 0.0;
    core::copy(team_, a_, space_.power, size_);
    if (!core::double_up(team_, n_, true, true, q_, space_).converged) return __builtin_nan("");
    return core::condition_bound(view(a_), view(q_), items_.n);
  }

  const LyapunovItems& items_;
  i64 item_, n_, size_;
  double *a_, *q_, *x_;
  core::LyapunovSpace<double> space_;
  RowTeam<Set> team_;
};

}  // namespace autophage::simd
