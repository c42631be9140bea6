// The stationary state of interacting linear models, for one pack of points (alpha, beta). With
// the weights alpha of the pool, c = (1-alpha) beta of the private and c* = (1-alpha)(1-beta) of
// the public data:
//   G_k = c S~_k + c* S_* + alpha S_,  H_k = G_k^-1,  A_k = (alpha/K) S_k H_k,  F = sum A_k,
//   R = (I - F)^-1,  X = F X F^T + sigma^2 (alpha^2/K) S_,
//   Cov_kk = H_k (sigma^2 [c^2 (S~_k + V_k + V_k^T) + R Y R^T] + X) H_k,  V_k = R A_k S~_k,
//   Y = c^2 sum A_k S~_k A_k^T + c*^2 S_*.
// Nothing larger than d x d is formed: entities come one after the other.
#pragma once

#include "lyapunov.hpp"
#include "spectral_radius.hpp"

namespace autophage::core {

// Second-moment matrices that all points share; `pooled` is the mean of the synthetic ones. It,
// `of_public` and all scratch have `side` >= features rows and columns, the others `features`: what
// is beyond the features is zero.
struct Interaction {
  i64 entities, features, side;
  const double *of_private, *of_public, *synthetic, *pooled;
  double noise;
};

// Which results are asked for; each is a number a lane: `variance` and `mse` have one an entity,
// `mspe` one an entity and task.
template <class Real>
struct InteractionResults {
  Real *variance, *mse, *mspe, *radius, *homogenisation;  // null: not asked for
  // diverged: the spectral radius is surely 1 or more; lost: squarings do not tell.
  MaskOf<Real> singular{}, diverged{}, lost{};
};

// Scratch: `inverses` keeps the first `kept` of the H_k and `moved` the first `moved_kept` of the
// A_k S~_k, the others are computed again. `moment` is room for a matrix of doubles (null where
// side = features), `sources` for Y.
template <class Real>
struct InteractionSpace {
  LyapunovSpace<Real> matrix;
  Real *mix, *solution, *resolvent, *spread, *sources, *mean, *inverses, *moved, *column;
  double* moment;
  i64 kept, moved_kept;
};

template <class Team, class Real>
class InteractionLimit {
 public:
  AUTOPHAGE_HD InteractionLimit(const Team& team, const Interaction& given, const Real& alpha,
                                const Real& beta, const InteractionSpace<Real>& space)
      : team_(team),
        given_(given),
        space_(space),
        n_(given.side),
        size_(given.side * given.side),
        alpha_(alpha),
        own_((Real(1.0) - alpha) * beta),
        open_((Real(1.0) - alpha) * (Real(1.0) - beta)),
        share_(alpha / Real(static_cast<double>(given.entities))) {}

  AUTOPHAGE_HD void run(InteractionResults<Real>& out) {
    everyone_ = !MaskOf<Real>{};
    wants_errors_ = out.mse != nullptr || out.mspe != nullptr;
    find_mix(out);
    if (out.radius != nullptr) find_radius(*out.radius);
    const bool all = wants_errors_ || out.homogenisation != nullptr;
    const MaskOf<Real> sound = everyone_ & !out.singular;
    find_solution(sound, out);
    if (out.variance != nullptr) find_variances(out.variance);
    if (!all) return;
    find_resolvent();
    if (out.homogenisation != nullptr) find_homogenisation(*out.homogenisation);
    if (wants_errors_) find_errors(out);
  }

 private:
  // Matrix k of those that are given, of `side` rows and columns.
  AUTOPHAGE_HD const double* moment(const double* all, i64 k) const {
    const i64 d = given_.features;
    const double* const from = all + k * d * d;
    if (d == n_) return from;
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      space_.moment[e] = e / n_ < d && e % n_ < d ? from[e / n_ * d + e % n_] : 0.0;
    team_.sync();
    return space_.moment;
  }

  // H_k, computed or kept; one in the rows beyond the features.
  AUTOPHAGE_HD const Real* inverse(i64 k, MaskOf<Real>& singular) {
    Real* const h = space_.inverses + (k < space_.kept ? k : space_.kept) * size_;
    if (k < ready_) return h;
    const double* const own = moment(given_.of_private, k);
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      h[e] = multiply_add(
          own[e], own_, multiply_add(given_.of_public[e], open_, Real(given_.pooled[e]) * alpha_));
    team_.sync();
    for (i64 i = given_.features + team_.rank(); i < n_; i += team_.size())
      h[i * (n_ + 1)] = Real(1.0);
    team_.sync();
    singular = singular | invert_symmetric(team_, h, space_.column, n_);
    if (k < space_.kept && k == ready_) ++ready_;
    return h;
  }
  AUTOPHAGE_HD const Real* inverse(i64 k) {
    MaskOf<Real> ignored{};
    return inverse(k, ignored);
  }

