#include "chain_outputs.hpp"

namespace autophage {
namespace {

// real: kept draws of each entity, then the public ones; empty where the laws themselves are kept.
py::tuple run_interacting(const Array<double>& laws, const Array<double>& public_law,
                          const Array<std::int64_t>& n, const Array<double>& alpha,
                          const Array<double>& beta, const Array<std::int64_t>& real,
                          const py::dict& study, const py::dict& out, bool reduce,
                          py::object poll) {
  InteractingJob job;
  job.laws = laws.data();
  job.public_law = public_law.data();
  job.entities = laws.shape(0);
  job.tokens = laws.shape(1);
  job.rows = n.shape(0);
  job.n = n.data();
  job.alpha = alpha.data();
  job.beta = beta.data();
  job.real = real.size() > 0 ? real.data() : nullptr;
  job.own_pools = study["own_pools"].cast<bool>();
  read_study(study, job);
  const ChainTrajectories to_arrays = reduce ? ChainTrajectories{} : trajectories(out);
  const ChainSums to_sums = reduce ? sums(out) : ChainSums{};
  ChainOutcome outcome{};
  run_unlocked(std::move(poll), [&](const Poll& watch) {
    outcome = reduce ? cpu::run(job, to_sums, watch) : cpu::run(job, to_arrays, watch);
  });
  return py::make_tuple(static_cast<int>(outcome.ending), outcome.run, outcome.context,
                        outcome.generation);
}

}  // namespace

void bind_chain_interacting(py::module_& module) {
  module.def("run_interacting", &run_interacting, py::arg("laws").noconvert(),
             py::arg("public_law").noconvert(), py::arg("n").noconvert(),
             py::arg("alpha").noconvert(), py::arg("beta").noconvert(), py::arg("real").noconvert(),
             py::arg("study"), py::arg("out"), py::arg("reduce"), py::arg("poll"));
}

}  // namespace autophage
