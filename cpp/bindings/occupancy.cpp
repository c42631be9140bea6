#include "bindings.hpp"

namespace autophage {

void bind_occupancy(py::module_&) {}

}  // namespace autophage
