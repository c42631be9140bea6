// Interacting entities on threads: a unit of work is a block of runs, each with all its entities.
#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "../core/law_records.hpp"
#include "chain_sinks.hpp"
#include "interacting_space.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// The law of an entity as sinks see it.
struct EntityModel {
  core::LawView law;

  double value(int record) const { return core::measure(static_cast<core::Record>(record), law); }
  std::int64_t support() const { return core::support_of(law); }
  template <class Take>
  void each(Take&& take) const {
    for (std::int32_t i = 0; i < law.living; ++i)
      if (law.p[i] > 0.0) take(law.rank[i], law.p[i]);
  }
};

core::InteractingSchedule schedule_of(const InteractingJob& job) {
  core::InteractingSchedule schedule{job.n, job.alpha, job.beta, job.rows, 0, 0, 0};
  const auto last = [&](std::int64_t& place, std::int64_t row, bool weighs) {
    if (weighs) place = row + 1 < job.rows ? row + 1 : INT64_MAX;
  };
  for (std::int64_t row = 0; row < job.rows; ++row) {
    // Row 0 has no pool, but if it is the only one it holds for later generations as well.
    const double alpha = row > 0 || job.rows == 1 ? job.alpha[row] : 0.0;
    last(schedule.last_private, row, alpha < 1.0 && job.beta[row] > 0.0);
    last(schedule.last_public, row, alpha < 1.0 && job.beta[row] < 1.0);
    last(schedule.last_pool, row, alpha > 0.0);
  }
  return schedule;
}

// One thread's part of a study; each entity has a sink of its own.
template <class Sink>
class InteractingWorker {
 public:
  template <class MakeSink, class Out>
  InteractingWorker(const InteractingJob& job, const PreparedEntities& laws,
                    const MakeSink& make_sink, const Out& out, core::StopFlag& stop)
      : job_(job),
        laws_(laws),
        entities_(laws.view()),
        schedule_(schedule_of(job)),
        memory_(job, laws),
        times_(static_cast<std::size_t>(job.entities)),
        unseen_(2 * times_.size()),
        every_(records_of(out) != 0),
        wants_first_(needs_first(records_of(out))),
        stop_(stop) {
    for (std::size_t k = 0; k < times_.size(); ++k) sinks_.push_back(make_sink(laws));
  }

  void block(std::int64_t begin, std::int64_t end, std::mutex& mutex) {
    for (std::int64_t run = begin; run < end && !stop_.raised(); ++run) one(run);
    if (stop_.raised()) return;
    for (std::size_t k = 0; k < sinks_.size(); ++k)
      sinks_[k].flush(static_cast<std::int64_t>(k), laws_.token, mutex, stop_);
  }

 private:
  void one(std::int64_t run) {
    const core::RunName name{job_.seed, static_cast<std::uint64_t>(job_.first_run + run), 0,
                             &stop_};
    core::InteractingSpace space = memory_.open(name);
    core::InteractingChain chain(entities_, schedule_, name, space);
    if (every_ && !stop_.raised()) see_truths(chain);
    std::fill(times_.begin(), times_.end(), Times{});
    for (std::int64_t t = 1; t <= job_.generations; ++t) {
      chain.next(t);
      if (stop_.raised()) break;
      const bool settled = note_times(chain, t);
      if (every_) record(chain, run, t, settled);
      if (settled) break;
    }
    chain.end();
    for (std::size_t k = 0; k < sinks_.size(); ++k)
      sinks_[k].finish({run, static_cast<std::int64_t>(k), laws_.token.data()}, times_[k]);
  }

  // Returns whether no law can change any more.
  bool note_times(const core::InteractingChain& chain, std::int64_t t) {
    bool settled = true;
    for (std::size_t k = 0; k < times_.size(); ++k) {
      Times& times = times_[k];
      if (times.absorption >= 0) continue;
      const auto entity = static_cast<std::int32_t>(k);
      const std::int32_t token = chain.single(entity);
      if (token >= 0 && times.collapse < 0) times.collapse = t;
      if (token >= 0 && chain.absorbed(t, entity)) {
        times.absorption = t;
        times.final_token = chain.rank()[token];
      } else {
        settled = false;
      }
    }
    return settled;
  }