  // to += scale * from, or to = scale * from at first.
  template <class From>
  AUTOPHAGE_HD void accumulate(bool first, const Real& scale, const From* from, Real* to) const {
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      to[e] = multiply_add(from[e], scale, first ? Real(0.0) : to[e]);
    team_.sync();
  }

  template <class Left, class Right>
  AUTOPHAGE_HD Real dot(const Left* a, const Right* b) const {
    return inner_product(team_, a, b, size_);
  }

  AUTOPHAGE_HD void find_mix(InteractionResults<Real>& out) {
    const bool spread = out.homogenisation != nullptr;
    const Real even(1.0 / static_cast<double>(given_.entities));
    if (wants_errors_) accumulate(true, open_ * open_, given_.of_public, space_.sources);
    for (i64 k = 0; k < given_.entities && !team_.stopped(); ++k) {
      const Real* const h = inverse(k, out.singular);
      find_share(k, h);
      accumulate(k == 0, Real(1.0), space_.matrix.left, space_.mix);
      if (spread) accumulate(k == 0, even, h, space_.mean);
      if (!wants_errors_) continue;
      Real* const moved = k < space_.moved_kept ? space_.moved + k * size_ : space_.matrix.next;
      multiply_by_shared(space_.matrix.left, moment(given_.of_private, k), moved);
      multiply_adjoint(team_, moved, space_.matrix.left, everyone_, space_.matrix.residual, n_);
      accumulate(false, own_ * own_, space_.matrix.residual, space_.sources);
    }
  }

  // A_k into matrix.left.
  AUTOPHAGE_HD void find_share(i64 k, const Real* h) {
    multiply(team_, moment(given_.synthetic, k), h, space_.matrix.left, n_);
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      space_.matrix.left[e] = space_.matrix.left[e] * share_;
    team_.sync();
  }

  AUTOPHAGE_HD void find_solution(MaskOf<Real> sound, InteractionResults<Real>& out) {
    copy(team_, space_.mix, space_.matrix.power, size_);
    accumulate(true, alpha_ * share_ * Real(given_.noise), given_.pooled, space_.solution);
    const Doubling<Real> found =
        double_up(team_, n_, sound, everyone_, space_.solution, space_.matrix);
    out.diverged = found.certain;
    out.lost = sound & !(found.converged | found.certain);
  }

  // tr H X H.
  AUTOPHAGE_HD void find_variances(Real* variance) {
    for (i64 k = 0; k < given_.entities && !team_.stopped(); ++k) {
      const Real* const h = inverse(k);
      multiply(team_, h, space_.solution, space_.matrix.left, n_);
      variance[k] = dot(space_.matrix.left, h);
    }
  }

  // R = (I + F)(I + F^2)(I + F^4) ..; lanes that diverge get worthless numbers.
  AUTOPHAGE_HD void find_resolvent() {
    Real* const r = space_.resolvent;
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      r[e] = Real(e % (n_ + 1) == 0 ? 1.0 : 0.0);
    copy(team_, space_.mix, space_.matrix.power, size_);
    for (int k = 0; k < most_doublings && !team_.stopped(); ++k) {
      const Real power = sum_of_squares(team_, space_.matrix.power, size_);
      // |F^(2^k)| itself, not its square, is what is missing here.
      const MaskOf<Real> going = (power > Real(0x1p-110)) & (power <= Real(hopeless_power<Real>));
      if (!any(going)) return;
      multiply(team_, space_.matrix.power, r, space_.matrix.left, n_);
      multiply(team_, space_.matrix.power, space_.matrix.power, space_.matrix.next, n_);
      for (i64 e = team_.rank(); e < size_; e += team_.size()) {
        r[e] = select(going, r[e] + space_.matrix.left[e], r[e]);
        space_.matrix.power[e] = select(going, space_.matrix.next[e], Real(0.0));
      }
      team_.sync();
    }
  }

  // V_k = R A_k S~_k into `to`.
  AUTOPHAGE_HD void find_transfer(i64 k, const Real* h, Real* to) {
    const bool kept = wants_errors_ && k < space_.moved_kept;
    if (!kept) {
      find_share(k, h);
      multiply_by_shared(space_.matrix.left, moment(given_.of_private, k), space_.matrix.next);
    }
    const Real* const moved = kept ? space_.moved + k * size_ : space_.matrix.next;
    multiply(team_, space_.resolvent, moved, to, n_);
  }

  // c = a s for a matrix s that all lanes share.
  AUTOPHAGE_HD void multiply_by_shared(const Real* a, const double* s, Real* c) const {
    if constexpr (Kind<Real>::lanes == 1) return multiply(team_, a, s, c, n_);
    for (i64 i = team_.rank(); i < n_ && !team_.stopped(); i += team_.size())
      for (i64 j = 0; j < n_; ++j) {
        Real sum(0.0);
        for (i64 k = 0; k < n_; ++k) sum = multiply_add(s[k * n_ + j], a[i * n_ + k], sum);
        c[i * n_ + j] = sum;
      }
    team_.sync();
  }

