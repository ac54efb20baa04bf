// Any operator by name: resolved once through the dispatcher, its arguments converted as its schema says.
#include "operator.h"

#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>

namespace addon {

namespace {

[[noreturn]] void refuse(const std::string& text) { throw std::invalid_argument(text); }

// ---- resolving ----

Kind kindOf(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return Kind::tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::integer;
    case c10::TypeKind::FloatType: return Kind::real;
    case c10::TypeKind::BoolType: return Kind::boolean;
    case c10::TypeKind::NumberType: return Kind::scalar;
    case c10::TypeKind::StringType: return Kind::string;
    case c10::TypeKind::DeviceObjType: return Kind::device;
    case c10::TypeKind::GeneratorType: return Kind::generator;
    // dtype, layout and memory format have kinds of their own in some versions; all are integers when boxed
    default: break;
  }
  const auto text = type.str();
  if (text == "ScalarType" || text == "Layout" || text == "MemoryFormat") return Kind::integer;
  refuse("arguments of type " + text + " are not supported");
}

Argument planFor(const c10::Argument& argument) {
  Argument plan;
  plan.name = argument.name();
  c10::TypePtr type = argument.type();
  if (type->kind() == c10::TypeKind::OptionalType) {
    plan.optional = true;
    type = type->castRaw<c10::OptionalType>()->getElementType();
  }
  if (type->kind() == c10::TypeKind::ListType) {
    plan.list = true;
    type = type->castRaw<c10::ListType>()->getElementType();
    if (type->kind() == c10::TypeKind::OptionalType) {
      plan.optionalElements = true;
      type = type->castRaw<c10::OptionalType>()->getElementType();
    }
  }
  plan.kind = kindOf(*type);
  if (argument.N()) plan.length = *argument.N();
  if (argument.default_value()) {
    plan.hasDefault = true;
    plan.fallback = *argument.default_value();
  } else if (plan.optional) {
    plan.hasDefault = true;
  }
  return plan;
}

// ---- converting one argument ----

struct Conversion {
  napi_env env;
  const Operator& op;
  const Argument& argument;

  [[noreturn]] void wrong(const std::string& what) const { refuse("argument \"" + argument.name + "\" " + what); }

  // What a value is, in a few words: JavaScript's own text for numbers, the kind for the rest.
  std::string text(napi_value value) const {
    napi_valuetype type;
    napi_typeof(env, value, &type);
    switch (type) {
      case napi_undefined: return "undefined";
      case napi_null: return "null";
      case napi_string: return "a string";
      case napi_symbol: return "a symbol";
      case napi_function: return "a function";
      case napi_bigint: return Napi::Value(env, value).ToString().Utf8Value() + "n";
      case napi_object:
      case napi_external: return "an object";
      default: return Napi::Value(env, value).ToString().Utf8Value();
    }
  }

  double number(napi_value value) const {
    double out = 0;
    if (napi_get_value_double(env, value, &out) != napi_ok) wrong("must be a number, it is " + text(value));
    return out;
  }
  int64_t integer(napi_value value) const {
    const double out = number(value);
    if (!(std::trunc(out) == out && std::abs(out) <= 9007199254740991.0))
      wrong("must be a whole number below 2^53, it is " + text(value));
    return static_cast<int64_t>(out);
  }
  bool boolean(napi_value value) const {
    bool out = false;
    if (napi_get_value_bool(env, value, &out) != napi_ok) wrong("must be true or false, it is " + text(value));
    return out;
  }
  // A whole number is an integer here, as `2` is in Python: it does not promote an integer tensor.
  c10::Scalar scalar(napi_value value) const {
    napi_valuetype type;
    napi_typeof(env, value, &type);
    if (type == napi_boolean) return boolean(value);
    const double out = number(value);
    const bool whole = std::trunc(out) == out && std::abs(out) <= 9007199254740991.0 && !(out == 0 && std::signbit(out));
    return whole ? c10::Scalar(static_cast<int64_t>(out)) : c10::Scalar(out);
  }
  std::string string(napi_value value) const {
    size_t length = 0;
    if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok)
      wrong("must be a string, it is " + text(value));
    std::string out(length, '\0');
    napi_get_value_string_utf8(env, value, out.data(), length + 1, &length);
    return out;
  }
  c10::Device device(const std::string& name) const {
    try {
      return c10::Device(name);
    } catch (const std::exception&) {
      wrong("must be a device such as \"cpu\" or \"cuda:0\", it is \"" + name + "\"");
    }
  }
  const at::Tensor& tensor(const Slots& slots, napi_value value) const {
    int32_t slot = -1;
    if (napi_get_value_int32(env, value, &slot) != napi_ok) wrong("must be a tensor");
    return slots.get(slot);
  }

