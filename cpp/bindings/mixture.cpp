#include "../backend/mixture.hpp"

#include <string>
#include <vector>

#include "bindings.hpp"

namespace autophage {
namespace {

MixtureJob job_of(const py::dict& network, const py::dict& study) {
  MixtureJob job;
  job.models = network["models"].cast<std::int64_t>();
  job.components = network["components"].cast<std::int64_t>();
  job.features = network["features"].cast<std::int64_t>();
  job.means = source<double>(network, "means");
  job.first_posts = source<double>(network, "first_posts");
  job.given = own_array<double>(network, "first_posts").shape(0);
  job.weights = source<double>(network, "weights");
  job.posts = source<std::int64_t>(network, "posts");
  job.reads = source<std::int64_t>(network, "reads");
  job.rate = source<double>(network, "rate");
  job.prior = network["prior"].cast<double>();
  job.active = network["active"].cast<bool>();
  job.shared = network["shared"].cast<bool>();
  job.single = network["single"].cast<bool>();
  read_study(study, job);
  return job;
}

int run_mixtures(const py::dict& network, const py::dict& study, const py::dict& out, bool reduce,
                 py::object poll) {
  const MixtureJob job = job_of(network, study);
  MixtureTrajectories to_arrays;
  MixtureSums to_sums;
  if (reduce)
    to_sums = {exact_sums(out, "distance"), exact_sums(out, "distances"),
               exact_sums(out, "weights")};
  else
    to_arrays = {target<double>(out, "distance"), target<double>(out, "distances"),
                 target<double>(out, "weights")};
  Ending ending{};
  run_unlocked(std::move(poll), [&](const Poll& watch) {
    ending = reduce ? cpu::run(job, to_sums, watch) : cpu::run(job, to_arrays, watch);
  });
  return static_cast<int>(ending);
}

std::int64_t mixture_memory(const py::dict& network, const py::dict& study) {
  return cpu::mixture_memory(job_of(network, study));
}

Array<double> as_rows(const std::vector<double>& values, py::ssize_t rows, py::ssize_t columns) {
  Array<double> array({rows, columns});
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

py::tuple mixture_coordinates(const Array<double>& means, const Array<double>& covariance,
                              const Array<double>& first_posts) {
  std::vector<double> new_means, new_posts;
  const cpu::Coordinates found =
      cpu::find_coordinates(means.shape(0), means.shape(1), means.data(), covariance.data(),
                            first_posts.shape(0), first_posts.data(), new_means, new_posts);
  if (found == cpu::Coordinates::not_definite)
    throw py::value_error("covariance must be positive definite");
  if (found == cpu::Coordinates::too_far)
    throw py::value_error(
        "means and first_posts must lie within 2^400 standard deviations of one another");
  const auto features = static_cast<py::ssize_t>(new_means.size()) / means.shape(0);
  return py::make_tuple(as_rows(new_means, means.shape(0), features),
                        as_rows(new_posts, first_posts.shape(0), features));
}

}  // namespace

void bind_mixture(py::module_& module) {
  module.def("run_mixtures", &run_mixtures, py::arg("network"), py::arg("study"), py::arg("out"),
             py::arg("reduce"), py::arg("poll"));
  module.def("mixture_memory", &mixture_memory, py::arg("network"), py::arg("study"));
  module.def("mixture_coordinates", &mixture_coordinates, py::arg("means").noconvert(),
             py::arg("covariance").noconvert(), py::arg("first_posts").noconvert());
}

}  // namespace autophage
