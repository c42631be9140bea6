// Networks of mixtures on threads: which run a thread does next, and where its memory is.
#include "../core/mixture.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include "../backend/mixture.hpp"
#include "mixture_records.hpp"
#include "mixture_sinks.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// What all runs share.
struct Prepared {
  core::MixtureNetwork net;
  std::vector<double> heights;
  std::int64_t capacity = 0;  // posts in the pool at the end

  explicit Prepared(const MixtureJob& job) {
    net.models = job.models;
    net.components = job.components;
    net.features = job.features;
    net.means = job.means;
    net.first_posts = job.first_posts;
    net.given = job.given;
    net.weights = job.weights;
    net.prior = job.prior;
    net.active = job.active;
    net.shared = job.shared;
    for (std::int64_t k = 0; k < job.components; ++k) {
      double square = 0.0;
      for (std::int64_t i = 0; i < job.features; ++i) {
        const double mean = job.means[k * job.features + i];
        square += mean * mean;
      }
      heights.push_back(square / 2);
    }
    net.heights = heights.data();
    capacity = std::accumulate(job.posts, job.posts + job.generations * job.models, job.given);
  }
};

template <class T>
T* room_in(std::vector<T>& memory, std::int64_t size) {
  memory.resize(static_cast<std::size_t>(size));
  return memory.data();
}

// Runs one by one.
template <class Real, class Steps>
class SingleRuns {
 public:
  SingleRuns(const MixtureJob& job, const Prepared& all, const core::StopFlag& stop)
      : job_(job), all_(all), stop_(stop) {
    const std::int64_t orders = job.shared ? 1 : job.models;
    space_.stride = stride(job);
    space_.capacity = all.capacity;
    space_.points = room_in(points_, all.capacity * job.features);
    space_.likelihoods = room_in(likelihoods_, all.capacity * space_.stride);
    space_.order = room_in(order_, orders * all.capacity);
    space_.weights = room_in(weights_, job.models * space_.stride);
    space_.sums = room_in(sums_, job.models);
    space_.room = room_in(room_, space_.stride);
  }

  static std::int64_t memory(const MixtureJob& job, std::int64_t capacity) {
    const std::int64_t orders = job.shared ? 1 : job.models;
    const auto real = static_cast<std::int64_t>(sizeof(Real));
    const auto stream = static_cast<std::int64_t>(sizeof(core::Stream));
    return capacity * (8 * job.features + real * stride(job) + 4 * orders) +
           job.models * (real * (stride(job) + 1) + stream) + orders * 2 * stream;
  }

  template <class Observer>
  void run(std::int64_t run, Observer& observer) {
    open(run);
    const Steps steps;
    core::MixtureRun<Real, core::Stream, Steps> chain(all_.net, space_, steps, &stop_);
    const auto weight = [&](std::int64_t j, std::int64_t k) {
      return static_cast<double>(space_.weights[j * space_.stride + k]);
    };
    for (std::int64_t t = 0; !stop_.raised(); ++t) {
      observer.record(run, t, weight);
      if (t == job_.generations) break;
      const std::int64_t row = t * job_.models;
      chain.generation(job_.posts + row, job_.reads + row, job_.rate + row);
    }
  }

 private:
  static std::int64_t stride(const MixtureJob& job) {
    constexpr std::int64_t vector = 64 / sizeof(Real);
    return (job.components + vector - 1) / vector * vector;
  }

  void open(std::int64_t run) {
    const auto open_all = [&](std::vector<core::Stream>& streams, core::Purpose purpose,
                              std::int64_t count) {
      streams.clear();
      for (std::int64_t j = 0; j < count; ++j)
        streams.emplace_back(job_.seed, static_cast<std::uint64_t>(job_.first_run + run),
                             static_cast<std::uint64_t>(j), purpose);
      return streams.data();
    };
    const std::int64_t orders = job_.shared ? 1 : job_.models;
    space_.posting = open_all(posting_, core::Purpose::posts, job_.models);
    space_.reading = open_all(reading_, core::Purpose::reading, orders);
    space_.again = open_all(again_, core::Purpose::reading_again, orders);
  }

  const MixtureJob& job_;
  const Prepared& all_;
  const core::StopFlag& stop_;
  core::MixtureSpace<Real> space_{};
  std::vector<double> points_, room_;
  std::vector<Real> likelihoods_, weights_, sums_;
  std::vector<std::uint32_t> order_;
  std::vector<core::Stream> posting_, reading_, again_;
};

template <class Real, class Sink, class Out>
Ending run_study(const MixtureJob& job, const Out& out, const Poll& poll) {
  using Runs = SingleRuns<Real, core::PlainSteps<Real>>;
  struct Worker {
    Runs runs;
    MixtureObserver<Sink> observer;
  };
  const Prepared all(job);
  const std::int64_t runs_per_unit = runs_in_unit(job.runs, job.threads);
  const std::int64_t units = (job.runs + runs_per_unit - 1) / runs_per_unit;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  core::StopFlag stop;
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> workers(static_cast<std::size_t>(threads));
  const bool complete = share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine)
      mine.reset(new Worker{Runs(job, all, stop), MixtureObserver<Sink>(job, Sink(job, out))});
    const std::int64_t begin = unit * runs_per_unit;
    const std::int64_t end = std::min(begin + runs_per_unit, job.runs);
    for (std::int64_t run = begin; run < end && !stop.raised(); ++run)
      mine->runs.run(run, mine->observer);
    if (!stop.raised()) mine->observer.flush(mutex);
  });
  return complete ? Ending::done : Ending::stopped;
}

}  // namespace

Ending run(const MixtureJob& job, const MixtureTrajectories& out, const Poll& poll) {
  return job.single ? run_study<float, MixtureTrajectorySink>(job, out, poll)
                    : run_study<double, MixtureTrajectorySink>(job, out, poll);
}

Ending run(const MixtureJob& job, const MixtureSums& out, const Poll& poll) {
  return job.single ? run_study<float, MixtureSumSink>(job, out, poll)
                    : run_study<double, MixtureSumSink>(job, out, poll);
}

std::int64_t mixture_memory(const MixtureJob& job) {
  const Prepared all(job);
  return job.single ? SingleRuns<float, core::PlainSteps<float>>::memory(job, all.capacity)
                    : SingleRuns<double, core::PlainSteps<double>>::memory(job, all.capacity);
}

}  // namespace autophage::cpu
