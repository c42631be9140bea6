#include "bindings.hpp"

namespace autophage {
namespace {

LinearJob job_of(const py::dict& network, const py::dict& study) {
  LinearJob job;
  job.entities = network["entities"].cast<std::int64_t>();
  job.features = network["features"].cast<std::int64_t>();
  job.choices = network["choices"].cast<std::int64_t>();
  job.private_root = source<double>(network, "private_root");
  job.public_root = source<double>(network, "public_root");
  job.pool_root = source<double>(network, "pool_root");
  job.synthetic = source<double>(network, "synthetic");
  job.choice = source<std::int64_t>(network, "choice");
  job.weights = source<double>(network, "weights");
  job.response = source<double>(network, "response");
  job.offset = source<double>(network, "offset");
  job.feedback = source<double>(network, "feedback");
  job.truth = source<double>(network, "truth");
  job.units = source<double>(network, "units");
  job.second_moment = source<double>(network, "second_moment");
  read_study(study, job);
  return job;
}

py::tuple run_linear_chains(const py::dict& network, const py::dict& study, const py::dict& out,
                            bool reduce, py::object poll) {
  const LinearJob job = job_of(network, study);
  LinearTrajectories to_arrays;
  LinearSums to_sums;
  if (reduce)
    to_sums = {exact_sums(out, "estimate"), exact_sums(out, "squared_error"),
               exact_sums(out, "prediction_error")};
  else
    to_arrays = {target<double>(out, "estimate"), target<double>(out, "squared_error"),
                 target<double>(out, "prediction_error")};
  LinearOutcome outcome{};
  run_unlocked(std::move(poll), [&](const Poll& watch) {
    outcome = reduce ? cpu::run(job, to_sums, watch) : cpu::run(job, to_arrays, watch);
  });
  return py::make_tuple(static_cast<int>(outcome.ending), outcome.run, outcome.entity,
                        outcome.generation);
}

}  // namespace

void bind_linear_chain(py::module_& module) {
  module.def("run_linear_chains", &run_linear_chains, py::arg("network"), py::arg("study"),
             py::arg("out"), py::arg("reduce"), py::arg("poll"));
}

}  // namespace autophage
