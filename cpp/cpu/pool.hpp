// Shares numbered units of work among threads that live for one call: nothing is left running, so
// fork and exit are safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "../backend.hpp"
#include "../core/host_device.hpp"

namespace autophage::cpu {

// Runs that make one unit of work: few enough for all threads to end together.
inline std::int64_t runs_in_unit(std::int64_t runs, int threads) {
  return std::clamp<std::int64_t>(runs / (8 * std::max(threads, 1)), 1, 64);
}

// Calls work(worker, unit) for unit = 0 .. units - 1, in increasing order of start, on `threads`
// threads, while the calling thread polls. Returns false when the poll asked to stop. An exception
// in a worker stops the rest and is thrown here.
template <class Work>
bool share(std::int64_t units, int threads, const Poll& poll, core::StopFlag& stop, Work&& work) {
  std::atomic<std::int64_t> next{0}, done{0};
  std::mutex mutex;
  std::condition_variable finished;
  int running = threads;
  std::exception_ptr error;
  const auto body = [&](int worker) {
    try {
      for (std::int64_t unit = next++; unit < units && !stop.raised(); unit = next++) {
        work(worker, unit);
        ++done;
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!error) error = std::current_exception();
      stop.raise();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    if (--running == 0) finished.notify_one();
  };
  std::vector<std::thread> workers;
  bool goes_on = true;
  try {
    for (int worker = 0; worker < threads; ++worker) workers.emplace_back(body, worker);
  } catch (...) {  // no more threads to be had: those that started finish the work
    const std::lock_guard<std::mutex> lock(mutex);
    running -= threads - static_cast<int>(workers.size());
    if (workers.empty()) throw;
  }
  {
    std::unique_lock<std::mutex> lock(mutex);
    while (!finished.wait_for(lock, std::chrono::milliseconds(30), [&] { return running == 0; })) {
      lock.unlock();
      if (goes_on && poll.proceed != nullptr && !poll.proceed(poll.context, done.load())) {
        goes_on = false;
        stop.raise();
      }
      lock.lock();
    }
  }
  for (std::thread& worker : workers) worker.join();
  if (error) std::rethrow_exception(error);
  return goes_on;
}

}  // namespace autophage::cpu