  c10::IValue one(const Slots& slots, napi_value value) const {
    switch (argument.kind) {
      case Kind::tensor: return tensor(slots, value);
      case Kind::integer: return integer(value);
      case Kind::real: return number(value);
      case Kind::boolean: return boolean(value);
      case Kind::scalar: return scalar(value);
      case Kind::string: return string(value);
      case Kind::device: return device(string(value));
      case Kind::generator: wrong("cannot be given: the default generators are used, see manualSeed");
    }
    wrong("is of an unknown kind");
  }

  template <class List, class Element>
  c10::IValue list(List out, napi_value value, Element element) const {
    bool isArray = false;
    napi_is_array(env, value, &isArray);
    if (!isArray) {
      if (argument.length < 1) wrong("must be an array, it is " + text(value));
      for (int32_t i = 0; i < argument.length; i++) out.push_back(element(value));
      return out;
    }
    uint32_t length = 0;
    napi_get_array_length(env, value, &length);
    out.reserve(length);
    for (uint32_t i = 0; i < length; i++) {
      const Napi::HandleScope scope(env);  // closed also when the entry is refused
      napi_value entry;
      napi_get_element(env, value, i, &entry);
      out.push_back(element(entry));
    }
    return out;
  }

  // Slots come as an Int32Array: a list of several hundred parameters is then one value to hand over.
  c10::IValue tensors(const Slots& slots, napi_value value) const {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array)
      wrong("must be an array of tensors");
    const auto* numbers = static_cast<const int32_t*>(data);
    if (argument.optionalElements) {
      c10::List<Optional<at::Tensor>> out;
      out.reserve(length);
      for (size_t i = 0; i < length; i++)
        out.push_back(numbers[i] < 0 ? Optional<at::Tensor>() : Optional<at::Tensor>(slots.get(numbers[i])));
      return out;
    }
    c10::List<at::Tensor> out;
    out.reserve(length);
    for (size_t i = 0; i < length; i++) {
      if (numbers[i] < 0) wrong("may not hold null");
      out.push_back(slots.get(numbers[i]));
    }
    return out;
  }

  c10::IValue convert(const Slots& slots, napi_value value) const {
    if (!argument.list) return one(slots, value);
    switch (argument.kind) {
      case Kind::tensor: return tensors(slots, value);
      case Kind::integer: return list(c10::List<int64_t>(), value, [&](napi_value v) { return integer(v); });
      case Kind::real: return list(c10::List<double>(), value, [&](napi_value v) { return number(v); });
      case Kind::boolean: return list(c10::List<bool>(), value, [&](napi_value v) { return boolean(v); });
      case Kind::scalar: {
        const c10::TypePtr element = c10::NumberType::get();
        c10::impl::GenericList out(argument.optionalElements ? c10::OptionalType::create(element) : element);
        return list(std::move(out), value, [&](napi_value v) { return c10::IValue(scalar(v)); });
      }
      default: wrong("is a list of an unsupported type");
    }
  }
};

// ---- results ----

napi_value fromNumber(napi_env env, double value) {
  napi_value out;
  napi_create_double(env, value, &out);
  return out;
}

napi_value fromInteger(napi_env env, int64_t value) {
  napi_value out;
  if (value > 9007199254740991 || value < -9007199254740991) napi_create_bigint_int64(env, value, &out);
  else napi_create_int64(env, value, &out);
  return out;
}

