// Studies of interacting entities for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "study.hpp"

namespace autophage::test {

// What the driver is asked, owned by value. Schedules hold a value a generation.
struct Entities {
  std::vector<Reals> laws;
  Reals public_law, alpha, beta;
  Integers n, real;  // real: empty where the laws themselves are kept
  InteractingJob job;

  std::size_t count() const { return laws.size(); }
  std::size_t tokens() const { return public_law.size(); }
};

template <class With>
ChainOutcome with_job(const Entities& study, With&& with) {
  InteractingJob job = study.job;
  Reals laws;
  for (const Reals& law : study.laws) laws.insert(laws.end(), law.begin(), law.end());
  job.laws = laws.data();
  job.public_law = study.public_law.data();
  job.entities = static_cast<std::int64_t>(study.count());
  job.tokens = static_cast<std::int64_t>(study.tokens());
  job.rows = static_cast<std::int64_t>(study.n.size());
  job.n = study.n.data();
  job.alpha = study.alpha.data();
  job.beta = study.beta.data();
  job.real = study.real.empty() ? nullptr : study.real.data();
  return with(job);
}

inline Trajectories trajectories(const Entities& study) {
  Trajectories got;
  const ChainTrajectories out =
      got.ask(Records::all, study.job.runs, study.count(), study.job.generations, study.tokens());
  got.outcome = with_job(study, [&](const InteractingJob& job) { return cpu::run(job, out, {}); });
  return got;
}

inline Entities three_entities(const Integers& n, bool kept, bool own_pools, std::int64_t runs,
                               std::uint64_t seed) {
  Entities study;
  study.laws = {{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}, {0.3, 0.3, 0.4}};
  study.public_law = {0.2, 0.5, 0.3};
  study.n = n;
  study.alpha = {0.9, 0.75, 0.5, 1.0, 0.25, 0.875};
  study.beta = {0.625, 0.625, 0.625, 0.625, 0.625, 0.625};  // p of generation 1 stays r
  if (kept) study.real = {50, 7, 3000, 200};
  study.job.runs = runs;
  study.job.generations = 6;
  study.job.own_pools = own_pools;
  study.job.seed = seed;
  return study;
}

}  // namespace autophage::test
