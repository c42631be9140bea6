// Limits of interacting linear models on threads: a unit of work is a pack of points that are near
// each other in alpha, which then need about as many doublings.
#include <algorithm>
#include <numeric>
#include <vector>

#include "../backend.hpp"
#include "linear_memory.hpp"
#include "pool.hpp"

namespace autophage::cpu {

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
  const std::int64_t units = (job.points + kernels.lanes - 1) / kernels.lanes;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  std::vector<AlignedDoubles> memory(static_cast<std::size_t>(threads));
  core::StopFlag stop;
  return share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    AlignedDoubles& mine = memory[static_cast<std::size_t>(worker)];
    mine.resize(kernels.interaction_memory(points));
    kernels.interaction(points, unit * kernels.lanes, mine.data(), stop);
  });
}

}  // namespace autophage::cpu
