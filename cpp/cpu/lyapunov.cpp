// Discrete Lyapunov equations on threads: a unit of work is a few packs of items. What a pack could
// not solve is solved alone.
#include "../core/lyapunov.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../backend.hpp"
#include "../core/lyapunov_schur.hpp"
#include "../core/radius_search.hpp"
#include "linear_memory.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// One item by its Schur form, with memory of its own: hardly any item needs it.
template <class Number>
class Alone {
 public:
  Alone(const LyapunovJob& job, std::int64_t item, const core::StopFlag& stop)
      : job_(job),
        item_(item),
        n_(job.n),
        size_(static_cast<std::size_t>(job.n * job.n)),
        stop_(stop),
        items_(matrices * size_),
        plain_(core::schur_matrices * size_),
        wide_(core::schur_matrices * size_) {
    const auto* const a = reinterpret_cast<const Number*>(job.a + item * job.a_stride);
    const auto* const q = reinterpret_cast<const Number*>(job.q + item * job.q_stride);
    std::copy_n(a, size_, at(0));
    double most = 0.0;
    for (std::size_t e = 0; e < size_; ++e) most = core::larger(largest_part(q[e]), most);
    scale_ = core::nearby_power(most);
    for (std::size_t e = 0; e < size_; ++e) at(1)[e] = scaled(scale_, q[e]);
  }

  void solve() {
    Number *const a = at(0), *const q = at(1), *const x = at(2), *const p = at(3);
    const bool asked = job_.condition != nullptr;
    const auto found = core::solve_by_schur(core::Solo(&stop_), n_, a, q, is_hermitian(q), x, at(4),
                                            asked ? p : nullptr, space(plain_), space(wide_));
    if (stop_.raised()) return;
    std::int32_t& status = job_.status[item_];
    if (status == lost) status = found.diverged ? 1 : found.converged && store(x) ? 0 : lost;
    if (asked && status == 0)
      job_.condition[item_] = (1.0 + row_norm(a, false) * row_norm(a, true)) * row_norm(p, false);
  }

  static constexpr std::int32_t lost = 3;

 private:
  static constexpr std::size_t matrices = 5;

  Number* at(std::size_t matrix) { return items_.data() + matrix * size_; }
  template <class Real>
  core::SchurSpace<Real> space(std::vector<core::Complex<Real>>& memory) const {
    core::Complex<Real>* const m = memory.data();
    return {m, m + size_, m + 2 * size_, m + 3 * size_, m + 4 * size_};
  }

  static double scaled(double scale, double value) { return scale * value; }
  static core::Complex<double> scaled(double scale, const core::Complex<double>& value) {
    return scale * value;
  }
  static double largest_part(double value) { return core::absolute(value); }
  static double largest_part(const core::Complex<double>& value) {
    return core::larger(core::absolute(value.re), core::absolute(value.im));
  }

  bool is_hermitian(const Number* q) const {
    for (std::int64_t i = 0; i < n_; ++i)
      for (std::int64_t j = 0; j <= i; ++j) {
        const Number gap = q[i * n_ + j] - core::conjugate(q[j * n_ + i]);
        if (!(core::size_of(gap) == 0.0)) return false;
      }
    return true;
  }

  // False where the solution is beyond the range of double.
  bool store(const Number* x) const {
    auto* const out = reinterpret_cast<Number*>(job_.x) + item_ * n_ * n_;
    double nothing = 0.0;
    for (std::size_t e = 0; e < size_; ++e) {
      const Number value = scaled(1.0 / scale_, x[e]);
      nothing += 0.0 * core::size_of(value);
      out[e] = value;
    }
    if (nothing == 0.0) return true;
    std::fill_n(reinterpret_cast<double*>(out), size_ * sizeof(Number) / sizeof(double), NAN);
    return false;
  }

  // Largest sum of moduli over a row, or over a column.
  double row_norm(const Number* m, bool columns) const {
    double most = 0.0;
    for (std::int64_t i = 0; i < n_; ++i) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < n_; ++j)
        sum += core::square_root(core::square_of(columns ? m[j * n_ + i] : m[i * n_ + j]));
      most = core::larger(sum, most);
    }
    return most;
  }

  const LyapunovJob& job_;
  std::int64_t item_, n_;
  std::size_t size_;
  const core::StopFlag& stop_;
  std::vector<Number> items_;
  std::vector<core::Complex<double>> plain_;
  std::vector<core::Complex<core::Doubled<double>>> wide_;
  double scale_ = 1.0;
};

void solve_alone(const LyapunovJob& job, std::int64_t item, const core::StopFlag& stop) {
  const bool missing =
      job.condition != nullptr && job.status[item] == 0 && std::isnan(job.condition[item]);
  if (job.status[item] != Alone<double>::lost && !missing) return;
  if (job.is_complex)
    Alone<core::Complex<double>>(job, item, stop).solve();
  else
    Alone<double>(job, item, stop).solve();
}

}  // namespace

bool solve(const LyapunovJob& job, const Poll& poll) {
  const simd::LinearKernels kernels = linear_kernels();
  const simd::LyapunovItems items{job.n,        job.items, job.a,      job.q,     job.a_stride,
                                  job.q_stride, job.x,     job.status, job.steps, job.condition};
  const std::int64_t packs = (job.items + kernels.lanes - 1) / kernels.lanes;
  const std::int64_t a_unit = std::clamp<std::int64_t>(packs / (8 * job.threads), 1, 64);
  const std::int64_t units = (packs + a_unit - 1) / a_unit;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  std::vector<AlignedDoubles> memory(static_cast<std::size_t>(threads));
  core::StopFlag stop;
  return share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    AlignedDoubles& mine = memory[static_cast<std::size_t>(worker)];
    mine.resize(kernels.lyapunov_memory(job.n, job.is_complex));
    const std::int64_t end = std::min((unit + 1) * a_unit, packs);
    for (std::int64_t pack = unit * a_unit; pack < end && !stop.raised(); ++pack) {
      const std::int64_t first = pack * kernels.lanes;
      kernels.lyapunov(items, job.is_complex, first, mine.data(), stop);
      const std::int64_t last = std::min(first + kernels.lanes, job.items);
      for (std::int64_t item = first; item < last && !stop.raised(); ++item)
        solve_alone(job, item, stop);
    }
  });
}

}  // namespace autophage::cpu
