// The exact law. Shapes are right when these are called: Python has checked them.
#include "bindings.hpp"

namespace autophage {

namespace {

using Doubles = Array<double>;
using Integers = Array<std::int64_t>;

py::tuple agreement(const Doubles& law, const Doubles& copies, double rest, std::int64_t draws) {
  Doubles agree(draws + 1), differ(draws + 1);
  run_unlocked(py::none(), [&, a = agree.mutable_data(), d = differ.mutable_data()](Poll) {
    cpu::agreement(law.data(), copies.data(), law.size(), rest, draws, a, d);
  });
  return py::make_tuple(agree, differ);
}

Doubles distinct_tokens(const Doubles& law, const Doubles& copies, std::int64_t draws,
                        py::object callback) {
  Doubles distinct(draws + 1);
  run_unlocked(std::move(callback), [&, out = distinct.mutable_data()](Poll poll) {
    cpu::distinct_tokens(law.data(), copies.data(), law.size(), draws, out, poll);
  });
  return distinct;
}

py::tuple collapse_sums(std::int32_t boxes, const Doubles& differ, py::object callback) {
  Doubles sum(differ.shape(0)), moment(differ.shape(0));
  run_unlocked(std::move(callback),
               [&, s = sum.mutable_data(), m = moment.mutable_data()](Poll poll) {
                 cpu::collapse_sums(boxes, differ.shape(0), differ.data(), s, m, poll);
               });
  return py::make_tuple(sum, moment);
}

Doubles expect_occupied(std::int32_t boxes, std::int32_t balls, const Doubles& weight,
                        py::object callback) {
  Doubles result({weight.shape(0), py::ssize_t{balls} + 1});
  run_unlocked(std::move(callback), [&, out = result.mutable_data()](Poll poll) {
    cpu::expect_occupied(boxes, balls, weight.shape(0), weight.data(), weight.shape(1), out, poll);
  });
  return result;
}

Doubles occupied_law(std::int32_t boxes, const Doubles& chance, py::object callback) {
  const auto balls = static_cast<std::int32_t>(chance.size() - 1);
  Doubles law(std::min(boxes, balls) + 1);
  run_unlocked(std::move(callback), [&, out = law.mutable_data()](Poll poll) {
    cpu::occupied_law(boxes, balls, chance.data(), out, poll);
  });
  return law;
}

py::tuple ancestor_table(std::int32_t boxes, std::int64_t generations, py::object callback) {
  AncestorTable table;
  run_unlocked(std::move(callback),
               [&](Poll poll) { cpu::ancestor_table(boxes, generations, table, poll); });
  return py::make_tuple(adopt(std::move(table.start)), adopt(std::move(table.first)),
                        adopt(std::move(table.probability)), table.complete);
}

Doubles expect_ancestors(const Integers& start, const Array<std::int32_t>& first,
                         const Doubles& probability, const Doubles& weight,
                         const Integers& generation, const Integers& context) {
  Doubles result(generation.size());
  run_unlocked(py::none(), [&, out = result.mutable_data()](Poll) {
    cpu::expect_ancestors(start.data(), first.data(), probability.data(), weight.data(),
                          weight.shape(1), generation.data(), context.data(), generation.size(),
                          out);
  });
  return result;
}

Doubles binomial_laws(std::int32_t trials, const Doubles& hit, const Doubles& miss) {
  Doubles law({hit.size(), py::ssize_t{trials} + 1});
  run_unlocked(py::none(), [&, out = law.mutable_data()](Poll) {
    cpu::binomial_laws(trials, hit.data(), miss.data(), hit.size(), out);
  });
  return law;
}

Doubles step_counts(std::int32_t trials, std::int64_t steps, const Doubles& law,
                    py::object callback) {
  const auto given = static_cast<std::int32_t>(law.shape(1) - 1);
  Doubles result({law.shape(0), py::ssize_t{trials} + 1});
  run_unlocked(std::move(callback), [&, out = result.mutable_data()](Poll poll) {
    cpu::step_counts(given, trials, steps, law.shape(0), law.data(), out, poll);
  });
  return result;
}

Doubles stop_lineages(double fresh, const Doubles& meets, Doubles value, py::object callback) {
  const auto most = static_cast<std::int32_t>(value.shape(1) - 1);
  Doubles result({value.shape(0), value.shape(1)});
  run_unlocked(std::move(callback),
               [&, v = value.mutable_data(), out = result.mutable_data()](Poll poll) {
                 cpu::stop_lineages(fresh, value.shape(0), meets.data(), most, v, out, poll);
               });
  return result;
}

}  // namespace

void bind_occupancy(py::module_& module) {
  const auto exact = [](const char* name) { return py::arg(name).noconvert(); };
  using py::arg;
  module.def("agreement", &agreement, exact("law"), exact("copies"), arg("rest"), arg("draws"));
  module.def("distinct_tokens", &distinct_tokens, exact("law"), exact("copies"), arg("draws"),
             arg("callback"));
  module.def("collapse_sums", &collapse_sums, arg("boxes"), exact("differ"), arg("callback"));
  module.def("expect_occupied", &expect_occupied, arg("boxes"), arg("balls"), exact("weight"),
             arg("callback"));
  module.def("occupied_law", &occupied_law, arg("boxes"), exact("chance"), arg("callback"));
  module.def("ancestor_table", &ancestor_table, arg("boxes"), arg("generations"), arg("callback"));
  module.def("expect_ancestors", &expect_ancestors, exact("start"), exact("first"),
             exact("probability"), exact("weight"), exact("generation"), exact("context"));
  module.def("binomial_laws", &binomial_laws, arg("trials"), exact("hit"), exact("miss"));
  module.def("step_counts", &step_counts, arg("trials"), arg("steps"), exact("law"),
             arg("callback"));
  module.def("stop_lineages", &stop_lineages, arg("fresh"), exact("meets"), exact("value"),
             arg("callback"));
}

}  // namespace autophage
