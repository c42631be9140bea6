// Networks of mixtures on threads: which runs a thread does next.
#include "../backend/mixture.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "mixture_lanes.hpp"
#include "mixture_records.hpp"
#include "mixture_rows.hpp"
#include "mixture_sinks.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// Units of work are blocks of runs: of whole lanes, where every thread gets so many.
std::int64_t runs_of_unit(const MixtureJob& job, std::int64_t lanes) {
  const std::int64_t runs = runs_in_unit(job.runs, job.threads);
  const std::int64_t share = (job.runs + job.threads - 1) / std::max(job.threads, 1);
  if (share < lanes) return std::max<std::int64_t>(share, 1);
  return std::max<std::int64_t>(runs / lanes, 1) * lanes;
}

template <class Runs, class Sink, class Out>
Ending run_study(const MixtureShared& all, core::StopFlag& stop, const Out& out, const Poll& poll) {
  struct Worker {
    Runs runs;
    MixtureObserver<Sink> observer;
  };
  const MixtureJob& job = all.job;
  const std::int64_t runs_per_unit = runs_of_unit(job, Runs::lanes);
  const std::int64_t units = (job.runs + runs_per_unit - 1) / runs_per_unit;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> workers(static_cast<std::size_t>(threads));
  const bool complete = share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine) mine.reset(new Worker{Runs(all), MixtureObserver<Sink>(job, Sink(job, out))});
    const std::int64_t end = std::min((unit + 1) * runs_per_unit, job.runs);
    for (std::int64_t run = unit * runs_per_unit; run < end && !stop.raised(); run += Runs::lanes)
      mine->runs.run(run, std::min(run + Runs::lanes, end), mine->observer);
    if (!stop.raised()) mine->observer.flush(mutex);
  });
  return complete ? Ending::done : Ending::stopped;
}

template <class Real, class Sink, class Out>
Ending run_in(const MixtureJob& job, const Out& out, const Poll& poll) {
  core::StopFlag stop;
  const MixtureShared all(job, stop);
  return MixturesInLanes<Real>::fit(all)
             ? run_study<MixturesInLanes<Real>, Sink>(all, stop, out, poll)
             : run_study<MixturesByRow<Real>, Sink>(all, stop, out, poll);
}

template <class Real>
std::int64_t memory_in(const MixtureShared& all) {
  return MixturesInLanes<Real>::fit(all) ? MixturesInLanes<Real>::memory(all)
                                         : MixturesByRow<Real>::memory(all);
}

}  // namespace

Ending run(const MixtureJob& job, const MixtureTrajectories& out, const Poll& poll) {
  return job.single ? run_in<float, MixtureTrajectorySink>(job, out, poll)
                    : run_in<double, MixtureTrajectorySink>(job, out, poll);
}

Ending run(const MixtureJob& job, const MixtureSums& out, const Poll& poll) {
  return job.single ? run_in<float, MixtureSumSink>(job, out, poll)
                    : run_in<double, MixtureSumSink>(job, out, poll);
}

std::int64_t mixture_memory(const MixtureJob& job) {
  const core::StopFlag stop;
  const MixtureShared all(job, stop);
  return job.single ? memory_in<float>(all) : memory_in<double>(all);
}

}  // namespace autophage::cpu
