// Averages gradients over the processes while backward still runs: each gradient goes into a bucket, and a bucket is
// all-reduced as soon as it is full. The hooks run in C++ because autograd uses threads where JavaScript may not run.
#include "c10d.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <map>
#include <mutex>
#include <numeric>

namespace addon {

namespace {

class Averaging {
 public:
  Averaging(std::shared_ptr<Group> group, std::vector<at::Tensor> parameters, size_t firstBytes, size_t bytes)
      : group_(std::move(group)), parameters_(std::move(parameters)), firstBytes_(firstBytes), bytes_(bytes) {
    // If forward uses them in this order, their gradients come in the opposite one.
    std::vector<int64_t> order(parameters_.size());
    std::iota(order.rbegin(), order.rend(), 0);
    fillBuckets(order);
    for (size_t i = 0; i < parameters_.size(); i++) {
      accumulators_.push_back(torch::autograd::impl::grad_accumulator(parameters_[i]));
      hooks_.push_back(accumulators_[i]->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
          [this, i](const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>&) {
            accumulated(i);
            return outputs;
          })));
    }
  }
  Averaging(const Averaging&) = delete;

  ~Averaging() {
    for (size_t i = 0; i < hooks_.size(); i++) accumulators_[i]->del_post_hook(hooks_[i]);
  }

  void setWatching(bool watching) {
    const std::lock_guard<std::mutex> lock(mutex_);
    watching_ = watching;
  }

  size_t underWay() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return next_;
  }

  void broadcastParameters() {
    const c10::NoGradGuard noGrad;
    for (const auto& bucket : buckets_) {
      std::vector<at::Tensor> pieces;
      for (const auto i : bucket.members) pieces.push_back(parameters_[i].reshape({-1}));
      std::vector<at::Tensor> flat{at::cat(pieces)};
      group_->of(flat[0]).broadcast(flat)->wait();
      int64_t start = 0;
      for (const auto i : bucket.members) {
        parameters_[i].copy_(flat[0].narrow(0, start, parameters_[i].numel()).view(parameters_[i].sizes()));
        start += parameters_[i].numel();
      }
    }
  }

  // Reduces what backward has left over, waits, and puts the averages into the gradients.
  void average() {
    const std::lock_guard<std::mutex> lock(mutex_);
    const c10::NoGradGuard noGrad;
    while (next_ < buckets_.size()) start(buckets_[next_++]);
    for (auto& bucket : buckets_) finish(bucket);
    if (ordered_) return reset();
    fillBuckets(arrivalsOfRankZero());
    ordered_ = true;
  }

 private:
  struct Bucket {
    std::vector<int64_t> members;
    size_t bytes = 0;
    size_t missing = 0;
    // The gradients one after another, then a number for each that is not zero if any process has this gradient.
    std::vector<at::Tensor> flat;
    c10::intrusive_ptr<c10d::Work> work;
  };

  // A bucket has one type and one device. The first is small, so that the first reduction starts early.
  void fillBuckets(const std::vector<int64_t>& order) {
    std::map<std::pair<std::string, at::ScalarType>, size_t> open;
    buckets_.clear();
    bucketOf_.assign(parameters_.size(), 0);
    for (const auto i : order) {
      const auto kind = std::make_pair(parameters_[i].device().str(), parameters_[i].scalar_type());
      const auto b = open.emplace(kind, buckets_.size()).first->second;
      if (b == buckets_.size()) buckets_.emplace_back();
      buckets_[b].members.push_back(i);
      buckets_[b].bytes += parameters_[i].nbytes();
      bucketOf_[i] = b;
      if (buckets_[b].bytes >= (b == 0 ? firstBytes_ : bytes_)) open.erase(kind);
    }
    reset();
  }

  // The order in which gradients came in rank 0's first backward, then the parameters that got none.
  std::vector<int64_t> arrivalsOfRankZero() {
    for (auto i = static_cast<int64_t>(seen_.size()) - 1; i >= 0; i--)
      if (!seen_[i]) arrivals_.push_back(i);
    std::vector<at::Tensor> order{at::tensor(arrivals_)};
    group_->host().broadcast(order)->wait();
    const auto* numbers = order[0].data_ptr<int64_t>();
    return {numbers, numbers + order[0].numel()};
  }

  void reset() {
    for (auto& bucket : buckets_) {
      bucket.missing = bucket.members.size();
      bucket.flat.clear();
      bucket.work.reset();
    }
    seen_.assign(parameters_.size(), false);
    next_ = 0;
  }

  void accumulated(size_t i) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!watching_) return;
    if (seen_[i])
      throw std::runtime_error(
          "A parameter got a gradient twice before average(): call average() after each backward, and "
          "accumulate gradients within noSync().");
    seen_[i] = true;
    if (!ordered_) arrivals_.push_back(static_cast<int64_t>(i));
    buckets_[bucketOf_[i]].missing--;
    // In order: every process must start the same reductions in the same sequence.
    const c10::NoGradGuard noGrad;
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) start(buckets_[next_++]);
  }

  void start(Bucket& bucket) {
    const auto options = parameters_[bucket.members[0]].options().requires_grad(false);
    auto present = at::ones({static_cast<int64_t>(bucket.members.size())}, options);
    std::vector<at::Tensor> pieces;
    for (size_t j = 0; j < bucket.members.size(); j++) {
      const auto& parameter = parameters_[bucket.members[j]];
      if (parameter.grad().defined()) {
        pieces.push_back(parameter.grad().reshape({-1}));
      } else {
        pieces.push_back(at::zeros({parameter.numel()}, options));
        present.select(0, static_cast<int64_t>(j)).zero_();
      }
    }
    pieces.push_back(present);
    // Divided before the sum, which might not fit into float16.
    bucket.flat = {at::cat(pieces).div_(group_->size)};
    bucket.work = group_->of(bucket.flat[0]).allreduce(bucket.flat);
  }

  void finish(Bucket& bucket) {
    bucket.work->wait();
    const auto& flat = bucket.flat[0];
    const auto flags = flat.narrow(0, flat.numel() - static_cast<int64_t>(bucket.members.size()), bucket.members.size());
    int64_t start = 0;
    for (size_t j = 0; j < bucket.members.size(); j++) {
      const auto& parameter = parameters_[bucket.members[j]];
      const auto average = flat.narrow(0, start, parameter.numel()).view(parameter.sizes());
      start += parameter.numel();
      if (parameter.grad().defined())
        parameter.grad().copy_(average);
      else if (flags[static_cast<int64_t>(j)].item<double>() != 0)
        parameter.mutable_grad() = average.clone();
    }
  }

  const std::shared_ptr<Group> group_;
  const std::vector<at::Tensor> parameters_;
  // A smart pointer of PyTorch's, another one in old versions.
  std::vector<decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>()))> accumulators_;
  std::vector<uintptr_t> hooks_;
  const size_t firstBytes_;
  const size_t bytes_;
  std::mutex mutex_;  // guards all below
  std::vector<Bucket> buckets_;
  std::vector<size_t> bucketOf_;
  std::vector<bool> seen_;
  size_t next_ = 0;  // the first bucket whose reduction was not started
  bool watching_ = true;
  bool ordered_ = false;  // whether buckets follow the order in which gradients really come
  std::vector<int64_t> arrivals_;
};