napi_value fromSlot(napi_env env, int32_t slot) {
  napi_value out;
  napi_create_int32(env, slot, &out);
  return out;
}

int32_t slotFor(Slots& slots, at::Tensor tensor) { return tensor.defined() ? slots.put(std::move(tensor)) : -1; }

napi_value result(napi_env env, Slots& slots, c10::IValue value) {
  napi_value out;
  if (value.isTensor()) {
    out = fromSlot(env, slotFor(slots, std::move(value).toTensor()));
  } else if (value.isTensorList()) {
    auto tensors = std::move(value).toTensorList();
    SlotList list(env, tensors.size());
    for (size_t i = 0; i < tensors.size(); i++) list.add(slotFor(slots, tensors.extract(i)));
    out = list.value();
  } else if (value.isBool()) {
    napi_get_boolean(env, value.toBool(), &out);
  } else if (value.isInt()) {
    out = fromInteger(env, value.toInt());
  } else if (value.isDouble()) {
    out = fromNumber(env, value.toDouble());
  } else if (value.isNone()) {
    napi_get_null(env, &out);
  } else {
    refuse("results of type " + value.tagKind() + " are not supported");
  }
  return out;
}

// Several results are tensors in every operator there is a function for.
napi_value results(napi_env env, Slots& slots, const Operator& op, torch::jit::Stack& stack) {
  SlotList list(env, stack.size());
  for (size_t i = 0; i < stack.size(); i++)
    if (!op.aliased[i]) list.add(slotFor(slots, std::move(stack[i]).toTensor()));
  return list.value();
}

// ---- calling ----

// The names that dtypes have in TypeScript.
const char* dtypeName(at::ScalarType type) {
  switch (type) {
    case at::kByte: return "uint8";
    case at::kChar: return "int8";
    case at::kShort: return "int16";
    case at::kInt: return "int32";
    case at::kLong: return "int64";
    case at::kHalf: return "float16";
    case at::kFloat: return "float32";
    case at::kDouble: return "float64";
    case at::kBool: return "bool";
    case at::kBFloat16: return "bfloat16";
    default: return at::toString(type);
  }
}

constexpr size_t MOST_DESCRIBED = 4;  // tensors of one list

// The operands of a call that failed: names, shapes, types and devices.
std::string operands(const Slots& slots, napi_env env, const Operator& op, napi_value* given, size_t count) {
  std::ostringstream out;
  const auto describe = [&](const std::string& name, int32_t slot) {
    if (!slots.holds(slot)) return;
    const auto& tensor = slots.get(slot);
    out << (out.tellp() > 0 ? ", " : "") << name << " " << tensor.sizes() << " " << dtypeName(tensor.scalar_type()) << " "
        << tensor.device();
  };
  for (const auto& argument : op.arguments) {
    if (argument.kind != Kind::tensor || argument.source < 0 || static_cast<size_t>(argument.source) >= count) continue;
    const auto value = given[argument.source];
    int32_t slot = -1;
    if (!argument.list) {
      if (napi_get_value_int32(env, value, &slot) == napi_ok) describe(argument.name, slot);
      continue;
    }
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array)
      continue;
    for (size_t i = 0; i < std::min(length, MOST_DESCRIBED); i++)
      describe(argument.name + "[" + std::to_string(i) + "]", static_cast<const int32_t*>(data)[i]);
    if (length > MOST_DESCRIBED) out << ", " << length - MOST_DESCRIBED << " more";
  }
  return out.str();
}

constexpr size_t MOST_ARGUMENTS = 24;