  void see_truths(const core::InteractingChain& chain) {
    for (std::size_t k = 0; k < sinks_.size(); ++k) {
      const core::LawView law = view(chain, k);
      const bool whole = chain.living() == entities_.tokens;  // nothing is left unseen then
      unseen_[2 * k] = whole ? 0.0 : core::unseen_of(law, 1.0, false);
      unseen_[2 * k + 1] = whole ? 0.0 : core::unseen_of(law, laws_.squares[k], true);
    }
  }

  core::LawView view(const core::InteractingChain& chain, std::size_t k) const {
    const double* const truth = entities_.laws + k * static_cast<std::size_t>(entities_.tokens);
    return {memory_.p.data(), memory_.first.data(), chain.living(), chain.rank(), truth,
            unseen_[2 * k],   unseen_[2 * k + 1]};
  }

  void record(const core::InteractingChain& chain, std::int64_t run, std::int64_t t, bool settled) {
    const core::EntityWeights now = chain.weights(), before = chain.first_weights();
    double *const common = memory_.common.data(), *const first_common = memory_.first_common.data();
    chain.common(now, common);
    if (wants_first_ && t == 1) chain.common(before, first_common);
    for (std::size_t k = 0; k < sinks_.size() && !stop_.raised(); ++k) {
      const auto entity = static_cast<std::int32_t>(k);
      chain.law(entity, now, common, memory_.p.data());
      if (wants_first_) chain.law(entity, before, first_common, memory_.first.data());
      sinks_[k].generation({run, static_cast<std::int64_t>(k), laws_.token.data()}, t,
                           EntityModel{view(chain, k)}, settled);
    }
  }

  const InteractingJob& job_;
  const PreparedEntities& laws_;
  core::Entities entities_;
  core::InteractingSchedule schedule_;
  InteractingMemory memory_;
  std::vector<Sink> sinks_;
  std::vector<Times> times_;
  std::vector<double> unseen_;  // two an entity: sum and sum of squares of its truth unseen
  bool every_, wants_first_;
  core::StopFlag& stop_;
};

template <class Sink, class Out, class MakeSink>
ChainOutcome run_study(const InteractingJob& job, const Out& out, const Poll& poll,
                       MakeSink&& make_sink) {
  core::StopFlag stop;
  std::mutex mutex;
  PreparedEntities laws(job);
  const auto threads_for = [&](std::int64_t units) {
    return static_cast<int>(
        std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  };
  if (!share(laws.units(), threads_for(laws.units()), poll, stop,
             [&](int, std::int64_t unit) { laws.prepare(unit); }))
    return {Ending::stopped};
  const std::int64_t runs_per_unit = runs_in_unit(job.runs, job.threads);
  const std::int64_t units = (job.runs + runs_per_unit - 1) / runs_per_unit;
  std::vector<std::unique_ptr<InteractingWorker<Sink>>> workers(
      static_cast<std::size_t>(threads_for(units)));
  const bool complete =
      share(units, threads_for(units), poll, stop, [&](int worker, std::int64_t unit) {
        auto& mine = workers[static_cast<std::size_t>(worker)];
        if (!mine)
          mine = std::make_unique<InteractingWorker<Sink>>(job, laws, make_sink, out, stop);
        const std::int64_t begin = unit * runs_per_unit;
        mine->block(begin, std::min(begin + runs_per_unit, job.runs), mutex);
      });
  return {complete ? Ending::done : Ending::stopped};
}

}  // namespace

ChainOutcome run(const InteractingJob& job, const ChainTrajectories& out, const Poll& poll) {
  const Shape shape{job.generations, job.entities, job.tokens};
  return run_study<TrajectorySink>(
      job, out, poll, [&](const PreparedEntities&) { return TrajectorySink(shape, out); });
}

ChainOutcome run(const InteractingJob& job, const ChainSums& out, const Poll& poll) {
  const Shape shape{job.generations, job.entities, job.tokens};
  return run_study<SumSink>(job, out, poll, [&](const PreparedEntities& laws) {
    return SumSink(shape, out, static_cast<std::int64_t>(laws.token.size()));
  });
}

}  // namespace autophage::cpu
