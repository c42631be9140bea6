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

constexpr int most_lanes = 8;  // runs side by side

core::LinearNetwork network_of(const LinearJob& job) {
  return {job.entities,    job.features,  job.private_root,
          job.public_root, job.pool_root, job.synthetic};
}

std::vector<core::LinearWeights> weights_of(const LinearJob& job) {
  std::vector<core::LinearWeights> all;
  const std::int64_t matrix = job.features * job.features;
  for (std::int64_t i = 0; i < job.choices; ++i) {
    const double* const three = job.weights + 3 * i;
    all.push_back({three[0], three[1], three[2], job.response + i * job.entities * matrix,
                   job.offset + i * job.entities * job.features, job.feedback + i * matrix});
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
        space_(static_cast<std::size_t>(
            core::LinearChains<most_lanes>::room(job.entities, job.features) +
            most_lanes * job.features)) {}

  // Runs `begin` .. `end` - 1 of the job. Returns where a value could not be kept, if one was.
  LinearOutcome block(std::int64_t begin, std::int64_t end, std::mutex& mutex) {
    for (std::int64_t run = begin; run < end && !stop_.raised();) {
      const bool many = end - run >= most_lanes;
      const LinearOutcome ended = many ? runs<most_lanes>(run) : runs<1>(run);
      if (ended.ending != Ending::done) return ended;
      run += many ? most_lanes : 1;
    }
    if (!stop_.raised()) sink_.flush(mutex, stop_);
    return {};
  }

 private:
  // Runs `first` .. `first` + lanes - 1.
  template <int lanes>
  LinearOutcome runs(std::int64_t first) {
    const auto open = [&](core::Purpose purpose, std::int64_t context, int lane) {
      return core::Stream(job_.seed, static_cast<std::uint64_t>(job_.first_run + first + lane),
                          static_cast<std::uint64_t>(context), purpose);
    };
    pool_.clear();
    for (int lane = 0; lane < lanes; ++lane)
      pool_.push_back(open(core::Purpose::pool_noise, 0, lane));
    core::LinearChains<lanes> chains(net_, open, pool_.data(),
                                     space_.data() + lanes * job_.features, &stop_);
    for (std::int64_t t = 0; t <= job_.generations && !stop_.raised(); ++t) {
      const core::LinearWeights& weights = weights_[static_cast<std::size_t>(job_.choice[t])];
      if (t == 0)
        chains.start(weights);
      else
        chains.step(weights);
      for (std::int64_t k = 0; k < job_.entities && !stop_.raised(); ++k) {
        const int lost =
            record<lanes>(first, t, k, chains.deviations() + k * job_.features * lanes);
        if (lost >= 0) return {Ending::stuck, job_.first_run + first + lost, k, t};
      }
    }
    return {};
  }

  // The lane of a value that could not be kept, or -1.
  template <int lanes>
  int record(std::int64_t first, std::int64_t t, std::int64_t k, const double* error) {
    const std::int64_t d = job_.features, row = t * job_.entities + k;
    double* const product = space_.data();
    double form[lanes] = {};
    int lost = -1;
    const auto put = [&](int which, std::int64_t cell, const double* values) {
      for (int r = lanes - 1; r >= 0; --r)
        if (!sink_.put(which, first + r, cell, values[r])) lost = r;
    };
    for (std::int64_t i = 0; sink_.wants(estimate_record) && i < d; ++i) {
      double estimate[lanes];
      for (int r = 0; r < lanes; ++r) estimate[r] = job_.truth[i] + error[i * lanes + r];
      put(estimate_record, row * d + i, estimate);
    }
    for (std::int64_t i = 0; i < d; ++i)
      for (int r = 0; r < lanes; ++r) form[r] += error[i * lanes + r] * error[i * lanes + r];
    if (sink_.wants(squared_error_record)) put(squared_error_record, row, form);
    for (std::int64_t m = 0; sink_.wants(prediction_error_record) && m < job_.entities; ++m) {
      if (stop_.raised()) break;
      core::quadratic_form<lanes>(job_.second_moment + m * d * d, error, d, product, form);
      put(prediction_error_record, row * job_.entities + m, form);
    }
    return lost;
  }

  const LinearJob& job_;
  const core::LinearNetwork& net_;
  const std::vector<core::LinearWeights>& weights_;
  Sink sink_;
  const core::StopFlag& stop_;
  std::vector<double> space_;
  std::vector<core::Stream> pool_;
};

// Units of work are blocks of runs: of whole lanes, where every thread gets so many.
std::int64_t runs_of_unit(const LinearJob& job) {
  const std::int64_t share = job.runs / std::max(job.threads, 1);
  const std::int64_t runs = runs_in_unit(job.runs, job.threads);
  if (share < most_lanes) return runs;
  return std::max<std::int64_t>(runs / most_lanes, 1) * most_lanes;
}

template <class Sink, class Out>
LinearOutcome run_study(const LinearJob& job, const Out& out, const Poll& poll) {
  const core::LinearNetwork net = network_of(job);
  const std::vector<core::LinearWeights> weights = weights_of(job);
  const std::int64_t runs_per_unit = runs_of_unit(job);
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
