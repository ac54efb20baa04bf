// Several processes: the store where they meet, the process group, and its collective operations.
#include "c10d.h"

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <sstream>
#include <thread>

namespace addon {

namespace {

using StoreHandle = c10::intrusive_ptr<c10d::Store>;

std::string textOf(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }
std::chrono::milliseconds millisecondsOf(const Napi::Value& value) {
  return std::chrono::milliseconds(value.As<Napi::Number>().Int64Value());
}
std::vector<std::string> textsOf(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> texts(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) texts[i] = textOf(array.Get(i));
  return texts;
}
c10d::Store& storeOf(const Napi::CallbackInfo& info) { return **held<StoreHandle>(info, 0); }

// Runs on a thread that is left behind after five seconds: the store's machine may be gone, and its sockets do not time out.
template <class Result>
Result atMostFiveSeconds(std::function<Result()> task) {
  std::packaged_task<Result()> packaged(std::move(task));
  auto result = packaged.get_future();
  std::thread(std::move(packaged)).detach();
  if (result.wait_for(std::chrono::seconds(5)) != std::future_status::ready)
    throw std::runtime_error("the store does not answer");
  return result.get();
}

// (host, port, whether to serve it, time-out in ms, prefix of all keys or "") -> store
Napi::Value openStore(const Napi::CallbackInfo& info) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(slotOf(info[1]));
  options.isServer = info[2].As<Napi::Boolean>().Value();
  options.waitWorkers = false;
  options.timeout = millisecondsOf(info[3]);
  StoreHandle store = c10::make_intrusive<c10d::TCPStore>(textOf(info[0]), options);
  if (const auto prefix = textOf(info[4]); !prefix.empty())
    store = c10::make_intrusive<c10d::PrefixStore>(prefix, store);
  return handle(info, std::make_shared<StoreHandle>(std::move(store)));
}

// (store, key, text)
Napi::Value storeSet(const Napi::CallbackInfo& info) {
  const auto text = textOf(info[2]);
  atMostFiveSeconds<bool>([store = *held<StoreHandle>(info, 0), key = textOf(info[1]), text] {
    store->set(key, std::vector<uint8_t>(text.begin(), text.end()));
    return true;
  });
  return info.Env().Undefined();
}
// (store, key, number) -> sum so far
Napi::Value storeAdd(const Napi::CallbackInfo& info) {
  const auto sum = storeOf(info).add(textOf(info[1]), info[2].As<Napi::Number>().Int64Value());
  return Napi::Number::New(info.Env(), static_cast<double>(sum));
}
// (store, keys, time-out in ms): until all of them were set
Napi::Value storeWait(const Napi::CallbackInfo& info) {
  storeOf(info).wait(textsOf(info[1]), millisecondsOf(info[2]));
  return info.Env().Undefined();
}
// (store, keys) -> their texts, null where not set; does not wait
Napi::Value storeLook(const Napi::CallbackInfo& info) {
  using Texts = std::vector<std::unique_ptr<std::string>>;
  const auto texts = atMostFiveSeconds<Texts>([store = *held<StoreHandle>(info, 0), keys = textsOf(info[1])] {
    Texts found;
    for (const auto& key : keys) {
      if (!store->check({key})) {
        found.push_back(nullptr);
        continue;
      }
      const auto bytes = store->get(key);
      found.push_back(std::make_unique<std::string>(bytes.begin(), bytes.end()));
    }
    return found;
  });
  auto out = Napi::Array::New(info.Env(), texts.size());
  for (uint32_t i = 0; i < texts.size(); i++)
    out.Set(i, texts[i] ? Napi::Value(Napi::String::New(info.Env(), *texts[i])) : info.Env().Null());
  return out;
}

// host -> the address of this machine from which packets to that host would leave. Nothing is sent.
Napi::Value localAddress(const Napi::CallbackInfo& info) {
  const auto host = textOf(info[0]);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), "9", &hints, &found))
    throw std::runtime_error("\"" + host + "\" has no address: " + gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  for (const auto* entry = found; entry; entry = entry->ai_next) {
    const int probe = socket(entry->ai_family, SOCK_DGRAM, 0);
    if (probe < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST];
    const bool known = connect(probe, entry->ai_addr, entry->ai_addrlen) == 0 &&
        getsockname(probe, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0;
    close(probe);
    if (known) return Napi::String::New(info.Env(), text);
  }
  throw std::runtime_error("no network of this machine leads to \"" + host + "\"");
}

c10::intrusive_ptr<Backend> openNccl(
    const StoreHandle& store, int rank, int size, std::chrono::milliseconds timeout, int device) {
#ifdef USE_C10D_NCCL
  // New tensors on "cuda" belong to this process's own device.
  c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA)
      .setDevice(c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(device)));
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank, size, options);
#else
  throw std::runtime_error("the addon was built without NCCL");
#endif
}

