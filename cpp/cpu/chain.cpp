// Token chains on threads: which run of which context a thread does next, and whether it goes by
// itself or in lanes.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "../backend.hpp"
#include "chain_observer.hpp"
#include "chain_regimes.hpp"
#include "chain_sinks.hpp"
#include "chain_workspace.hpp"
#include "count_lanes.hpp"
#include "memory_lanes.hpp"
#include "neutral_lanes.hpp"
#include "pool.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {
namespace {

// One thread's part of a study.
template <class Sink>
class Worker {
 public:
  template <class Out>
  Worker(const ChainJob& job, PreparedLaws& laws, const ChainBounds& bounds, Sink sink,
         const Out& out, core::StopFlag& stop)
      : job_(job),
        laws_(laws),
        space_(job, bounds),
        table_(space_.pair_table()),
        lanes_(job, space_, table_, stop),
        sink_(std::move(sink)),
        every_(records_of(out) != 0),
        wants_first_(needs_first(records_of(out))),
        wants_tokens_(needs_tokens(records_of(out))),
        memory_(job, records_of(out), stop),
        counts_(job, every_, wants_first_, bounds.support, table_, sink_, stop),
        stop_(stop) {}

  // Runs `begin` .. `end` - 1 of the job in one context. Returns where it got stuck, if it did.
  ChainOutcome block(std::int64_t begin, std::int64_t end, std::int64_t context,
                     std::mutex& mutex) {
    const core::Schedule schedule = schedule_of(job_, context);
    const auto alone = [&](std::int64_t run) {
      return every_ ? one<true>(run, context, schedule) : one<false>(run, context, schedule);
    };
    if (memory_.takes(context, laws_.at(context).truth())) {
      memory_.block(begin, end, context, laws_.at(context), sink_, alone);
      begin = end;
    } else if (lanes_.open(context) && !every_ && NeutralLanes::fit(schedule)) {
      lanes_.times(begin, end, laws_.at(context), schedule.n_at(1), sink_);
      begin = end;
    } else if (counts_.fit(schedule)) {
      counts_.runs(begin, end, context, laws_.at(context), schedule.n_at(1));
      begin = end;
    }
    for (std::int64_t run = begin; run < end && !stop_.raised(); ++run) {
      const std::int64_t stuck = alone(run);
      if (stuck > 0) return {Ending::stuck, job_.first_run + run, context, stuck};
    }
    if (!stop_.raised()) sink_.flush(context, laws_.at(context).token, mutex, stop_);
    return {};
  }

 private:
  template <bool every>
  std::int64_t one(std::int64_t run, std::int64_t context, const core::Schedule& schedule) {
    const PreparedLaw& prepared = laws_.at(context);
    const core::Truth law = prepared.truth();
    core::First first;
    const Chain chain{run, context, prepared.token.data()};
    Observer<every, Sink> observer(sink_, chain, law, job_.generations, wants_first_, space_.first,
                                   first, stop_);
    const core::RunName name{job_.seed, static_cast<std::uint64_t>(job_.first_run + run),
                             static_cast<std::uint64_t>(context), &stop_};
    if (lanes_.on())
      lanes_.run(law, schedule, name, observer);
    else
      run_regime(job_, law, schedule, name, space_, table_, wants_tokens_, observer);
    sink_.finish(chain, observer.times);
    space_.first.clear();
    return observer.stuck_at;
  }

  const ChainJob& job_;
  PreparedLaws& laws_;
  ChainWorkspace space_;
  core::PairTable table_;
  NeutralLanes lanes_;
  Sink sink_;
  bool every_, wants_first_, wants_tokens_;
  MemoryRuns<Sink> memory_;
  CountRuns<Sink> counts_;
  core::StopFlag& stop_;
};

// Runs in lanes wait for each other at the end of a unit: it has more of them where that does not
// leave threads idle.
std::int64_t runs_of_unit(const ChainJob& job) {
  if (!NeutralLanes::fit(job)) return runs_in_unit(job.runs, job.threads);
  const std::int64_t most = std::clamp<std::int64_t>(job.runs, 1, NeutralLanes::most_runs);
  if (job.threads <= 1) return most;
  return std::clamp<std::int64_t>(job.runs * job.contexts / (8 * job.threads), 1, most);
}

// Units of work are blocks of runs of one context, all contexts of a block of runs before the next.
template <class Sink, class Out, class MakeSink>
ChainOutcome run_study(const ChainJob& job, const Out& out, const Poll& poll,
                       MakeSink&& make_sink) {
  const auto own = job.prepared == nullptr ? prepare_laws(job.laws, job.contexts, job.tokens)
                                           : std::shared_ptr<PreparedLaws>{};
  PreparedLaws& laws = own ? *own : *job.prepared;
  const ChainBounds bounds = bounds_of(job);
  const std::int64_t runs_per_unit = runs_of_unit(job);
  const std::int64_t blocks = (job.runs + runs_per_unit - 1) / runs_per_unit;
  const std::int64_t units = blocks * job.contexts;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  core::StopFlag stop;
  std::mutex mutex;
  ChainOutcome outcome;
  std::vector<std::unique_ptr<Worker<Sink>>> workers(static_cast<std::size_t>(threads));
  const bool complete = share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine)
      mine = std::make_unique<Worker<Sink>>(job, laws, bounds, make_sink(bounds), out, stop);
    const std::int64_t begin = unit / job.contexts * runs_per_unit;
    const ChainOutcome ended =
        mine->block(begin, std::min(begin + runs_per_unit, job.runs), unit % job.contexts, mutex);
    if (ended.ending != Ending::stuck) return;
    const std::lock_guard<std::mutex> lock(mutex);
    outcome = ended;
    stop.raise();
  });
  if (!complete) outcome.ending = Ending::stopped;
  return outcome;
}

}  // namespace

std::shared_ptr<PreparedLaws> prepare_laws(const double* laws, std::int64_t contexts,
                                           std::int64_t tokens) {
  return std::make_shared<PreparedLaws>(laws, contexts, tokens);
}

ChainOutcome run(const ChainJob& job, const ChainTrajectories& out, const Poll& poll) {
  const Shape shape{job.generations, job.contexts, job.tokens};
  return run_study<TrajectorySink>(job, out, poll,
                                   [&](const ChainBounds&) { return TrajectorySink(shape, out); });
}

ChainOutcome run(const ChainJob& job, const ChainSums& out, const Poll& poll) {
  const Shape shape{job.generations, job.contexts, job.tokens};
  return run_study<SumSink>(job, out, poll, [&](const ChainBounds& bounds) {
    return SumSink(shape, out, bounds.support);
  });
}

}  // namespace autophage::cpu
