#include "../backend/ancestral.hpp"
#include "chain_outputs.hpp"

namespace autophage {
namespace {

using Words = Array<std::uint64_t>;
using Integers = Array<std::int64_t>;
using Shorts = Array<std::int32_t>;

py::tuple ancestral_table(std::int32_t n, py::object callback) {
  AncestralTable table;
  run_unlocked(std::move(callback),
               [&](const Poll& poll) { cpu::ancestral_table(n, table, poll); });
  return py::make_tuple(adopt(std::move(table.row)), adopt(std::move(table.column)),
                        adopt(std::move(table.start)), adopt(std::move(table.level)),
                        adopt(std::move(table.above)));
}

// A part of what ancestral_table gave.
template <class T>
const T* data_of(const py::tuple& table, int part) {
  return py::reinterpret_borrow<Array<T>>(table[static_cast<std::size_t>(part)]).data();
}

int run_ancestral(const Array<double>& laws, const Integers& n, const Integers& table_of,
                  const py::list& tables, const py::dict& study, const py::dict& out, bool reduce,
                  py::object poll) {
  AncestralJob job;
  job.laws = laws.data();
  job.contexts = laws.shape(0);
  job.tokens = laws.shape(1);
  job.table_of = table_of.data();
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto table = tables[i].cast<py::tuple>();
    job.tables.push_back({n.at(static_cast<py::ssize_t>(i)), data_of<std::uint64_t>(table, 0),
                          data_of<std::uint64_t>(table, 1), table[3].cast<Shorts>().size(),
                          data_of<std::int64_t>(table, 2), data_of<std::int32_t>(table, 3),
                          data_of<std::uint64_t>(table, 4)});
  }
  read_study(study, job);
  const ChainTrajectories to_arrays = reduce ? ChainTrajectories{} : trajectories(out);
  const ChainSums to_sums = reduce ? sums(out) : ChainSums{};
  Ending ending{};
  run_unlocked(std::move(poll), [&](const Poll& watch) {
    ending = reduce ? cpu::run(job, to_sums, watch) : cpu::run(job, to_arrays, watch);
  });
  return static_cast<int>(ending);
}

void draw_times(const Words& columns, std::int64_t horizon, std::uint64_t ratio, std::uint64_t seed,
                std::int64_t context, Integers times, std::int64_t column, py::object callback) {
  std::int64_t* const out = times.mutable_data() + column;
  run_unlocked(std::move(callback), [&](const Poll& poll) {
    cpu::draw_times(columns.data(), columns.shape(0), horizon, ratio, seed, context, times.shape(0),
                    out, times.shape(1), poll);
  });
}

}  // namespace

void bind_chain_ancestral(py::module_& module) {
  using py::arg;
  module.def("ancestral_table", &ancestral_table, arg("n"), arg("callback"));
  module.def("run_ancestral", &run_ancestral, arg("laws").noconvert(), arg("n").noconvert(),
             arg("table_of").noconvert(), arg("tables"), arg("study"), arg("out"), arg("reduce"),
             arg("poll"));
  module.def("draw_times", &draw_times, arg("columns").noconvert(), arg("horizon"), arg("ratio"),
             arg("seed"), arg("context"), arg("times").noconvert(), arg("column"), arg("callback"));
}

}  // namespace autophage
