// Lyapunov equations and the limits of interacting models: the core on plain doubles against the
// kernels of every instruction set, lanes that leave each other alone, and the driver on threads.
#include "core/lyapunov.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "core/interaction.hpp"
#include "core/lyapunov_schur.hpp"

namespace {

namespace core = autophage::core;
namespace cpu = autophage::cpu;
using autophage::Poll;
using Doubles = std::vector<double>;

std::uint64_t state = 1;
double next_number() {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(state >> 11) * 0x1p-52 - 1.0;
}

// `items` matrices with rows of absolute sum `rate`, and symmetric ones.
struct Batch {
  std::int64_t n, items;
  Doubles a, q, x;
  std::vector<std::int32_t> status;
  Batch(std::int64_t size, std::int64_t count, double rate)
      : n(size),
        items(count),
        a(static_cast<std::size_t>(count * size * size)),
        q(a),
        x(a),
        status(static_cast<std::size_t>(count), -1) {
    for (double& value : a) value = next_number() * rate / static_cast<double>(size);
    for (std::int64_t item = 0; item < count; ++item)
      for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j <= i; ++j)
          at(q, item, i, j) = at(q, item, j, i) = (i == j) + 0.1 * next_number();
  }
  double& at(Doubles& m, std::int64_t item, std::int64_t i, std::int64_t j) const {
    return m[static_cast<std::size_t>((item * n + i) * n + j)];
  }
  autophage::LyapunovJob job(int threads) {
    autophage::LyapunovJob all;
    all.n = n;
    all.items = items;
    all.a = a.data();
    all.q = q.data();
    all.a_stride = all.q_stride = n * n;
    all.x = x.data();
    all.status = status.data();
    all.threads = threads;
    return all;
  }
};

// The core on one item of plain doubles.
Doubles solved_alone(const Batch& batch, std::int64_t item) {
  const auto size = static_cast<std::size_t>(batch.n * batch.n);
  Doubles x(size), scratch(5 * size), wide(10 * size);
  std::vector<core::WideOf<double>> doubled(5 * size);
  core::WideOf<double>* const w = doubled.data();
  double* const s = scratch.data();
  const auto found = core::solve_lyapunov(
      core::Solo(), batch.n, batch.a.data() + item * batch.n * batch.n,
      batch.q.data() + item * batch.n * batch.n, true, true, x.data(),
      core::LyapunovSpace<double>{s, s + size, s + 2 * size, s + 3 * size, s + 4 * size},
      core::LyapunovSpace<core::WideOf<double>>{w, w + size, w + 2 * size, w + 3 * size,
                                                w + 4 * size});
  CHECK(found.converged && !found.diverged);
  return x;
}

void every_instruction_set_solves_what_the_core_solves() {
  double worst = 0;
  for (const char* set : {"baseline", "avx2", "avx512"}) {
    setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
    for (const std::int64_t n : {1, 2, 3, 7, 8, 17, 53}) {
      Batch batch(n, 11, 0.95);
      CHECK(cpu::solve(batch.job(1), Poll{}));
      for (std::int64_t item = 0; item < batch.items; ++item) {
        CHECK(batch.status[static_cast<std::size_t>(item)] == 0);
        const Doubles x = solved_alone(batch, item);
        for (std::int64_t i = 0; i < n; ++i)
          for (std::int64_t j = 0; j < n; ++j) {
            const double other = x[static_cast<std::size_t>(i * n + j)];
            worst = std::fmax(worst, std::fabs(batch.at(batch.x, item, i, j) - other));
            CHECK(batch.at(batch.x, item, i, j) == batch.at(batch.x, item, j, i));
          }
      }
    }
  }
  unsetenv("AUTOPHAGE_INSTRUCTIONS");
  CHECK_AT_MOST(worst, 1e-14, "core and vector kernels differ by");
}

void threads_and_neighbours_change_nothing() {
  Batch one(6, 100, 0.95);
  Batch other = one;
  other.at(other.a, 37, 0, 0) = NAN;
  other.at(other.a, 50, 1, 1) = 3.0;
  CHECK(cpu::solve(one.job(1), Poll{}));
  CHECK(cpu::solve(other.job(4), Poll{}));
  CHECK(other.status[37] == 2 && other.status[50] == 1);
  for (std::int64_t item = 0; item < one.items; ++item)
    for (std::int64_t i = 0; i < 6 && item != 37 && item != 50; ++i)
      for (std::int64_t j = 0; j < 6; ++j)
        CHECK(one.at(one.x, item, i, j) == other.at(other.x, item, i, j));
}

void twice_the_precision_is_that() {
  using Wide = core::Doubled<double>;
  const Wide third = Wide(1.0 / 3, 1.0 / 3 * 0x1p-54);
  const Wide rest = third * Wide(3.0) - Wide(1.0);
  CHECK(std::fabs(rest.high) <= 1e-31);
  core::DoubledSum<double> sum;
  for (const double term : {1e16, 1.0, -1e16, 1e-5}) sum.add(term, 1.0);
  CHECK(sum.total() == 1.00001);
}

