// The linear kernels. Shapes are right when these are called: Python has checked them.
#include <complex>

#include "bindings.hpp"

namespace autophage {
namespace {

// a and q have one item or as many as x.
template <class Number>
void solve_lyapunov(const Array<Number>& a, const Array<Number>& q, Array<Number>& x, py::dict& out,
                    int threads, py::object poll) {
  constexpr std::int64_t parts = sizeof(Number) / sizeof(double);
  LyapunovJob job;
  job.is_complex = parts == 2;
  job.n = x.shape(1);
  job.items = x.shape(0);
  job.a = reinterpret_cast<const double*>(a.data());
  job.q = reinterpret_cast<const double*>(q.data());
  job.a_stride = a.shape(0) == 1 ? 0 : job.n * job.n * parts;
  job.q_stride = q.shape(0) == 1 ? 0 : job.n * job.n * parts;
  job.x = reinterpret_cast<double*>(x.mutable_data());
  job.status = target<std::int32_t>(out, "status");
  job.steps = target<std::int32_t>(out, "iterations");
  job.condition = target<double>(out, "condition");
  job.threads = threads;
  run_unlocked(std::move(poll), [&](Poll given) { cpu::solve(job, given); });
}

void linear_limits(const Array<double>& of_private, const Array<double>& of_public,
                   const Array<double>& synthetic, double noise, const Array<double>& alpha,
                   const Array<double>& beta, py::dict& out, int threads, py::object poll) {
  InteractionJob job;
  job.entities = of_private.shape(0);
  job.features = of_private.shape(1);
  job.of_private = of_private.data();
  job.of_public = of_public.data();
  job.synthetic = synthetic.data();
  job.noise = noise;
  job.points = alpha.size();
  job.alpha = alpha.data();
  job.beta = beta.data();
  job.variance = target<double>(out, "synthetic_variance");
  job.mse = target<double>(out, "mse");
  job.mspe = target<double>(out, "mspe");
  job.radius = target<double>(out, "spectral_radius");
  job.homogenisation = target<double>(out, "homogenisation");
  job.status = target<std::int32_t>(out, "status");
  job.threads = threads;
  run_unlocked(std::move(poll), [&](Poll given) { cpu::limits(job, given); });
}

}  // namespace

void bind_lyapunov(py::module_& module) {
  using py::arg;
  const auto exact = [](const char* name) { return py::arg(name).noconvert(); };
  module.def("solve_lyapunov", &solve_lyapunov<double>, exact("a"), exact("q"), exact("x"),
             arg("out"), arg("threads"), arg("poll"));
  module.def("solve_lyapunov_complex", &solve_lyapunov<std::complex<double>>, exact("a"),
             exact("q"), exact("x"), arg("out"), arg("threads"), arg("poll"));
  module.def("linear_limits", &linear_limits, exact("private"), exact("public"), exact("synthetic"),
             arg("noise"), exact("alpha"), exact("beta"), arg("out"), arg("threads"), arg("poll"));
}

}  // namespace autophage
