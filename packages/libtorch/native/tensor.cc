// Tensors as slots, and the numbers that go into and out of them.
#include "common.h"

#include <ATen/Functions.h>

#include <cstring>
#include <unordered_set>

namespace addon {

int32_t Slots::put(at::Tensor tensor) {
  if (free_.empty()) {
    tensors_.push_back(std::move(tensor));
    return static_cast<int32_t>(tensors_.size()) - 1;
  }
  const int32_t slot = free_.back();
  free_.pop_back();
  tensors_[slot] = std::move(tensor);
  return slot;
}

const at::Tensor& Slots::get(int32_t slot) const {
  if (!holds(slot)) throw std::runtime_error("this tensor was disposed");
  return tensors_[slot];
}

void Slots::release(int32_t slot) {
  get(slot);
  tensors_[slot] = at::Tensor();
  free_.push_back(slot);
}

int64_t Slots::bytes() const {
  std::unordered_set<const void*> seen;
  int64_t bytes = 0;
  for (const auto& tensor : tensors_) {
    if (!tensor.defined() || !tensor.has_storage()) continue;
    const auto& storage = tensor.storage();
    if (seen.insert(storage.unsafeGetStorageImpl()).second) bytes += storage.nbytes();
  }
  return bytes;
}

constexpr size_t MOST_LISTED = 256;

SlotList::SlotList(Napi::Env env, size_t length) : env_(env), slots_(Environment::of(env).listedSlots) {
  if (length <= MOST_LISTED) return;
  own_ = Napi::Int32Array::New(env, length);
  slots_ = own_.Data();
}

napi_value SlotList::value() const {
  return own_.IsEmpty() ? static_cast<napi_value>(Napi::Number::New(env_, count_)) : static_cast<napi_value>(own_);
}

std::vector<at::Tensor> tensorsOf(const Napi::CallbackInfo& info, size_t i) {
  const auto& slots = Environment::of(info.Env()).slots;
  const auto numbers = info[i].As<Napi::Int32Array>();
  std::vector<at::Tensor> tensors;
  tensors.reserve(numbers.ElementLength());
  for (size_t j = 0; j < numbers.ElementLength(); j++)
    tensors.push_back(numbers[j] < 0 ? at::Tensor() : slots.get(numbers[j]));
  return tensors;
}

Napi::Value slotsFor(const Napi::CallbackInfo& info, const std::vector<at::Tensor>& tensors) {
  auto& slots = Environment::of(info.Env()).slots;
  auto numbers = Napi::Int32Array::New(info.Env(), tensors.size());
  for (size_t j = 0; j < tensors.size(); j++) numbers[j] = tensors[j].defined() ? slots.put(tensors[j]) : -1;
  return numbers;
}

namespace {

struct Bytes {
  void* data;
  size_t length;
};

Bytes bytesOf(const Napi::Value& value) {
  const auto array = value.As<Napi::TypedArray>();
  void* data = nullptr;  // asked for in this way, as the memory may be a SharedArrayBuffer's
  napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &data, nullptr, nullptr);
  return {data, array.ByteLength()};
}

std::vector<int64_t> sizesOf(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> sizes(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) sizes[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return sizes;
}

// (typed array, dtype code, sizes) -> slot of a CPU tensor with a copy of the numbers
Napi::Value fromArray(const Napi::CallbackInfo& info) {
  const auto bytes = bytesOf(info[0]);
  const auto dtype = static_cast<at::ScalarType>(slotOf(info[1]));
  auto tensor = at::empty(sizesOf(info[2]), at::TensorOptions().dtype(dtype));
  if (tensor.nbytes() != bytes.length) throw std::runtime_error("the array's size does not fit the shape");
  if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
  return slotFor(info, std::move(tensor));
}

// (slot of a contiguous CPU tensor, typed array of the same bytes): copies the tensor out
Napi::Value readInto(const Napi::CallbackInfo& info) {
  const auto& tensor = tensorOf(info, 0);
  const auto bytes = bytesOf(info[1]);
  if (!tensor.device().is_cpu() || !tensor.is_contiguous() || tensor.nbytes() != bytes.length)
    throw std::runtime_error("only a contiguous CPU tensor of the same size can be read");
  if (bytes.length > 0) std::memcpy(bytes.data, tensor.data_ptr(), bytes.length);
  return info.Env().Undefined();
}

// slot of a contiguous CPU tensor -> ArrayBuffer over its memory; the buffer keeps the memory alive
Napi::Value shareMemory(const Napi::CallbackInfo& info) {
  const auto& tensor = tensorOf(info, 0);
  if (!tensor.device().is_cpu() || !tensor.is_contiguous())
    throw std::runtime_error("only the memory of a contiguous CPU tensor can be shared");
  if (tensor.nbytes() == 0) return Napi::ArrayBuffer::New(info.Env(), 0);
  auto* owner = new at::Tensor(tensor);
  return Napi::ArrayBuffer::New(
      info.Env(), tensor.data_ptr(), tensor.nbytes(), [](Napi::Env, void*, at::Tensor* held) { delete held; }, owner);
}

// slot -> [dtype, device type, device index, ...sizes]
Napi::Value describe(const Napi::CallbackInfo& info) {
  const auto& tensor = tensorOf(info, 0);
  const auto sizes = tensor.sizes();
  auto out = Napi::Array::New(info.Env(), 3 + sizes.size());
  uint32_t i = 0;
  out.Set(i++, static_cast<double>(tensor.scalar_type()));
  out.Set(i++, c10::DeviceTypeName(tensor.device().type(), true));
  out.Set(i++, static_cast<double>(tensor.device().index()));
  for (const auto size : sizes) out.Set(i++, static_cast<double>(size));
  return out;
}

Napi::Value release(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).slots.release(slotOf(info[0]));
  return info.Env().Undefined();
}

// Releases the first `count` slots of an Int32Array.
Napi::Value releaseMany(const Napi::CallbackInfo& info) {
  auto& slots = Environment::of(info.Env()).slots;
  const auto numbers = info[0].As<Napi::Int32Array>();
  const int32_t count = slotOf(info[1]);
  for (int32_t i = 0; i < count; i++) slots.release(numbers[i]);
  return info.Env().Undefined();
}

Napi::Value liveTensors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Environment::of(info.Env()).slots.live()));
}
Napi::Value liveBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Environment::of(info.Env()).slots.bytes()));
}
Napi::Value strides(const Napi::CallbackInfo& info) {
  const auto& tensor = tensorOf(info, 0);
  auto out = Napi::Array::New(info.Env(), tensor.dim());
  for (int64_t i = 0; i < tensor.dim(); i++) out.Set(static_cast<uint32_t>(i), static_cast<double>(tensor.stride(i)));
  return out;
}
Napi::Value isContiguous(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorOf(info, 0).is_contiguous());
}

}  // namespace

void defineTensor(Napi::Env env, Napi::Object exports) {
  auto listed = Napi::Int32Array::New(env, MOST_LISTED);
  auto& here = Environment::of(env);
  here.listed = Napi::Persistent(listed);
  here.listed.SuppressDestruct();  // it ends with the JavaScript environment
  here.listedSlots = listed.Data();
  exports.Set("listed", listed);
  define<fromArray>(exports, "fromArray");
  define<readInto>(exports, "readInto");
  define<shareMemory>(exports, "shareMemory");
  define<describe>(exports, "describe");
  define<release>(exports, "release");
  define<releaseMany>(exports, "releaseMany");
  define<liveTensors>(exports, "liveTensors");
  define<liveBytes>(exports, "liveBytes");
  define<strides>(exports, "strides");
  define<isContiguous>(exports, "isContiguous");
}

}  // namespace addon