// (group, slots of parameters, bytes of the first bucket, bytes of the others) -> averaging
Napi::Value openAveraging(const Napi::CallbackInfo& info) {
  const auto bytes = [&](size_t i) { return static_cast<size_t>(info[i].As<Napi::Number>().Int64Value()); };
  return handle(info, std::make_shared<Averaging>(held<Group>(info, 0), tensorsOf(info, 1), bytes(2), bytes(3)));
}
Napi::Value broadcastParameters(const Napi::CallbackInfo& info) {
  held<Averaging>(info, 0)->broadcastParameters();
  return info.Env().Undefined();
}
// (averaging, whether backward starts reductions)
Napi::Value watchGradients(const Napi::CallbackInfo& info) {
  held<Averaging>(info, 0)->setWatching(info[1].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}
Napi::Value averageGradients(const Napi::CallbackInfo& info) {
  held<Averaging>(info, 0)->average();
  return info.Env().Undefined();
}
// averaging -> how many buckets are being reduced or wait for average()
Napi::Value bucketsUnderWay(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(held<Averaging>(info, 0)->underWay()));
}

}  // namespace

void defineAveraging(Napi::Env, Napi::Object exports) {
  define<openAveraging>(exports, "openAveraging");
  define<broadcastParameters>(exports, "broadcastParameters");
  define<watchGradients>(exports, "watchGradients");
  define<averageGradients>(exports, "averageGradients");
  define<bucketsUnderWay>(exports, "bucketsUnderWay");
  define<closeHandle<Averaging>>(exports, "closeAveraging");
}

}  // namespace addon
