// Networks of linear models on threads: which run a thread does next, and what is recorded of it.
#include "../core/linear_chain.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "../backend.hpp"
#include "linear_sinks.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

core::LinearNetwork network_of(const LinearJob& job) {
  return {job.entities,    job.features,    job.private_mean, job.private_root,
          job.public_mean, job.public_root, job.pool_root,    job.synthetic};
}

std::vector<core::LinearWeights> weights_of(const LinearJob& job) {
  std::vector<core::LinearWeights> all;
  const std::int64_t matrix = job.features * job.features;
  for (std::int64_t i = 0; i < job.choices; ++i) {
    const double* const three = job.weights + 3 * i;
    all.push_back({three[0], three[1], three[2], job.response + i * job.entities * matrix,
                   job.feedback + i * matrix});
  }
  return all;
}

// One thread's part of a study.
template <class Sink>
class LinearWorker {
 public:
  LinearWorker(const LinearJob& job, const core::LinearNetwork& net,
               const std::vector<core::LinearWeights>& weights, Sink sink,
               const core::StopFlag& stop)
      : job_(job),
        net_(net),
        weights_(weights),
        sink_(std::move(sink)),
        stop_(stop),
        space_(static_cast<std::size_t>(core::LinearChain<>::room(job.entities, job.features) +
                                        2 * job.features)) {}

  // Runs `begin` .. `end` - 1 of the job. Returns where a value could not be kept, if one was.
  LinearOutcome block(std::int64_t begin, std::int64_t end, std::mutex& mutex) {
    for (std::int64_t run = begin; run < end && !stop_.raised(); ++run) {
      const LinearOutcome ended = one(run);
      if (ended.ending != Ending::done) return ended;
    }
    if (!stop_.raised()) sink_.flush(mutex);
    return {};
  }

 private:
  LinearOutcome one(std::int64_t run) {
    const auto open = [&](core::Purpose purpose, std::int64_t context) {
      return core::Stream(job_.seed, static_cast<std::uint64_t>(job_.first_run + run),
                          static_cast<std::uint64_t>(context), purpose);
    };
    core::LinearChain<> chain(net_, open, space_.data() + 2 * job_.features);
    for (std::int64_t t = 0; t <= job_.generations && !stop_.raised(); ++t) {
      const core::LinearWeights& weights = weights_[static_cast<std::size_t>(job_.choice[t])];
      if (t == 0)
        chain.start(weights);
      else
        chain.step(weights);
      for (std::int64_t k = 0; k < job_.entities && !stop_.raised(); ++k)
        if (!record(run, t, k, chain.estimates() + k * job_.features))
          return {Ending::stuck, job_.first_run + run, k, t};
    }
    return {};
  }

  // False where a value could not be kept.
  bool record(std::int64_t run, std::int64_t t, std::int64_t k, const double* estimate) {
    const std::int64_t d = job_.features, row = t * job_.entities + k;
    double *const error = space_.data(), *const product = error + d;
    bool kept = true;
    for (std::int64_t i = 0; sink_.wants(estimate_record) && i < d; ++i)
      kept = sink_.put(estimate_record, run, row * d + i, estimate[i]) && kept;
    double squared = 0.0;
    for (std::int64_t i = 0; i < d; ++i) {
      error[i] = estimate[i] - job_.truth[i];
      squared += error[i] * error[i];
    }
    if (sink_.wants(squared_error_record))
      kept = sink_.put(squared_error_record, run, row, squared) && kept;
    for (std::int64_t m = 0; sink_.wants(prediction_error_record) && m < job_.entities; ++m) {
      const double* const moment = job_.second_moment + m * d * d;
      kept = sink_.put(prediction_error_record, run, row * job_.entities + m,
                       core::quadratic_form(moment, error, d, product)) &&
             kept;
    }
    return kept;
  }

  const LinearJob& job_;
  const core::LinearNetwork& net_;
  const std::vector<core::LinearWeights>& weights_;
  Sink sink_;
  const core::StopFlag& stop_;
  std::vector<double> space_;
};

// Units of work are blocks of runs.
template <class Sink, class Out>
LinearOutcome run_study(const LinearJob& job, const Out& out, const Poll& poll) {
  const core::LinearNetwork net = network_of(job);
  const std::vector<core::LinearWeights> weights = weights_of(job);
  const std::int64_t runs_per_unit = runs_in_unit(job.runs, job.threads);
  const std::int64_t units = (job.runs + runs_per_unit - 1) / runs_per_unit;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  core::StopFlag stop;
  std::mutex mutex;
  LinearOutcome outcome;
  std::vector<std::unique_ptr<LinearWorker<Sink>>> workers(static_cast<std::size_t>(threads));
  const bool complete = share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine) mine = std::make_unique<LinearWorker<Sink>>(job, net, weights, Sink(job, out), stop);
    const std::int64_t begin = unit * runs_per_unit;
    const LinearOutcome ended =
        mine->block(begin, std::min(begin + runs_per_unit, job.runs), mutex);
    if (ended.ending != Ending::stuck) return;
    const std::lock_guard<std::mutex> lock(mutex);
    outcome = ended;
    stop.raise();
  });
  if (!complete) outcome.ending = Ending::stopped;
  return outcome;
}

}  // namespace

LinearOutcome run(const LinearJob& job, const LinearTrajectories& out, const Poll& poll) {
  return run_study<LinearTrajectorySink>(job, out, poll);
}

LinearOutcome run(const LinearJob& job, const LinearSums& out, const Poll& poll) {
  return run_study<LinearSumSink>(job, out, poll);
}

}  // namespace autophage::cpu