void a_symmetric_matrix_times_its_inverse_is_one() {
  const std::int64_t n = 9;
  Batch batch(n, 1, 1.0);
  Doubles inverse = batch.q, product(81), column(18);
  CHECK(!core::invert_symmetric(core::Solo(), inverse.data(), column.data(), n));
  core::multiply(core::Solo(), batch.q.data(), inverse.data(), product.data(), n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      CHECK(std::fabs(batch.at(product, 0, i, j) - (i == j)) <= 1e-13);
  Doubles flat(81, 1.0);
  CHECK(core::invert_symmetric(core::Solo(), flat.data(), column.data(), n));
}

// max |V^H T V - A| and max |V V^H - I| of the Schur form in numbers of one precision.
template <class Real>
double schur_error(const Batch& batch) {
  using Number = core::Complex<Real>;
  const std::int64_t n = batch.n;
  const auto size = static_cast<std::size_t>(n * n);
  std::vector<Number> t(size), v(size), adjoint(size), left(size), product(size);
  for (std::size_t e = 0; e < size; ++e) t[e] = {Real(batch.a[e]), Real(batch.q[e])};
  const std::vector<Number> a = t;
  const core::Solo team;
  core::Schur<core::Solo, Real> schur(team, n, t.data(), v.data());
  CHECK(schur.find());
  double worst = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      const auto from = static_cast<std::size_t>(j * n + i),
                 to = static_cast<std::size_t>(i * n + j);
      adjoint[to] = core::conjugate(v[from]);
      if (j < i) CHECK(core::leading(core::square_of(t[to])) == 0.0);
    }
  core::multiply(team, adjoint.data(), t.data(), left.data(), n);
  core::multiply(team, left.data(), v.data(), product.data(), n);
  for (std::size_t e = 0; e < size; ++e)
    worst = std::fmax(worst, core::leading(core::square_of(product[e] - a[e])));
  core::multiply(team, v.data(), adjoint.data(), product.data(), n);
  for (std::size_t e = 0; e < size; ++e) {
    const Number one(e % static_cast<std::size_t>(n + 1) == 0 ? 1.0 : 0.0);
    worst = std::fmax(worst, core::leading(core::square_of(product[e] - one)));
  }
  return std::sqrt(worst);
}

void schur_forms_in_both_precisions() {
  for (const std::int64_t n : {1, 2, 3, 8, 25}) {
    const Batch batch(n, 1, 2.0);
    CHECK_AT_MOST(schur_error<double>(batch), 1e-14 * static_cast<double>(n + 1), "Schur form");
    CHECK_AT_MOST(schur_error<core::Doubled<double>>(batch), 1e-29 * static_cast<double>(n + 1),
                  "Schur form in twice the precision");
  }
  // Eigenvalues of equal modulus: a cycle, whose QR step without shifts never ends.
  std::vector<core::Complex<double>> cycle(16);
  for (const std::size_t e : {1U, 6U, 11U, 12U}) cycle[e] = core::Complex<double>(1.0);
  const core::Solo team;
  core::Schur<core::Solo, double> schur(team, 4, cycle.data(), nullptr);
  CHECK(schur.find());
  CHECK_AT_MOST(std::fabs(schur.radius() - 1.0), 1e-14, "radius of a cycle");
}

void limits_on_threads() {
  const std::int64_t entities = 3, d = 4, points = 40;
  Batch own(d, entities, 1.0), open(d, 1, 1.0);
  Doubles alpha(40), beta(40), variance(120), mspe(360), radius(40), distance(40);
  std::vector<std::int32_t> status(40);
  for (std::size_t i = 0; i < 40; ++i) alpha[i] = 0.02 * static_cast<double>(i), beta[i] = 0.4;
  autophage::InteractionJob job;
  job.entities = entities, job.features = d, job.points = points;
  job.of_private = job.synthetic = own.q.data();
  job.of_public = open.q.data();
  job.alpha = alpha.data(), job.beta = beta.data();
  job.variance = variance.data(), job.mspe = mspe.data(), job.radius = radius.data();
  job.homogenisation = distance.data(), job.status = status.data();
  job.threads = 4;
  CHECK(cpu::limits(job, Poll{}));
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(status[i] == 0);
    CHECK(radius[i] < 1.0 && (radius[i] > 0.0) == (i > 0));
    CHECK(variance[3 * i] >= 0.0 && mspe[9 * i] > 0.0 && distance[i] > 0.0);
    if (i > 0) CHECK(distance[i] < distance[i - 1]);
  }
}

}  // namespace

int main() {
  twice_the_precision_is_that();
  a_symmetric_matrix_times_its_inverse_is_one();
  every_instruction_set_solves_what_the_core_solves();
  threads_and_neighbours_change_nothing();
  schur_forms_in_both_precisions();
  limits_on_threads();
  return autophage::test::finish();
}