  // Mean over pairs of |M_k - M_l|^2 = 2/(K-1) sum_k |M_k - M|^2, M the mean. With D_k = H_k - H,
  // H the mean, D = sum D_k^2, block j of M_k - M is D_k c V_j + (delta_kj - 1/K) c H_j S~_j, so
  // that the sum over k needs D alone; nothing cancels.
  AUTOPHAGE_HD void find_homogenisation(Real& result) {
    LyapunovSpace<Real>& m = space_.matrix;
    const double entities = static_cast<double>(given_.entities);
    for (i64 k = 0; k < given_.entities && !team_.stopped(); ++k) {
      const Real* const h = inverse(k);
      for (i64 e = team_.rank(); e < size_; e += team_.size()) m.left[e] = h[e] - space_.mean[e];
      team_.sync();
      multiply(team_, m.left, m.left, m.next, n_);
      accumulate(k == 0, Real(1.0), m.next, space_.spread);
    }
    multiply_by_shared(space_.resolvent, given_.of_public, m.update);
    multiply(team_, space_.spread, m.update, m.next, n_);
    Real sum = dot(m.next, m.update) * open_ * open_;
    Real own(0.0);
    for (i64 k = 0; k < given_.entities && !team_.stopped(); ++k) {
      const Real* const h = inverse(k);
      find_transfer(k, h, m.update);
      multiply(team_, space_.spread, m.update, m.next, n_);
      own = own + dot(m.next, m.update);
      multiply_by_shared(h, moment(given_.of_private, k), m.residual);
      own = own + dot(m.residual, m.residual) * Real(1.0 - 1.0 / entities);
      for (i64 e = team_.rank(); e < size_; e += team_.size()) m.left[e] = h[e] - space_.mean[e];
      team_.sync();
      multiply(team_, m.left, m.update, m.next, n_);
      own = own + Real(2.0) * dot(m.next, m.residual);
    }
    result = (sum + own * own_ * own_) * Real(2.0 / (entities - 1.0));
  }

  AUTOPHAGE_HD void find_errors(InteractionResults<Real>& out) {
    LyapunovSpace<Real>& m = space_.matrix;
    const Real noise(given_.noise);
    multiply(team_, space_.resolvent, space_.sources, m.left, n_);
    multiply_adjoint(team_, m.left, space_.resolvent, everyone_, space_.spread, n_);
    for (i64 e = team_.rank(); e < size_; e += team_.size())
      space_.spread[e] = multiply_add(noise, space_.spread[e], space_.solution[e]);
    team_.sync();
    for (i64 k = 0; k < given_.entities && !team_.stopped(); ++k) {
      const Real* const h = inverse(k);
      find_transfer(k, h, m.update);
      find_middle(moment(given_.of_private, k), noise * own_ * own_);
      multiply(team_, h, m.residual, m.left, n_);
      if (out.mse != nullptr) out.mse[k] = dot(m.left, h);
      if (out.mspe == nullptr) continue;
      multiply_adjoint(team_, m.left, h, everyone_, m.next, n_);
      find_task_errors(m.next, m.residual, out.mspe + k * given_.entities);
    }
  }

  // tr(S~_m Cov_kk) for every task m; `room` for the covariance without what pads it.
  AUTOPHAGE_HD void find_task_errors(const Real* covariance, Real* room, Real* errors) const {
    const i64 d = given_.features, size = d * d;
    for (i64 e = team_.rank(); e < size; e += team_.size())
      room[e] = covariance[e / d * n_ + e % d];
    team_.sync();
    for (i64 task = 0; task < given_.entities && !team_.stopped(); ++task)
      errors[task] = inner_product(team_, room, given_.of_private + task * size, size);
  }

  // What stands between the H_k in Cov_kk into matrix.residual, from V_k in matrix.update and
  // sigma^2 R Y R^T + X in spread.
  AUTOPHAGE_HD void find_middle(const double* own, const Real& scale) {
    LyapunovSpace<Real>& m = space_.matrix;
    for (i64 i = team_.rank(); i < n_; i += team_.size())
      for (i64 j = 0; j < n_; ++j)
        m.residual[i * n_ + j] = multiply_add(
            scale, Real(own[i * n_ + j]) + (m.update[i * n_ + j] + m.update[j * n_ + i]),
            space_.spread[i * n_ + j]);
    team_.sync();
  }

  AUTOPHAGE_HD void find_radius(Real& radius) {
    copy(team_, space_.mix, space_.matrix.power, size_);
    radius = spectral_radius<Team, Real>(team_, n_, space_.matrix);
  }

  const Team& team_;
  const Interaction& given_;
  InteractionSpace<Real> space_;
  i64 n_, size_;
  i64 ready_ = 0;
  bool wants_errors_ = false;
  Real alpha_, own_, open_, share_;
  MaskOf<Real> everyone_{};
};

}  // namespace autophage::core
