// Discrete Lyapunov equations on threads: a unit of work is a few packs of items.
#include <algorithm>
#include <vector>

#include "../backend.hpp"
#include "linear_memory.hpp"
#include "pool.hpp"

namespace autophage::cpu {

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
    for (std::int64_t pack = unit * a_unit; pack < end && !stop.raised(); ++pack)
      kernels.lyapunov(items, job.is_complex, pack * kernels.lanes, mine.data(), stop);
  });
}

}  // namespace autophage::cpu
