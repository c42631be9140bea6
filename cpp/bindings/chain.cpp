#include <string>
#include <vector>

#include "../core/stream.hpp"
#include "bindings.hpp"

namespace autophage {
namespace {

// The data of out[name], or null where the caller did not ask for it.
template <class T>
T* target(const py::dict& out, const std::string& name) {
  if (!out.contains(name.c_str())) return nullptr;
  return Array<T>::ensure(out[name.c_str()]).mutable_data();
}

const char* const real_records[] = {"sigma",       "max_p",       "l1_to_truth",
                                    "l1_to_first", "l2_to_truth", "l2_to_first"};

ChainTrajectories trajectories(const py::dict& out) {
  ChainTrajectories to;
  to.collapse_time = target<std::int64_t>(out, "collapse_time");
  to.absorption_time = target<std::int64_t>(out, "absorption_time");
  to.final_token = target<std::int64_t>(out, "final_token");
  for (int r = 0; r < 6; ++r) to.reals[r] = target<double>(out, real_records[r]);
  to.support = target<std::int64_t>(out, "support");
  to.p = target<double>(out, "p");
  return to;
}

ExactSums exact_sums(const py::dict& out, const std::string& name) {
  return {target<std::uint64_t>(out, name + "_sum"), target<std::uint64_t>(out, name + "_squares")};
}

ChainSums sums(const py::dict& out) {
  ChainSums to;
  to.collapse_time = exact_sums(out, "collapse_time");
  to.absorption_time = exact_sums(out, "absorption_time");
  to.collapse_reached = target<std::int64_t>(out, "collapse_time_reached");
  to.absorption_reached = target<std::int64_t>(out, "absorption_time_reached");
  for (int r = 0; r < 6; ++r) to.records[r] = exact_sums(out, real_records[r]);
  to.records[6] = exact_sums(out, "support");
  to.p = exact_sums(out, "p");
  return to;
}

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
  job.seed = study["seed"].cast<std::uint64_t>();
  job.first_run = study["first_run"].cast<std::int64_t>();
  job.runs = study["runs"].cast<std::int64_t>();
  job.generations = study["generations"].cast<std::int64_t>();
  job.threads = study["threads"].cast<int>();
  return job;
}

py::tuple run_chains(const Array<double>& laws, const Array<std::int64_t>& n,
                     const Array<double>& alpha, const Array<std::int64_t>& real,
                     const py::dict& study, const py::dict& out, bool reduce, py::object poll) {
  ChainJob job = job_of(study);
  job.laws = laws.data();
  job.contexts = laws.shape(0);
  job.tokens = laws.shape(1);
  job.rows = n.shape(0);
  job.n = n.data();
  job.alpha = alpha.data();
  job.real = real.data();
  const ChainTrajectories to_arrays = reduce ? ChainTrajectories{} : trajectories(out);
  const ChainSums to_sums = reduce ? sums(out) : ChainSums{};
  PythonPoll watch(std::move(poll));
  ChainOutcome outcome;
  {
    const py::gil_scoped_release unlocked;  // only raw pointers are used in this scope
    outcome =
        reduce ? cpu::run(job, to_sums, watch.poll()) : cpu::run(job, to_arrays, watch.poll());
  }
  watch.rethrow();
  return py::make_tuple(static_cast<int>(outcome.ending), outcome.run, outcome.context,
                        outcome.generation);
}

}  // namespace

void bind_chain(py::module_& module) {
  module.attr("stream_version") = core::stream_version;
  module.def("run_chains", &run_chains, py::arg("laws").noconvert(), py::arg("n").noconvert(),
             py::arg("alpha").noconvert(), py::arg("real").noconvert(), py::arg("study"),
             py::arg("out"), py::arg("reduce"), py::arg("poll"));
}

}  // namespace autophage
