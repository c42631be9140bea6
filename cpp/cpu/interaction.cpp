// Limits of interacting linear models on threads: a unit of work is a pack of points that are near
// each other in alpha, which then need about as many doublings, or one point with many features.
#include <algorithm>
#include <numeric>
#include <vector>

#include "../backend.hpp"
#include "linear_memory.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// A Schur form in twice the precision takes seconds for so many features.
constexpr std::int64_t most_judged = 128;

// Judges a point that squarings did not: whether equations with F have a solution at all.
void judge(const InteractionJob& job, const double* mix, std::int32_t& status) {
  const auto n = static_cast<std::size_t>(job.features);
  std::vector<double> q(n * n), x(n * n);
  for (std::size_t i = 0; i < n; ++i) q[i * (n + 1)] = 1.0;
  std::int32_t found = 0;
  LyapunovJob equation;
  equation.n = job.features;
  equation.items = 1;
  equation.a = mix;
  equation.q = q.data();
  equation.x = x.data();
  equation.status = &found;
  solve(equation, Poll{});
  if (found == 1) status = 1;
}

}  // namespace

bool limits(const InteractionJob& job, const Poll& poll) {
  const simd::LinearKernels kernels = linear_kernels();
  std::vector<std::int64_t> order(static_cast<std::size_t>(job.points));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t i, std::int64_t j) { return job.alpha[i] < job.alpha[j]; });
  const std::int64_t size = job.features * job.features;
  std::vector<double> pooled(static_cast<std::size_t>(size));
  for (std::int64_t k = 0; k < job.entities; ++k)
    for (std::int64_t e = 0; e < size; ++e)
      pooled[static_cast<std::size_t>(e)] += job.synthetic[k * size + e];
  for (double& sum : pooled) sum /= static_cast<double>(job.entities);
  const simd::InteractionPoints points{
      job.entities,  job.features, job.points, job.of_private,     job.of_public, job.synthetic,
      pooled.data(), job.noise,    job.alpha,  job.beta,           order.data(),  job.variance,
      job.mse,       job.mspe,     job.radius, job.homogenisation, job.status};
  // By the features alone, so that a point has the same bits in any grid.
  const bool by_rows = job.features >= simd::smallest_point_of_rows;
  const auto kernel = by_rows ? kernels.row_interaction : kernels.interaction;
  const auto memory_of = by_rows ? kernels.row_interaction_memory : kernels.interaction_memory;
  const std::int64_t lanes = by_rows ? 1 : kernels.lanes;
  const std::int64_t units = (job.points + lanes - 1) / lanes;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  std::vector<AlignedDoubles> memory(static_cast<std::size_t>(threads));
  core::StopFlag stop;
  return share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    AlignedDoubles& mine = memory[static_cast<std::size_t>(worker)];
    mine.resize(memory_of(points));
    kernel(points, unit * lanes, mine.data(), stop);
    for (std::int64_t lane = 0; lane < lanes && unit * lanes + lane < job.points; ++lane) {
      if (stop.raised()) return;
      std::int32_t& status = job.status[order[static_cast<std::size_t>(unit * lanes + lane)]];
      if (status == 3 && job.features <= most_judged) judge(job, mine.data() + lane * size, status);
    }
  });
}

}  // namespace autophage::cpu
