// One operator of PyTorch's dispatcher, with what its schema says of turning JavaScript values into its arguments.
#pragma once
#include "common.h"

namespace addon {

enum class Kind : uint8_t { tensor, integer, real, boolean, scalar, string, device, generator };

struct Argument {
  std::string name;
  Kind kind;
  bool list = false;
  bool optional = false;        // None is allowed
  bool optionalElements = false;  // a list whose entries may be None
  int32_t length = -1;          // of a list that one number may stand for
  int32_t source = -1;          // which JavaScript argument it comes from; -1: always the default
  bool hasDefault = false;
  c10::IValue fallback;
};

struct Operator {
  std::string name;
  c10::OperatorHandle handle;
  std::vector<Argument> arguments;
  std::vector<bool> aliased;  // for each result: it is one of the arguments, which the caller has already
  size_t given = 0;           // JavaScript arguments at most
};

}  // namespace addon
