// Which regime drives a chain that goes by itself.
#pragma once

#include "../backend.hpp"
#include "../core/chain_memory.hpp"
#include "../core/chain_mixed.hpp"
#include "../core/chain_neutral.hpp"
#include "../core/chain_pool.hpp"
#include "chain_workspace.hpp"

namespace autophage::cpu {

// Runs one chain under the job's regime.
template <class Observer>
void run_regime(const ChainJob& job, const core::Truth& law, const core::Schedule& schedule,
                const core::RunName& name, ChainWorkspace& space, core::PairTable& table,
                bool listed, Observer& observer) {
  core::Sample* samples = space.samples.data();
  std::int64_t* dense = space.dense.data();
  switch (job.regime) {
    case Regime::fully_synthetic: {
      core::NeutralChain<Observer> chain(law, schedule, name, samples[0], dense, table, observer);
      return chain.run();
    }
    case Regime::partially_synthetic: {
      core::PartiallySyntheticChain chain(law, schedule, name, samples, dense);
      return core::run_chain(chain, observer);
    }
    case Regime::most_recent: {
      core::MostRecentChain chain(law, schedule, job.window, name, samples,
                                  static_cast<std::int64_t>(space.samples.size()), dense, listed);
      return core::run_chain(chain, observer);
    }
    case Regime::randomly_sampled: {
      core::RandomlySampledChain chain(law, schedule, name, samples[0], space.pool, dense,
                                       space.weights.data(), space.gathered.data(),
                                       space.tail.data(), listed);
      return core::run_chain(chain, observer);
    }
    case Regime::mixed: {
      const core::MixedOptions options{
          static_cast<core::Filter>(job.filter),         job.type1,   job.type2, job.threshold,
          static_cast<core::Adaptation>(job.adaptation), job.constant};
      core::MixedChain chain(law, schedule, options, name, samples, dense, space.weights.data(),
                             space.tail.data());
      return core::run_chain(chain, observer);
    }
    case Regime::accumulate: {
      const core::AccumulateOptions options{job.subsample, job.replace};
      core::AccumulateChain chain(law, schedule, options, name, samples[0], space.pool, dense,
                                  space.pool_dense.data());
      return core::run_chain(chain, observer);
    }
  }
}

}  // namespace autophage::cpu
