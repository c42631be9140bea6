#include "../core/sums.hpp"

#include <iterator>
#include <vector>

#include "bindings.hpp"

namespace autophage {
namespace {

void add_sums(const Array<std::uint64_t>& total, const Array<std::uint64_t>& part) {
  const int limbs = static_cast<int>(total.shape(total.ndim() - 1));
  std::uint64_t* const sums = Array<std::uint64_t>(total).mutable_data();
  const std::uint64_t* const more = part.data();
  const py::ssize_t size = total.size() / limbs;
  const py::gil_scoped_release unlocked;  // only raw pointers are used from here on
  cpu::add_sums(sums, more, limbs, size);
}

py::tuple finish(const Array<std::uint64_t>& sum, const Array<std::uint64_t>& squares,
                 const Array<std::int64_t>& count, double scale) {
  const std::vector<py::ssize_t> shape(count.shape(), count.shape() + count.ndim());
  Array<double> mean(shape), variance(shape);
  double* const means = mean.mutable_data();
  double* const variances = variance.mutable_data();
  const std::uint64_t *const sums = sum.data(), *const all_squares = squares.data();
  const std::int64_t* const counts = count.data();
  const py::ssize_t size = count.size();
  const bool with_sign =
      sum.shape(sum.ndim() - 1) == static_cast<py::ssize_t>(std::size(core::SignedSum{}.sum));
  {
    const py::gil_scoped_release unlocked;  // only raw pointers are used in this scope
    cpu::finish_means(sums, all_squares, counts, scale, with_sign, size, means, variances);
  }
  return py::make_tuple(mean, variance);
}

}  // namespace

void bind_sums(py::module_& module) {
  module.def("add_sums", &add_sums, py::arg("total").noconvert(), py::arg("part").noconvert());
  module.def("finish_means", &finish, py::arg("sum").noconvert(), py::arg("squares").noconvert(),
             py::arg("count").noconvert(), py::arg("scale"));
}

}  // namespace autophage