// (store, rank, size, time-out in ms, network interfaces or "", address of this machine, CUDA device or -1) -> group
Napi::Value openGroup(const Napi::CallbackInfo& info) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto& store = *held<StoreHandle>(info, 0);
  const int rank = slotOf(info[1]), size = slotOf(info[2]), device = slotOf(info[6]);
  const auto timeout = millisecondsOf(info[3]);
  auto options = Gloo::Options::create(timeout);
  std::istringstream interfaces(textOf(info[4]));
  for (std::string name; std::getline(interfaces, name, ',');)
    options->devices.push_back(Gloo::createDeviceForInterface(name));
  if (options->devices.empty()) options->devices.push_back(Gloo::createDeviceForHostname(textOf(info[5])));
  auto gloo =
      c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), rank, size, options);
  c10::intrusive_ptr<Backend> nccl;
  if (device >= 0) nccl = openNccl(store, rank, size, timeout, device);
  return handle(info, std::make_shared<Group>(std::move(gloo), std::move(nccl)));
}
Napi::Value closeGroup(const Napi::CallbackInfo& info) {
  held<Group>(info, 0)->close();
  return closeHandle<Group>(info);
}

// An operation under way. It holds its tensors: JavaScript may have disposed its own.
struct Operation {
  c10::intrusive_ptr<c10d::Work> work;
  std::vector<at::Tensor> tensors;
  std::vector<at::Tensor> results;
  int divideBy = 1;
};

const at::Tensor& dense(const at::Tensor& tensor) {
  if (!tensor.is_contiguous()) throw std::runtime_error("the tensor must be contiguous");
  return tensor;
}

// (group, slot, "sum" | "avg" | "max" | "min"), in place
Napi::Value allReduce(const Napi::CallbackInfo& info) {
  const auto& group = held<Group>(info, 0);
  auto operation = std::make_shared<Operation>();
  operation->tensors = {dense(tensorOf(info, 1))};
  const auto how = textOf(info[2]);
  c10d::AllreduceOptions options;
  options.reduceOp = how == "max" ? c10d::ReduceOp::MAX : how == "min" ? c10d::ReduceOp::MIN : c10d::ReduceOp::SUM;
  if (how == "avg") operation->divideBy = group->size;  // gloo has no average
  operation->work = group->of(operation->tensors[0]).allreduce(operation->tensors, options);
  return handle(info, std::move(operation));
}
// (group, slot, rank it comes from), in place
Napi::Value broadcast(const Napi::CallbackInfo& info) {
  auto operation = std::make_shared<Operation>();
  operation->tensors = {dense(tensorOf(info, 1))};
  c10d::BroadcastOptions options;
  options.rootRank = slotOf(info[2]);
  operation->work = held<Group>(info, 0)->of(operation->tensors[0]).broadcast(operation->tensors, options);
  return handle(info, std::move(operation));
}
// (group, slot)
Napi::Value allGather(const Napi::CallbackInfo& info) {
  const auto& group = held<Group>(info, 0);
  auto operation = std::make_shared<Operation>();
  operation->tensors = {dense(tensorOf(info, 1))};
  for (int i = 0; i < group->size; i++) operation->results.push_back(at::empty_like(operation->tensors[0]));
  std::vector<std::vector<at::Tensor>> results{operation->results};
  operation->work = group->of(operation->tensors[0]).allgather(results, operation->tensors);
  return handle(info, std::move(operation));
}
// group
Napi::Value barrier(const Napi::CallbackInfo& info) {
  auto operation = std::make_shared<Operation>();
  operation->work = held<Group>(info, 0)->host().barrier();
  return handle(info, std::move(operation));
}

// operation -> slots of the tensors it made. Gloo ends it after the group's time-out at the latest.
Napi::Value waitFor(const Napi::CallbackInfo& info) {
  const auto operation = held<Operation>(info, 0);
  closeHandle<Operation>(info);
  operation->work->wait();
  if (operation->divideBy > 1) {
    const c10::NoGradGuard noGrad;
    operation->tensors[0].div_(operation->divideBy);
  }
  return slotsFor(info, operation->results);
}
Napi::Value isDone(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), held<Operation>(info, 0)->work->isCompleted());
}

}  // namespace

void defineC10d(Napi::Env env, Napi::Object exports) {
#ifdef USE_C10D_NCCL
  exports.Set("hasNccl", true);
#else
  exports.Set("hasNccl", false);
#endif
  define<openStore>(exports, "openStore");
  define<storeSet>(exports, "storeSet");
  define<storeAdd>(exports, "storeAdd");
  define<storeWait>(exports, "storeWait");
  define<storeLook>(exports, "storeLook");
  define<closeHandle<StoreHandle>>(exports, "closeStore");
  define<localAddress>(exports, "localAddress");
  define<openGroup>(exports, "openGroup");
  define<closeGroup>(exports, "closeGroup");
  define<allReduce>(exports, "allReduce");
  define<broadcast>(exports, "broadcast");
  define<allGather>(exports, "allGather");
  define<barrier>(exports, "barrier");
  define<waitFor>(exports, "waitFor");
  define<isDone>(exports, "isDone");
  defineAveraging(env, exports);
}

}  // namespace addon
