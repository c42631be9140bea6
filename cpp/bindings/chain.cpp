#include <string>
#include <vector>

#include "../core/stream.hpp"
#include "chain_outputs.hpp"

namespace autophage {
namespace {

Regime regime_named(const std::string& name) {
  const char* const names[] = {"fully_synthetic", "partially_synthetic",
                               "most_recent",     "randomly_sampled",
                               "mixed",           "accumulate"};
  for (int i = 0; i < 6; ++i)
    if (name == names[i]) return static_cast<Regime>(i);
  throw py::value_error("unknown regime " + name);
}

ChainJob job_of(const py::dict& study) {
  ChainJob job;
  job.regime = regime_named(study["regime"].cast<std::string>());
  job.window = study["window"].cast<std::int64_t>();
  job.subsample = study["subsample"].cast<bool>();
  job.replace = study["replace"].cast<bool>();
  job.filter = study["filter"].cast<std::int32_t>();
  job.type1 = study["type1"].cast<double>();
  job.type2 = study["type2"].cast<double>();
  job.threshold = study["threshold"].cast<double>();
  job.adaptation = study["adaptation"].cast<std::int32_t>();
  job.constant = study["constant"].cast<double>();
  read_study(study, job);
  return job;
}

// Keeps the array that the tables are made from.
struct Laws {
  Array<double> laws;
  std::shared_ptr<cpu::PreparedLaws> tables;

  explicit Laws(Array<double> laws_)
      : laws(std::move(laws_)),
        tables(cpu::prepare_laws(laws.data(), laws.shape(0), laws.shape(1))) {}
};

py::tuple run_chains(const Array<double>& laws, const Array<std::int64_t>& n,
                     const Array<double>& alpha, const Array<std::int64_t>& real,
                     const py::dict& study, const py::dict& out, bool reduce, py::object poll) {
  ChainJob job = job_of(study);
  job.laws = laws.data();
  job.contexts = laws.shape(0);
  job.tokens = laws.shape(1);
  job.prepared = study["prepared"].cast<const Laws&>().tables.get();
  job.rows = n.shape(0);
  job.n = n.data();
  job.alpha = alpha.data();
  job.real = real.data();
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

void bind_chain(py::module_& module) {
  module.attr("stream_version") = core::stream_version;
  py::class_<Laws>(module, "PreparedLaws")
      .def(py::init<Array<double>>(), py::arg("laws").noconvert());
  module.def("run_chains", &run_chains, py::arg("laws").noconvert(), py::arg("n").noconvert(),
             py::arg("alpha").noconvert(), py::arg("real").noconvert(), py::arg("study"),
             py::arg("out"), py::arg("reduce"), py::arg("poll"));
}

}  // namespace autophage