napi_value invoke(napi_env env, napi_callback_info info) {
  size_t count = MOST_ARGUMENTS;
  napi_value given[MOST_ARGUMENTS];
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, given, nullptr, &data);
  const auto& op = *static_cast<const Operator*>(data);
  auto& slots = Environment::of(env).slots;
  try {
    if (count > op.given) refuse("takes at most " + std::to_string(op.given) + " arguments, not " + std::to_string(count));
    torch::jit::Stack stack;
    stack.reserve(op.arguments.size());
    for (const auto& argument : op.arguments) {
      const Conversion conversion{env, op, argument};
      napi_valuetype type = napi_undefined;
      const bool sent = argument.source >= 0 && static_cast<size_t>(argument.source) < count;
      if (sent) napi_typeof(env, given[argument.source], &type);
      if (type == napi_undefined) {
        if (!argument.hasDefault) conversion.wrong("is missing");
        stack.push_back(argument.fallback);
      } else if (type == napi_null) {
        if (!argument.optional) conversion.wrong("may not be null");
        stack.emplace_back();
      } else {
        stack.push_back(conversion.convert(slots, given[argument.source]));
      }
    }
    op.handle.callBoxed(stack);
    if (stack.empty()) return nullptr;
    if (stack.size() > 1) return results(env, slots, op, stack);
    return op.aliased[0] ? nullptr : result(env, slots, std::move(stack[0]));
  } catch (const std::exception& error) {
    const auto own = dynamic_cast<const std::invalid_argument*>(&error) != nullptr;
    auto text = op.name + ": " + sentence(error);
    const auto tensors = operands(slots, env, op, given, std::min(count, MOST_ARGUMENTS));
    if (!tensors.empty()) text += " (" + tensors + ")";
    if (own) napi_throw_type_error(env, nullptr, text.c_str());
    else napi_throw_error(env, nullptr, text.c_str());
    return nullptr;
  }
}

// (name, overload, names of the arguments in the order JavaScript passes them) -> the operator as a function
Napi::Value resolve(const Napi::CallbackInfo& info) {
  const auto name = info[0].As<Napi::String>().Utf8Value();
  const auto overload = info[1].As<Napi::String>().Utf8Value();
  const auto names = info[2].As<Napi::Array>();
  const auto handle = c10::Dispatcher::singleton().findSchema({name.c_str(), overload.c_str()});
  if (!handle) return info.Env().Null();
  auto op = std::make_unique<Operator>(Operator{name.substr(name.find("::") + 2), *handle, {}, {}, names.Length()});
  const auto& schema = handle->schema();
  for (const auto& argument : schema.arguments()) op->arguments.push_back(planFor(argument));
  std::string unknown;
  for (uint32_t i = 0; i < names.Length(); i++) {
    const auto wanted = names.Get(i).As<Napi::String>().Utf8Value();
    bool found = false;
    for (auto& argument : op->arguments)
      if (argument.name == wanted) {
        argument.source = static_cast<int32_t>(i);
        found = true;
      }
    if (!found) unknown += (unknown.empty() ? "" : " ") + wanted;
  }
  for (const auto& value : schema.returns()) op->aliased.push_back(value.alias_info() && value.alias_info()->isWrite());
  napi_value function;
  napi_create_function(info.Env(), op->name.c_str(), NAPI_AUTO_LENGTH, invoke, op.get(), &function);
  Environment::of(info.Env()).operators.push_back(std::move(op));
  auto out = Napi::Object::New(info.Env());
  out.Set("call", Napi::Value(info.Env(), function));
  out.Set("unknown", unknown);  // arguments that this version of PyTorch does not have
  return out;
}

// (name, overload) -> the schema in PyTorch's own notation, or null
Napi::Value schemaOf(const Napi::CallbackInfo& info) {
  const auto name = info[0].As<Napi::String>().Utf8Value();
  const auto overload = info[1].As<Napi::String>().Utf8Value();
  const auto handle = c10::Dispatcher::singleton().findSchema({name.c_str(), overload.c_str()});
  if (!handle) return info.Env().Null();
  std::ostringstream out;
  out << handle->schema();
  return Napi::String::New(info.Env(), out.str());
}

}  // namespace

void defineOperator(Napi::Env, Napi::Object exports) {
  define<resolve>(exports, "resolve");
  define<schemaOf>(exports, "schemaOf");
}

}  // namespace addon
