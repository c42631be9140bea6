#include "../core/philox.hpp"
#include "bindings.hpp"

namespace autophage {

static Array<std::uint32_t> philox_blocks(const Array<std::uint32_t>& counter,
                                          const Array<std::uint32_t>& key) {
  const py::ssize_t count = counter.shape(0);
  Array<std::uint32_t> words({count, py::ssize_t{4}});
  const std::uint32_t* c = counter.data();
  const std::uint32_t* k = key.data();
  std::uint32_t* out = words.mutable_data();
  const py::gil_scoped_release unlocked;  // only raw pointers are used in this scope
  for (py::ssize_t i = 0; i < count; ++i, c += 4, k += 2, out += 4)
    core::philox4x32<1>(c[0], c[1], c[2], c[3], {k[0], k[1]}, out);
  return words;
}

void bind_random(py::module_& module) {
  module.def("philox4x32", &philox_blocks, py::arg("counter").noconvert(),
             py::arg("key").noconvert());
}

}  // namespace autophage
