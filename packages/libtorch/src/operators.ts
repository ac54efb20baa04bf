// Generated from operators.txt by scripts/generate-operators.mjs; do not edit.
/** PyTorch's operators under their own names. Positional arguments first, keyword arguments as an object. */
import type { DType } from "./dtype.js";
import {
  checkOptions,
  dtype,
  type MemoryFormat,
  memoryFormat,
  operator,
  rangeType,
  type Reduction,
  reductionCode,
  tooMany,
} from "./operator.js";
import { adopt, adoptList, slotOf, slotsOf, Tensor } from "./tensor.js";

const $zeros = operator("zeros", "", "size dtype device pin_memory");
const zeros$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function zeros(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("zeros", 2, arguments.length);
  if (arguments.length === 2) checkOptions("zeros", options, zeros$options);
  return adopt($zeros()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $ones = operator("ones", "", "size dtype device pin_memory");
const ones$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function ones(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("ones", 2, arguments.length);
  if (arguments.length === 2) checkOptions("ones", options, ones$options);
  return adopt($ones()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $empty_memory_format = operator("empty", "memory_format", "size dtype device pin_memory memory_format");
const empty$options = new Set(["dtype", "device", "pin_memory", "memory_format"]);
/**
 * `aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function empty(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("empty", 2, arguments.length);
  if (arguments.length === 2) checkOptions("empty", options, empty$options);
  return adopt($empty_memory_format()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $full = operator("full", "", "size fill_value dtype device pin_memory");
const full$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function full(size: readonly number[], fill_value: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("full", 3, arguments.length);
  if (arguments.length === 3) checkOptions("full", options, full$options);
  return adopt($full()(size, fill_value, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $arange_start_step = operator("arange", "start_step", "start end step dtype device pin_memory");
const arange$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function arange(start: number, end: number, step?: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("arange", 4, arguments.length);
  if (arguments.length === 4) checkOptions("arange", options, arange$options);
  return adopt($arange_start_step()(start, end, step, dtype(options.dtype ?? rangeType(start, end, step)), options.device, options.pin_memory));
}

const $linspace = operator("linspace", "", "start end steps dtype device pin_memory");
const linspace$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function linspace(start: number, end: number, steps: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("linspace", 4, arguments.length);
  if (arguments.length === 4) checkOptions("linspace", options, linspace$options);
  return adopt($linspace()(start, end, steps, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $eye = operator("eye", "", "n dtype device pin_memory");
const eye$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function eye(n: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("eye", 2, arguments.length);
  if (arguments.length === 2) checkOptions("eye", options, eye$options);
  return adopt($eye()(n, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $zeros_like = operator("zeros_like", "", "self dtype device pin_memory memory_format");
const zeros_like$options = new Set(["dtype", "device", "pin_memory", "memory_format"]);
/**
 * `aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function zeros_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("zeros_like", 2, arguments.length);
  if (arguments.length === 2) checkOptions("zeros_like", options, zeros_like$options);
  return adopt($zeros_like()(slotOf(self, "self of zeros_like"), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $ones_like = operator("ones_like", "", "self dtype device pin_memory memory_format");
const ones_like$options = new Set(["dtype", "device", "pin_memory", "memory_format"]);
/**
 * `aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function ones_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("ones_like", 2, arguments.length);
  if (arguments.length === 2) checkOptions("ones_like", options, ones_like$options);
  return adopt($ones_like()(slotOf(self, "self of ones_like"), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $empty_like = operator("empty_like", "", "self dtype device pin_memory memory_format");
const empty_like$options = new Set(["dtype", "device", "pin_memory", "memory_format"]);
/**
 * `aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function empty_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("empty_like", 2, arguments.length);
  if (arguments.length === 2) checkOptions("empty_like", options, empty_like$options);
  return adopt($empty_like()(slotOf(self, "self of empty_like"), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $full_like = operator("full_like", "", "self fill_value dtype device pin_memory memory_format");
const full_like$options = new Set(["dtype", "device", "pin_memory", "memory_format"]);
/**
 * `aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function full_like(self: Tensor, fill_value: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("full_like", 3, arguments.length);
  if (arguments.length === 3) checkOptions("full_like", options, full_like$options);
  return adopt($full_like()(slotOf(self, "self of full_like"), fill_value, dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $rand = operator("rand", "", "size dtype device pin_memory");
const rand$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::rand(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function rand(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("rand", 2, arguments.length);
  if (arguments.length === 2) checkOptions("rand", options, rand$options);
  return adopt($rand()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $randn = operator("randn", "", "size dtype device pin_memory");
const randn$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::randn(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randn(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("randn", 2, arguments.length);
  if (arguments.length === 2) checkOptions("randn", options, randn$options);
  return adopt($randn()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $randint_low = operator("randint", "low", "low high size dtype device pin_memory");
const randint$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randint(low: number, high: number, size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("randint", 4, arguments.length);
  if (arguments.length === 4) checkOptions("randint", options, randint$options);
  return adopt($randint_low()(low, high, size, dtype(options.dtype ?? "int64"), options.device, options.pin_memory));
}

const $randperm = operator("randperm", "", "n dtype device pin_memory");
const randperm$options = new Set(["dtype", "device", "pin_memory"]);
/**
 * `aten::randperm(SymInt n, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randperm(n: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("randperm", 2, arguments.length);
  if (arguments.length === 2) checkOptions("randperm", options, randperm$options);
  return adopt($randperm()(n, dtype(options.dtype ?? "int64"), options.device, options.pin_memory));
}

const $to_dtype_layout = operator("to", "dtype_layout", "self dtype device pin_memory non_blocking copy memory_format");
const to$options = new Set(["dtype", "device", "pin_memory", "non_blocking", "copy", "memory_format"]);
/**
 * `aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)`
 */
export function to(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; non_blocking?: boolean | undefined; copy?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("to", 2, arguments.length);
  if (arguments.length === 2) checkOptions("to", options, to$options);
  return adopt($to_dtype_layout()(slotOf(self, "self of to"), dtype(options.dtype), options.device, options.pin_memory, options.non_blocking, options.copy, memoryFormat(options.memory_format)));
}

const $clone = operator("clone", "", "self memory_format");
const clone$options = new Set(["memory_format"]);
/**
 * `aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor`
 */
export function clone(self: Tensor, options: { memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("clone", 2, arguments.length);
  if (arguments.length === 2) checkOptions("clone", options, clone$options);
  return adopt($clone()(slotOf(self, "self of clone"), memoryFormat(options.memory_format)));
}

const $contiguous = operator("contiguous", "", "self memory_format");
const contiguous$options = new Set(["memory_format"]);
/**
 * `aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)`
 */
export function contiguous(self: Tensor, options: { memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("contiguous", 2, arguments.length);
  if (arguments.length === 2) checkOptions("contiguous", options, contiguous$options);
  return adopt($contiguous()(slotOf(self, "self of contiguous"), memoryFormat(options.memory_format)));
}

const $copy_ = operator("copy_", "", "self src non_blocking");
/**
 * `aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)`
 */
export function copy_(self: Tensor, src: Tensor, non_blocking?: boolean): Tensor {
  if (arguments.length > 3) tooMany("copy_", 3, arguments.length);
  $copy_()(slotOf(self, "self of copy_"), slotOf(src, "src of copy_"), non_blocking);
  return self;
}

const $pin_memory = operator("pin_memory", "", "self device");
/**
 * `aten::pin_memory(Tensor(a) self, Device? device=None) -> Tensor(a)`
 */
export function pin_memory(self: Tensor, device?: string | null): Tensor {
  if (arguments.length > 2) tooMany("pin_memory", 2, arguments.length);
  return adopt($pin_memory()(slotOf(self, "self of pin_memory"), device));
}

const $detach = operator("detach", "", "self");
/**
 * `aten::detach(Tensor(a) self) -> Tensor(a)`
 */
export function detach(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("detach", 1, arguments.length);
  return adopt($detach()(slotOf(self, "self of detach")));
}

const $zero_ = operator("zero_", "", "self");
/**
 * `aten::zero_(Tensor(a!) self) -> Tensor(a!)`
 */
export function zero_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("zero_", 1, arguments.length);
  $zero_()(slotOf(self, "self of zero_"));
  return self;
}

const $fill__Scalar = operator("fill_", "Scalar", "self value");
/**
 * `aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)`
 */
export function fill_(self: Tensor, value: number): Tensor {
  if (arguments.length > 2) tooMany("fill_", 2, arguments.length);
  $fill__Scalar()(slotOf(self, "self of fill_"), value);
  return self;
}

const $view = operator("view", "", "self size");
/**
 * `aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)`
 */
export function view(self: Tensor, size: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("view", 2, arguments.length);
  return adopt($view()(slotOf(self, "self of view"), size));
}

const $reshape = operator("reshape", "", "self shape");
/**
 * `aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)`
 */
export function reshape(self: Tensor, shape: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("reshape", 2, arguments.length);
  return adopt($reshape()(slotOf(self, "self of reshape"), shape));
}

const $permute = operator("permute", "", "self dims");
/**
 * `aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)`
 */
export function permute(self: Tensor, dims: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("permute", 2, arguments.length);
  return adopt($permute()(slotOf(self, "self of permute"), dims));
}

const $transpose_int = operator("transpose", "int", "self dim0 dim1");
/**
 * `aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)`
 */
export function transpose(self: Tensor, dim0: number, dim1: number): Tensor {
  if (arguments.length > 3) tooMany("transpose", 3, arguments.length);
  return adopt($transpose_int()(slotOf(self, "self of transpose"), dim0, dim1));
}

const $t = operator("t", "", "self");
/**
 * `aten::t(Tensor(a) self) -> Tensor(a)`
 */
export function t(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("t", 1, arguments.length);
  return adopt($t()(slotOf(self, "self of t")));
}

const $squeeze_dim = operator("squeeze", "dim", "self dim");
/**
 * `aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)`
 */
export function squeeze(self: Tensor, dim: number): Tensor {
  if (arguments.length > 2) tooMany("squeeze", 2, arguments.length);
  return adopt($squeeze_dim()(slotOf(self, "self of squeeze"), dim));
}

const $unsqueeze = operator("unsqueeze", "", "self dim");
/**
 * `aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)`
 */
export function unsqueeze(self: Tensor, dim: number): Tensor {
  if (arguments.length > 2) tooMany("unsqueeze", 2, arguments.length);
  return adopt($unsqueeze()(slotOf(self, "self of unsqueeze"), dim));
}

const $expand = operator("expand", "", "self size");
/**
 * `aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)`
 */
export function expand(self: Tensor, size: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("expand", 2, arguments.length);
  return adopt($expand()(slotOf(self, "self of expand"), size));
}

const $flatten_using_ints = operator("flatten", "using_ints", "self start_dim end_dim");
/**
 * `aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)`
 */
export function flatten(self: Tensor, start_dim?: number, end_dim?: number): Tensor {
  if (arguments.length > 3) tooMany("flatten", 3, arguments.length);
  return adopt($flatten_using_ints()(slotOf(self, "self of flatten"), start_dim, end_dim));
}

const $repeat = operator("repeat", "", "self repeats");
/**
 * `aten::repeat(Tensor self, SymInt[] repeats) -> Tensor`
 */
export function repeat(self: Tensor, repeats: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("repeat", 2, arguments.length);
  return adopt($repeat()(slotOf(self, "self of repeat"), repeats));
}

const $flip = operator("flip", "", "self dims");
/**
 * `aten::flip(Tensor self, int[] dims) -> Tensor`
 */
export function flip(self: Tensor, dims: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("flip", 2, arguments.length);
  return adopt($flip()(slotOf(self, "self of flip"), dims));
}

const $narrow = operator("narrow", "", "self dim start length");
/**
 * `aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)`
 */
export function narrow(self: Tensor, dim: number, start: number, length: number): Tensor {
  if (arguments.length > 4) tooMany("narrow", 4, arguments.length);
  return adopt($narrow()(slotOf(self, "self of narrow"), dim, start, length));
}

const $select_int = operator("select", "int", "self dim index");
/**
 * `aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)`
 */
export function select(self: Tensor, dim: number, index: number): Tensor {
  if (arguments.length > 3) tooMany("select", 3, arguments.length);
  return adopt($select_int()(slotOf(self, "self of select"), dim, index));
}

const $slice_Tensor = operator("slice", "Tensor", "self dim start end step");
/**
 * `aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)`
 */
export function slice(self: Tensor, dim?: number, start?: number | null, end?: number | null, step?: number): Tensor {
  if (arguments.length > 5) tooMany("slice", 5, arguments.length);
  return adopt($slice_Tensor()(slotOf(self, "self of slice"), dim, start, end, step));
}

const $chunk = operator("chunk", "", "self chunks dim");
/**
 * `aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]`
 */
export function chunk(self: Tensor, chunks: number, dim?: number): Tensor[] {
  if (arguments.length > 3) tooMany("chunk", 3, arguments.length);
  return adoptList($chunk()(slotOf(self, "self of chunk"), chunks, dim));
}

const $split_Tensor = operator("split", "Tensor", "self split_size dim");
/**
 * `aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]`
 */
export function split(self: Tensor, split_size: number, dim?: number): Tensor[] {
  if (arguments.length > 3) tooMany("split", 3, arguments.length);
  return adoptList($split_Tensor()(slotOf(self, "self of split"), split_size, dim));
}

const $unbind_int = operator("unbind", "int", "self dim");
/**
 * `aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]`
 */
export function unbind(self: Tensor, dim?: number): Tensor[] {
  if (arguments.length > 2) tooMany("unbind", 2, arguments.length);
  return adoptList($unbind_int()(slotOf(self, "self of unbind"), dim));
}

const $cat = operator("cat", "", "tensors dim");
/**
 * `aten::cat(Tensor[] tensors, int dim=0) -> Tensor`
 */
export function cat(tensors: readonly Tensor[], dim?: number): Tensor {
  if (arguments.length > 2) tooMany("cat", 2, arguments.length);
  return adopt($cat()(slotsOf(tensors, "tensors of cat"), dim));
}

const $stack = operator("stack", "", "tensors dim");
/**
 * `aten::stack(Tensor[] tensors, int dim=0) -> Tensor`
 */
export function stack(tensors: readonly Tensor[], dim?: number): Tensor {
  if (arguments.length > 2) tooMany("stack", 2, arguments.length);
  return adopt($stack()(slotsOf(tensors, "tensors of stack"), dim));
}

const $tril = operator("tril", "", "self diagonal");
/**
 * `aten::tril(Tensor self, SymInt diagonal=0) -> Tensor`
 */
export function tril(self: Tensor, diagonal?: number): Tensor {
  if (arguments.length > 2) tooMany("tril", 2, arguments.length);
  return adopt($tril()(slotOf(self, "self of tril"), diagonal));
}

const $triu = operator("triu", "", "self diagonal");
/**
 * `aten::triu(Tensor self, SymInt diagonal=0) -> Tensor`
 */
export function triu(self: Tensor, diagonal?: number): Tensor {
  if (arguments.length > 2) tooMany("triu", 2, arguments.length);
  return adopt($triu()(slotOf(self, "self of triu"), diagonal));
}

const $diagonal = operator("diagonal", "", "self offset dim1 dim2");
/**
 * `aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)`
 */
export function diagonal(self: Tensor, offset?: number, dim1?: number, dim2?: number): Tensor {
  if (arguments.length > 4) tooMany("diagonal", 4, arguments.length);
  return adopt($diagonal()(slotOf(self, "self of diagonal"), offset, dim1, dim2));
}

const $constant_pad_nd = operator("constant_pad_nd", "", "self pad value");
/**
 * `aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor`
 */
export function constant_pad_nd(self: Tensor, pad: readonly number[], value?: number): Tensor {
  if (arguments.length > 3) tooMany("constant_pad_nd", 3, arguments.length);
  return adopt($constant_pad_nd()(slotOf(self, "self of constant_pad_nd"), pad, value));
}

const $index_select = operator("index_select", "", "self dim index");
/**
 * `aten::index_select(Tensor self, int dim, Tensor index) -> Tensor`
 */
export function index_select(self: Tensor, dim: number, index: Tensor): Tensor {
  if (arguments.length > 3) tooMany("index_select", 3, arguments.length);
  return adopt($index_select()(slotOf(self, "self of index_select"), dim, slotOf(index, "index of index_select")));
}

const $gather = operator("gather", "", "self dim index");
/**
 * `aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor`
 */
export function gather(self: Tensor, dim: number, index: Tensor): Tensor {
  if (arguments.length > 3) tooMany("gather", 3, arguments.length);
  return adopt($gather()(slotOf(self, "self of gather"), dim, slotOf(index, "index of gather")));
}

const $index_Tensor = operator("index", "Tensor", "self indices");
/**
 * `aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor`
 */
export function index(self: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  if (arguments.length > 2) tooMany("index", 2, arguments.length);
  return adopt($index_Tensor()(slotOf(self, "self of index"), slotsOf(indices, "indices of index")));
}

const $nonzero = operator("nonzero", "", "self");
/**
 * `aten::nonzero(Tensor self) -> Tensor`
 */
export function nonzero(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("nonzero", 1, arguments.length);
  return adopt($nonzero()(slotOf(self, "self of nonzero")));
}

const $one_hot = operator("one_hot", "", "self num_classes");
/**
 * `aten::one_hot(Tensor self, int num_classes=-1) -> Tensor`
 */
export function one_hot(self: Tensor, num_classes?: number): Tensor {
  if (arguments.length > 2) tooMany("one_hot", 2, arguments.length);
  return adopt($one_hot()(slotOf(self, "self of one_hot"), num_classes));
}

const $index_copy_ = operator("index_copy_", "", "self dim index source");
/**
 * `aten::index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)`
 */
export function index_copy_(self: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  if (arguments.length > 4) tooMany("index_copy_", 4, arguments.length);
  $index_copy_()(slotOf(self, "self of index_copy_"), dim, slotOf(index, "index of index_copy_"), slotOf(source, "source of index_copy_"));
  return self;
}

const $index_add_ = operator("index_add_", "", "self dim index source alpha");
const index_add_$options = new Set(["alpha"]);
/**
 * `aten::index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor(a!)`
 */
export function index_add_(self: Tensor, dim: number, index: Tensor, source: Tensor, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 5) tooMany("index_add_", 5, arguments.length);
  if (arguments.length === 5) checkOptions("index_add_", options, index_add_$options);
  $index_add_()(slotOf(self, "self of index_add_"), dim, slotOf(index, "index of index_add_"), slotOf(source, "source of index_add_"), options.alpha);
  return self;
}

const $scatter__src = operator("scatter_", "src", "self dim index src");
const $scatter__value = operator("scatter_", "value", "self dim index value");
/**
 * `aten::scatter_.src(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)`
 * `aten::scatter_.value(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)`
 */
export function scatter_(self: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
  if (arguments.length > 4) tooMany("scatter_", 4, arguments.length);
  src instanceof Tensor ? $scatter__src()(slotOf(self, "self of scatter_"), dim, slotOf(index, "index of scatter_"), slotOf(src, "src of scatter_")) : $scatter__value()(slotOf(self, "self of scatter_"), dim, slotOf(index, "index of scatter_"), src);
  return self;
}

const $scatter_add_ = operator("scatter_add_", "", "self dim index src");
/**
 * `aten::scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)`
 */
export function scatter_add_(self: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  if (arguments.length > 4) tooMany("scatter_add_", 4, arguments.length);
  $scatter_add_()(slotOf(self, "self of scatter_add_"), dim, slotOf(index, "index of scatter_add_"), slotOf(src, "src of scatter_add_"));
  return self;
}

const $masked_fill_Scalar = operator("masked_fill", "Scalar", "self mask value");
/**
 * `aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor`
 */
export function masked_fill(self: Tensor, mask: Tensor, value: number): Tensor {
  if (arguments.length > 3) tooMany("masked_fill", 3, arguments.length);
  return adopt($masked_fill_Scalar()(slotOf(self, "self of masked_fill"), slotOf(mask, "mask of masked_fill"), value));
}

const $masked_fill__Scalar = operator("masked_fill_", "Scalar", "self mask value");
/**
 * `aten::masked_fill_.Scalar(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)`
 */
export function masked_fill_(self: Tensor, mask: Tensor, value: number): Tensor {
  if (arguments.length > 3) tooMany("masked_fill_", 3, arguments.length);
  $masked_fill__Scalar()(slotOf(self, "self of masked_fill_"), slotOf(mask, "mask of masked_fill_"), value);
  return self;
}

const $where_self = operator("where", "self", "condition self other");
const $where_ScalarOther = operator("where", "ScalarOther", "condition self other");
/**
 * `aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor`
 * `aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor`
 */
export function where(condition: Tensor, self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 3) tooMany("where", 3, arguments.length);
  return adopt(other instanceof Tensor ? $where_self()(slotOf(condition, "condition of where"), slotOf(self, "self of where"), slotOf(other, "other of where")) : $where_ScalarOther()(slotOf(condition, "condition of where"), slotOf(self, "self of where"), other));
}

const $add_Tensor = operator("add", "Tensor", "self other alpha");
const $add_Scalar = operator("add", "Scalar", "self other alpha");
const add$options = new Set(["alpha"]);
/**
 * `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`
 * `aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor`
 */
export function add(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("add", 3, arguments.length);
  if (arguments.length === 3) checkOptions("add", options, add$options);
  return adopt(other instanceof Tensor ? $add_Tensor()(slotOf(self, "self of add"), slotOf(other, "other of add"), options.alpha) : $add_Scalar()(slotOf(self, "self of add"), other, options.alpha));
}

const $add__Tensor = operator("add_", "Tensor", "self other alpha");
const $add__Scalar = operator("add_", "Scalar", "self other alpha");
const add_$options = new Set(["alpha"]);
/**
 * `aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)`
 * `aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)`
 */
export function add_(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("add_", 3, arguments.length);
  if (arguments.length === 3) checkOptions("add_", options, add_$options);
  other instanceof Tensor ? $add__Tensor()(slotOf(self, "self of add_"), slotOf(other, "other of add_"), options.alpha) : $add__Scalar()(slotOf(self, "self of add_"), other, options.alpha);
  return self;
}

const $sub_Tensor = operator("sub", "Tensor", "self other alpha");
const $sub_Scalar = operator("sub", "Scalar", "self other alpha");
const sub$options = new Set(["alpha"]);
/**
 * `aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`
 * `aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor`
 */
export function sub(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("sub", 3, arguments.length);
  if (arguments.length === 3) checkOptions("sub", options, sub$options);
  return adopt(other instanceof Tensor ? $sub_Tensor()(slotOf(self, "self of sub"), slotOf(other, "other of sub"), options.alpha) : $sub_Scalar()(slotOf(self, "self of sub"), other, options.alpha));
}

const $sub__Tensor = operator("sub_", "Tensor", "self other alpha");
const $sub__Scalar = operator("sub_", "Scalar", "self other alpha");
const sub_$options = new Set(["alpha"]);
/**
 * `aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)`
 * `aten::sub_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)`
 */
export function sub_(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("sub_", 3, arguments.length);
  if (arguments.length === 3) checkOptions("sub_", options, sub_$options);
  other instanceof Tensor ? $sub__Tensor()(slotOf(self, "self of sub_"), slotOf(other, "other of sub_"), options.alpha) : $sub__Scalar()(slotOf(self, "self of sub_"), other, options.alpha);
  return self;
}

const $mul_Tensor = operator("mul", "Tensor", "self other");
const $mul_Scalar = operator("mul", "Scalar", "self other");
/**
 * `aten::mul.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::mul.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function mul(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("mul", 2, arguments.length);
  return adopt(other instanceof Tensor ? $mul_Tensor()(slotOf(self, "self of mul"), slotOf(other, "other of mul")) : $mul_Scalar()(slotOf(self, "self of mul"), other));
}

const $mul__Tensor = operator("mul_", "Tensor", "self other");
const $mul__Scalar = operator("mul_", "Scalar", "self other");
/**
 * `aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`
 * `aten::mul_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`
 */
export function mul_(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("mul_", 2, arguments.length);
  other instanceof Tensor ? $mul__Tensor()(slotOf(self, "self of mul_"), slotOf(other, "other of mul_")) : $mul__Scalar()(slotOf(self, "self of mul_"), other);
  return self;
}

const $div_Tensor = operator("div", "Tensor", "self other");
const $div_Scalar = operator("div", "Scalar", "self other");
/**
 * `aten::div.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::div.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function div(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("div", 2, arguments.length);
  return adopt(other instanceof Tensor ? $div_Tensor()(slotOf(self, "self of div"), slotOf(other, "other of div")) : $div_Scalar()(slotOf(self, "self of div"), other));
}

const $div__Tensor = operator("div_", "Tensor", "self other");
const $div__Scalar = operator("div_", "Scalar", "self other");
/**
 * `aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`
 * `aten::div_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`
 */
export function div_(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("div_", 2, arguments.length);
  other instanceof Tensor ? $div__Tensor()(slotOf(self, "self of div_"), slotOf(other, "other of div_")) : $div__Scalar()(slotOf(self, "self of div_"), other);
  return self;
}

const $pow_Tensor_Scalar = operator("pow", "Tensor_Scalar", "self exponent");
const $pow_Tensor_Tensor = operator("pow", "Tensor_Tensor", "self exponent");
/**
 * `aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor`
 * `aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor`
 */
export function pow(self: Tensor, exponent: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("pow", 2, arguments.length);
  return adopt(exponent instanceof Tensor ? $pow_Tensor_Tensor()(slotOf(self, "self of pow"), slotOf(exponent, "exponent of pow")) : $pow_Tensor_Scalar()(slotOf(self, "self of pow"), exponent));
}

const $floor_divide = operator("floor_divide", "", "self other");
const $floor_divide_Scalar = operator("floor_divide", "Scalar", "self other");
/**
 * `aten::floor_divide(Tensor self, Tensor other) -> Tensor`
 * `aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function floor_divide(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("floor_divide", 2, arguments.length);
  return adopt(other instanceof Tensor ? $floor_divide()(slotOf(self, "self of floor_divide"), slotOf(other, "other of floor_divide")) : $floor_divide_Scalar()(slotOf(self, "self of floor_divide"), other));
}

const $remainder_Scalar = operator("remainder", "Scalar", "self other");
const $remainder_Tensor = operator("remainder", "Tensor", "self other");
/**
 * `aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor`
 * `aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor`
 */
export function remainder(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("remainder", 2, arguments.length);
  return adopt(other instanceof Tensor ? $remainder_Tensor()(slotOf(self, "self of remainder"), slotOf(other, "other of remainder")) : $remainder_Scalar()(slotOf(self, "self of remainder"), other));
}

const $addcmul = operator("addcmul", "", "self tensor1 tensor2 value");
const addcmul$options = new Set(["value"]);
/**
 * `aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor`
 */
export function addcmul(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcmul", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addcmul", options, addcmul$options);
  return adopt($addcmul()(slotOf(self, "self of addcmul"), slotOf(tensor1, "tensor1 of addcmul"), slotOf(tensor2, "tensor2 of addcmul"), options.value));
}

const $addcmul_ = operator("addcmul_", "", "self tensor1 tensor2 value");
const addcmul_$options = new Set(["value"]);
/**
 * `aten::addcmul_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)`
 */
export function addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcmul_", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addcmul_", options, addcmul_$options);
  $addcmul_()(slotOf(self, "self of addcmul_"), slotOf(tensor1, "tensor1 of addcmul_"), slotOf(tensor2, "tensor2 of addcmul_"), options.value);
  return self;
}

const $addcdiv = operator("addcdiv", "", "self tensor1 tensor2 value");
const addcdiv$options = new Set(["value"]);
/**
 * `aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor`
 */
export function addcdiv(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcdiv", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addcdiv", options, addcdiv$options);
  return adopt($addcdiv()(slotOf(self, "self of addcdiv"), slotOf(tensor1, "tensor1 of addcdiv"), slotOf(tensor2, "tensor2 of addcdiv"), options.value));
}

const $addcdiv_ = operator("addcdiv_", "", "self tensor1 tensor2 value");
const addcdiv_$options = new Set(["value"]);
/**
 * `aten::addcdiv_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)`
 */
export function addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcdiv_", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addcdiv_", options, addcdiv_$options);
  $addcdiv_()(slotOf(self, "self of addcdiv_"), slotOf(tensor1, "tensor1 of addcdiv_"), slotOf(tensor2, "tensor2 of addcdiv_"), options.value);
  return self;
}

const $lerp_Scalar = operator("lerp", "Scalar", "self end weight");
/**
 * `aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor`
 */
export function lerp(self: Tensor, end: Tensor, weight: number): Tensor {
  if (arguments.length > 3) tooMany("lerp", 3, arguments.length);
  return adopt($lerp_Scalar()(slotOf(self, "self of lerp"), slotOf(end, "end of lerp"), weight));
}

const $lerp__Scalar = operator("lerp_", "Scalar", "self end weight");
/**
 * `aten::lerp_.Scalar(Tensor(a!) self, Tensor end, Scalar weight) -> Tensor(a!)`
 */
export function lerp_(self: Tensor, end: Tensor, weight: number): Tensor {
  if (arguments.length > 3) tooMany("lerp_", 3, arguments.length);
  $lerp__Scalar()(slotOf(self, "self of lerp_"), slotOf(end, "end of lerp_"), weight);
  return self;
}

const $neg = operator("neg", "", "self");
/**
 * `aten::neg(Tensor self) -> Tensor`
 */
export function neg(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("neg", 1, arguments.length);
  return adopt($neg()(slotOf(self, "self of neg")));
}

const $neg_ = operator("neg_", "", "self");
/**
 * `aten::neg_(Tensor(a!) self) -> Tensor(a!)`
 */
export function neg_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("neg_", 1, arguments.length);
  $neg_()(slotOf(self, "self of neg_"));
  return self;
}

const $abs = operator("abs", "", "self");
/**
 * `aten::abs(Tensor self) -> Tensor`
 */
export function abs(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("abs", 1, arguments.length);
  return adopt($abs()(slotOf(self, "self of abs")));
}

const $sign = operator("sign", "", "self");
/**
 * `aten::sign(Tensor self) -> Tensor`
 */
export function sign(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sign", 1, arguments.length);
  return adopt($sign()(slotOf(self, "self of sign")));
}

const $reciprocal = operator("reciprocal", "", "self");
/**
 * `aten::reciprocal(Tensor self) -> Tensor`
 */
export function reciprocal(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("reciprocal", 1, arguments.length);
  return adopt($reciprocal()(slotOf(self, "self of reciprocal")));
}

const $sqrt = operator("sqrt", "", "self");
/**
 * `aten::sqrt(Tensor self) -> Tensor`
 */
export function sqrt(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sqrt", 1, arguments.length);
  return adopt($sqrt()(slotOf(self, "self of sqrt")));
}

const $rsqrt = operator("rsqrt", "", "self");
/**
 * `aten::rsqrt(Tensor self) -> Tensor`
 */
export function rsqrt(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("rsqrt", 1, arguments.length);
  return adopt($rsqrt()(slotOf(self, "self of rsqrt")));
}

const $exp = operator("exp", "", "self");
/**
 * `aten::exp(Tensor self) -> Tensor`
 */
export function exp(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("exp", 1, arguments.length);
  return adopt($exp()(slotOf(self, "self of exp")));
}

const $log = operator("log", "", "self");
/**
 * `aten::log(Tensor self) -> Tensor`
 */
export function log(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("log", 1, arguments.length);
  return adopt($log()(slotOf(self, "self of log")));
}

const $log1p = operator("log1p", "", "self");
/**
 * `aten::log1p(Tensor self) -> Tensor`
 */
export function log1p(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("log1p", 1, arguments.length);
  return adopt($log1p()(slotOf(self, "self of log1p")));
}

const $sin = operator("sin", "", "self");
/**
 * `aten::sin(Tensor self) -> Tensor`
 */
export function sin(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sin", 1, arguments.length);
  return adopt($sin()(slotOf(self, "self of sin")));
}

const $cos = operator("cos", "", "self");
/**
 * `aten::cos(Tensor self) -> Tensor`
 */
export function cos(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("cos", 1, arguments.length);
  return adopt($cos()(slotOf(self, "self of cos")));
}

const $tanh = operator("tanh", "", "self");
/**
 * `aten::tanh(Tensor self) -> Tensor`
 */
export function tanh(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("tanh", 1, arguments.length);
  return adopt($tanh()(slotOf(self, "self of tanh")));
}

const $erf = operator("erf", "", "self");
/**
 * `aten::erf(Tensor self) -> Tensor`
 */
export function erf(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("erf", 1, arguments.length);
  return adopt($erf()(slotOf(self, "self of erf")));
}

const $round = operator("round", "", "self");
/**
 * `aten::round(Tensor self) -> Tensor`
 */
export function round(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("round", 1, arguments.length);
  return adopt($round()(slotOf(self, "self of round")));
}

const $floor = operator("floor", "", "self");
/**
 * `aten::floor(Tensor self) -> Tensor`
 */
export function floor(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("floor", 1, arguments.length);
  return adopt($floor()(slotOf(self, "self of floor")));
}

const $ceil = operator("ceil", "", "self");
/**
 * `aten::ceil(Tensor self) -> Tensor`
 */
export function ceil(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("ceil", 1, arguments.length);
  return adopt($ceil()(slotOf(self, "self of ceil")));
}

const $clamp = operator("clamp", "", "self min max");
/**
 * `aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor`
 */
export function clamp(self: Tensor, min?: number | null, max?: number | null): Tensor {
  if (arguments.length > 3) tooMany("clamp", 3, arguments.length);
  return adopt($clamp()(slotOf(self, "self of clamp"), min, max));
}

const $clamp_ = operator("clamp_", "", "self min max");
/**
 * `aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)`
 */
export function clamp_(self: Tensor, min?: number | null, max?: number | null): Tensor {
  if (arguments.length > 3) tooMany("clamp_", 3, arguments.length);
  $clamp_()(slotOf(self, "self of clamp_"), min, max);
  return self;
}

const $maximum = operator("maximum", "", "self other");
/**
 * `aten::maximum(Tensor self, Tensor other) -> Tensor`
 */
export function maximum(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("maximum", 2, arguments.length);
  return adopt($maximum()(slotOf(self, "self of maximum"), slotOf(other, "other of maximum")));
}

const $minimum = operator("minimum", "", "self other");
/**
 * `aten::minimum(Tensor self, Tensor other) -> Tensor`
 */
export function minimum(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("minimum", 2, arguments.length);
  return adopt($minimum()(slotOf(self, "self of minimum"), slotOf(other, "other of minimum")));
}

const $isfinite = operator("isfinite", "", "self");
/**
 * `aten::isfinite(Tensor self) -> Tensor`
 */
export function isfinite(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("isfinite", 1, arguments.length);
  return adopt($isfinite()(slotOf(self, "self of isfinite")));
}

const $bitwise_and_Tensor = operator("bitwise_and", "Tensor", "self other");
const $bitwise_and_Scalar = operator("bitwise_and", "Scalar", "self other");
/**
 * `aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_and(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_and", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_and_Tensor()(slotOf(self, "self of bitwise_and"), slotOf(other, "other of bitwise_and")) : $bitwise_and_Scalar()(slotOf(self, "self of bitwise_and"), other));
}

const $bitwise_or_Tensor = operator("bitwise_or", "Tensor", "self other");
const $bitwise_or_Scalar = operator("bitwise_or", "Scalar", "self other");
/**
 * `aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_or(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_or", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_or_Tensor()(slotOf(self, "self of bitwise_or"), slotOf(other, "other of bitwise_or")) : $bitwise_or_Scalar()(slotOf(self, "self of bitwise_or"), other));
}

const $bitwise_xor_Tensor = operator("bitwise_xor", "Tensor", "self other");
const $bitwise_xor_Scalar = operator("bitwise_xor", "Scalar", "self other");
/**
 * `aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_xor(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_xor", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_xor_Tensor()(slotOf(self, "self of bitwise_xor"), slotOf(other, "other of bitwise_xor")) : $bitwise_xor_Scalar()(slotOf(self, "self of bitwise_xor"), other));
}

const $bitwise_left_shift_Tensor_Scalar = operator("bitwise_left_shift", "Tensor_Scalar", "self other");
/**
 * `aten::bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_left_shift(self: Tensor, other: number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_left_shift", 2, arguments.length);
  return adopt($bitwise_left_shift_Tensor_Scalar()(slotOf(self, "self of bitwise_left_shift"), other));
}

const $bitwise_right_shift_Tensor_Scalar = operator("bitwise_right_shift", "Tensor_Scalar", "self other");
/**
 * `aten::bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_right_shift(self: Tensor, other: number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_right_shift", 2, arguments.length);
  return adopt($bitwise_right_shift_Tensor_Scalar()(slotOf(self, "self of bitwise_right_shift"), other));
}

const $eq_Tensor = operator("eq", "Tensor", "self other");
const $eq_Scalar = operator("eq", "Scalar", "self other");
/**
 * `aten::eq.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::eq.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function eq(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("eq", 2, arguments.length);
  return adopt(other instanceof Tensor ? $eq_Tensor()(slotOf(self, "self of eq"), slotOf(other, "other of eq")) : $eq_Scalar()(slotOf(self, "self of eq"), other));
}

const $ne_Tensor = operator("ne", "Tensor", "self other");
const $ne_Scalar = operator("ne", "Scalar", "self other");
/**
 * `aten::ne.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::ne.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function ne(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("ne", 2, arguments.length);
  return adopt(other instanceof Tensor ? $ne_Tensor()(slotOf(self, "self of ne"), slotOf(other, "other of ne")) : $ne_Scalar()(slotOf(self, "self of ne"), other));
}

const $lt_Tensor = operator("lt", "Tensor", "self other");
const $lt_Scalar = operator("lt", "Scalar", "self other");
/**
 * `aten::lt.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::lt.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function lt(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("lt", 2, arguments.length);
  return adopt(other instanceof Tensor ? $lt_Tensor()(slotOf(self, "self of lt"), slotOf(other, "other of lt")) : $lt_Scalar()(slotOf(self, "self of lt"), other));
}

const $le_Tensor = operator("le", "Tensor", "self other");
const $le_Scalar = operator("le", "Scalar", "self other");
/**
 * `aten::le.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::le.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function le(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("le", 2, arguments.length);
  return adopt(other instanceof Tensor ? $le_Tensor()(slotOf(self, "self of le"), slotOf(other, "other of le")) : $le_Scalar()(slotOf(self, "self of le"), other));
}

const $gt_Tensor = operator("gt", "Tensor", "self other");
const $gt_Scalar = operator("gt", "Scalar", "self other");
/**
 * `aten::gt.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::gt.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function gt(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("gt", 2, arguments.length);
  return adopt(other instanceof Tensor ? $gt_Tensor()(slotOf(self, "self of gt"), slotOf(other, "other of gt")) : $gt_Scalar()(slotOf(self, "self of gt"), other));
}

const $ge_Tensor = operator("ge", "Tensor", "self other");
const $ge_Scalar = operator("ge", "Scalar", "self other");
/**
 * `aten::ge.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::ge.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function ge(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("ge", 2, arguments.length);
  return adopt(other instanceof Tensor ? $ge_Tensor()(slotOf(self, "self of ge"), slotOf(other, "other of ge")) : $ge_Scalar()(slotOf(self, "self of ge"), other));
}

const $logical_and = operator("logical_and", "", "self other");
/**
 * `aten::logical_and(Tensor self, Tensor other) -> Tensor`
 */
export function logical_and(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("logical_and", 2, arguments.length);
  return adopt($logical_and()(slotOf(self, "self of logical_and"), slotOf(other, "other of logical_and")));
}

const $logical_or = operator("logical_or", "", "self other");
/**
 * `aten::logical_or(Tensor self, Tensor other) -> Tensor`
 */
export function logical_or(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("logical_or", 2, arguments.length);
  return adopt($logical_or()(slotOf(self, "self of logical_or"), slotOf(other, "other of logical_or")));
}

const $logical_not = operator("logical_not", "", "self");
/**
 * `aten::logical_not(Tensor self) -> Tensor`
 */
export function logical_not(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("logical_not", 1, arguments.length);
  return adopt($logical_not()(slotOf(self, "self of logical_not")));
}

const $equal = operator("equal", "", "self other");
/**
 * `aten::equal(Tensor self, Tensor other) -> bool`
 */
export function equal(self: Tensor, other: Tensor): boolean {
  if (arguments.length > 2) tooMany("equal", 2, arguments.length);
  return $equal()(slotOf(self, "self of equal"), slotOf(other, "other of equal")) as boolean;
}

const $allclose = operator("allclose", "", "self other rtol atol equal_nan");
/**
 * `aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool`
 */
export function allclose(self: Tensor, other: Tensor, rtol?: number, atol?: number, equal_nan?: boolean): boolean {
  if (arguments.length > 5) tooMany("allclose", 5, arguments.length);
  return $allclose()(slotOf(self, "self of allclose"), slotOf(other, "other of allclose"), rtol, atol, equal_nan) as boolean;
}

const $sum = operator("sum", "", "self dtype");
const $sum_dim_IntList = operator("sum", "dim_IntList", "self dim keepdim dtype");
const sum$options = new Set(["dtype"]);
/**
 * `aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 * `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function sum(self: Tensor, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("sum", 4, arguments.length);
  if (arguments.length === 4) checkOptions("sum", options, sum$options);
  return adopt(dim !== undefined || keepdim !== undefined ? $sum_dim_IntList()(slotOf(self, "self of sum"), dim, keepdim, dtype(options.dtype)) : $sum()(slotOf(self, "self of sum"), dtype(options.dtype)));
}

const $mean = operator("mean", "", "self dtype");
const $mean_dim = operator("mean", "dim", "self dim keepdim dtype");
const mean$options = new Set(["dtype"]);
/**
 * `aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 * `aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function mean(self: Tensor, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("mean", 4, arguments.length);
  if (arguments.length === 4) checkOptions("mean", options, mean$options);
  return adopt(dim !== undefined || keepdim !== undefined ? $mean_dim()(slotOf(self, "self of mean"), dim, keepdim, dtype(options.dtype)) : $mean()(slotOf(self, "self of mean"), dtype(options.dtype)));
}

const $prod = operator("prod", "", "self dtype");
const prod$options = new Set(["dtype"]);
/**
 * `aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 */
export function prod(self: Tensor, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("prod", 2, arguments.length);
  if (arguments.length === 2) checkOptions("prod", options, prod$options);
  return adopt($prod()(slotOf(self, "self of prod"), dtype(options.dtype)));
}

const $amax = operator("amax", "", "self dim keepdim");
/**
 * `aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor`
 */
export function amax(self: Tensor, dim?: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("amax", 3, arguments.length);
  return adopt($amax()(slotOf(self, "self of amax"), dim, keepdim));
}

const $amin = operator("amin", "", "self dim keepdim");
/**
 * `aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor`
 */
export function amin(self: Tensor, dim?: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("amin", 3, arguments.length);
  return adopt($amin()(slotOf(self, "self of amin"), dim, keepdim));
}

const $max_dim_dim = operator("max", "dim", "self dim keepdim");
/**
 * `aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`
 */
export function max_dim(self: Tensor, dim: number, keepdim?: boolean): [Tensor, Tensor] {
  if (arguments.length > 3) tooMany("max_dim", 3, arguments.length);
  return adoptList($max_dim_dim()(slotOf(self, "self of max_dim"), dim, keepdim)) as [Tensor, Tensor];
}

const $min_dim_dim = operator("min", "dim", "self dim keepdim");
/**
 * `aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`
 */
export function min_dim(self: Tensor, dim: number, keepdim?: boolean): [Tensor, Tensor] {
  if (arguments.length > 3) tooMany("min_dim", 3, arguments.length);
  return adoptList($min_dim_dim()(slotOf(self, "self of min_dim"), dim, keepdim)) as [Tensor, Tensor];
}

const $argmax = operator("argmax", "", "self dim keepdim");
/**
 * `aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor`
 */
export function argmax(self: Tensor, dim?: number | null, keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("argmax", 3, arguments.length);
  return adopt($argmax()(slotOf(self, "self of argmax"), dim, keepdim));
}

const $argmin = operator("argmin", "", "self dim keepdim");
/**
 * `aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor`
 */
export function argmin(self: Tensor, dim?: number | null, keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("argmin", 3, arguments.length);
  return adopt($argmin()(slotOf(self, "self of argmin"), dim, keepdim));
}

const $any = operator("any", "", "self");
/**
 * `aten::any(Tensor self) -> Tensor`
 */
export function any(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("any", 1, arguments.length);
  return adopt($any()(slotOf(self, "self of any")));
}

const $all = operator("all", "", "self");
/**
 * `aten::all(Tensor self) -> Tensor`
 */
export function all(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("all", 1, arguments.length);
  return adopt($all()(slotOf(self, "self of all")));
}

const $variance_correction = operator("var", "correction", "self dim correction keepdim");
const variance$options = new Set(["correction", "keepdim"]);
/**
 * `aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor`
 */
export function variance(self: Tensor, dim?: number | readonly number[] | null, options: { correction?: number | undefined; keepdim?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("variance", 3, arguments.length);
  if (arguments.length === 3) checkOptions("variance", options, variance$options);
  return adopt($variance_correction()(slotOf(self, "self of variance"), dim, options.correction, options.keepdim));
}

const $std_correction = operator("std", "correction", "self dim correction keepdim");
const std$options = new Set(["correction", "keepdim"]);
/**
 * `aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor`
 */
export function std(self: Tensor, dim?: number | readonly number[] | null, options: { correction?: number | undefined; keepdim?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("std", 3, arguments.length);
  if (arguments.length === 3) checkOptions("std", options, std$options);
  return adopt($std_correction()(slotOf(self, "self of std"), dim, options.correction, options.keepdim));
}

const $cumsum = operator("cumsum", "", "self dim dtype");
const cumsum$options = new Set(["dtype"]);
/**
 * `aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor`
 */
export function cumsum(self: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("cumsum", 3, arguments.length);
  if (arguments.length === 3) checkOptions("cumsum", options, cumsum$options);
  return adopt($cumsum()(slotOf(self, "self of cumsum"), dim, dtype(options.dtype)));
}

const $logsumexp = operator("logsumexp", "", "self dim keepdim");
/**
 * `aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor`
 */
export function logsumexp(self: Tensor, dim: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("logsumexp", 3, arguments.length);
  return adopt($logsumexp()(slotOf(self, "self of logsumexp"), dim, keepdim));
}

const $topk = operator("topk", "", "self k dim largest sorted");
/**
 * `aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)`
 */
export function topk(self: Tensor, k: number, dim?: number, largest?: boolean, sorted?: boolean): [Tensor, Tensor] {
  if (arguments.length > 5) tooMany("topk", 5, arguments.length);
  return adoptList($topk()(slotOf(self, "self of topk"), k, dim, largest, sorted)) as [Tensor, Tensor];
}

const $sort_stable_stable = operator("sort", "stable", "self stable dim descending");
const sort_stable$options = new Set(["stable", "dim", "descending"]);
/**
 * `aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)`
 */
export function sort_stable(self: Tensor, options: { stable?: boolean | undefined; dim?: number | undefined; descending?: boolean | undefined } = {}): [Tensor, Tensor] {
  if (arguments.length > 2) tooMany("sort_stable", 2, arguments.length);
  if (arguments.length === 2) checkOptions("sort_stable", options, sort_stable$options);
  return adoptList($sort_stable_stable()(slotOf(self, "self of sort_stable"), options.stable ?? true, options.dim, options.descending)) as [Tensor, Tensor];
}

const $softmax_int = operator("softmax", "int", "self dim dtype");
/**
 * `aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor`
 */
export function softmax(self: Tensor, dim: number, dtype_?: DType | null): Tensor {
  if (arguments.length > 3) tooMany("softmax", 3, arguments.length);
  return adopt($softmax_int()(slotOf(self, "self of softmax"), dim, dtype(dtype_)));
}

const $log_softmax_int = operator("log_softmax", "int", "self dim dtype");
/**
 * `aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor`
 */
export function log_softmax(self: Tensor, dim: number, dtype_?: DType | null): Tensor {
  if (arguments.length > 3) tooMany("log_softmax", 3, arguments.length);
  return adopt($log_softmax_int()(slotOf(self, "self of log_softmax"), dim, dtype(dtype_)));
}

const $bincount = operator("bincount", "", "self weights minlength");
/**
 * `aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor`
 */
export function bincount(self: Tensor, weights?: Tensor | null, minlength?: number): Tensor {
  if (arguments.length > 3) tooMany("bincount", 3, arguments.length);
  return adopt($bincount()(slotOf(self, "self of bincount"), weights === undefined || weights === null ? weights : slotOf(weights, "weights of bincount"), minlength));
}

const $linalg_vector_norm = operator("linalg_vector_norm", "", "self ord dim keepdim dtype");
const linalg_vector_norm$options = new Set(["dtype"]);
/**
 * `aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function linalg_vector_norm(self: Tensor, ord?: number, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 5) tooMany("linalg_vector_norm", 5, arguments.length);
  if (arguments.length === 5) checkOptions("linalg_vector_norm", options, linalg_vector_norm$options);
  return adopt($linalg_vector_norm()(slotOf(self, "self of linalg_vector_norm"), ord, dim, keepdim, dtype(options.dtype)));
}

const $matmul = operator("matmul", "", "self other");
/**
 * `aten::matmul(Tensor self, Tensor other) -> Tensor`
 */
export function matmul(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("matmul", 2, arguments.length);
  return adopt($matmul()(slotOf(self, "self of matmul"), slotOf(other, "other of matmul")));
}

const $mm = operator("mm", "", "self mat2");
/**
 * `aten::mm(Tensor self, Tensor mat2) -> Tensor`
 */
export function mm(self: Tensor, mat2: Tensor): Tensor {
  if (arguments.length > 2) tooMany("mm", 2, arguments.length);
  return adopt($mm()(slotOf(self, "self of mm"), slotOf(mat2, "mat2 of mm")));
}

const $bmm = operator("bmm", "", "self mat2");
/**
 * `aten::bmm(Tensor self, Tensor mat2) -> Tensor`
 */
export function bmm(self: Tensor, mat2: Tensor): Tensor {
  if (arguments.length > 2) tooMany("bmm", 2, arguments.length);
  return adopt($bmm()(slotOf(self, "self of bmm"), slotOf(mat2, "mat2 of bmm")));
}

const $addmm = operator("addmm", "", "self mat1 mat2 beta alpha");
const addmm$options = new Set(["beta", "alpha"]);
/**
 * `aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor`
 */
export function addmm(self: Tensor, mat1: Tensor, mat2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addmm", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addmm", options, addmm$options);
  return adopt($addmm()(slotOf(self, "self of addmm"), slotOf(mat1, "mat1 of addmm"), slotOf(mat2, "mat2 of addmm"), options.beta, options.alpha));
}

const $addmm_ = operator("addmm_", "", "self mat1 mat2 beta alpha");
const addmm_$options = new Set(["beta", "alpha"]);
/**
 * `aten::addmm_(Tensor(a!) self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor(a!)`
 */
export function addmm_(self: Tensor, mat1: Tensor, mat2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addmm_", 4, arguments.length);
  if (arguments.length === 4) checkOptions("addmm_", options, addmm_$options);
  $addmm_()(slotOf(self, "self of addmm_"), slotOf(mat1, "mat1 of addmm_"), slotOf(mat2, "mat2 of addmm_"), options.beta, options.alpha);
  return self;
}

const $baddbmm = operator("baddbmm", "", "self batch1 batch2 beta alpha");
const baddbmm$options = new Set(["beta", "alpha"]);
/**
 * `aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor`
 */
export function baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("baddbmm", 4, arguments.length);
  if (arguments.length === 4) checkOptions("baddbmm", options, baddbmm$options);
  return adopt($baddbmm()(slotOf(self, "self of baddbmm"), slotOf(batch1, "batch1 of baddbmm"), slotOf(batch2, "batch2 of baddbmm"), options.beta, options.alpha));
}

const $linear = operator("linear", "", "input weight bias");
/**
 * `aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor`
 */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  if (arguments.length > 3) tooMany("linear", 3, arguments.length);
  return adopt($linear()(slotOf(input, "input of linear"), slotOf(weight, "weight of linear"), bias === undefined || bias === null ? bias : slotOf(bias, "bias of linear")));
}

const $einsum = operator("einsum", "", "equation tensors path");
const einsum$options = new Set(["path"]);
/**
 * `aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor`
 */
export function einsum(equation: string, tensors: readonly Tensor[], options: { path?: readonly number[] | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("einsum", 3, arguments.length);
  if (arguments.length === 3) checkOptions("einsum", options, einsum$options);
  return adopt($einsum()(equation, slotsOf(tensors, "tensors of einsum"), options.path));
}

const $cdist = operator("cdist", "", "x1 x2 p compute_mode");
/**
 * `aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor`
 */
export function cdist(x1: Tensor, x2: Tensor, p?: number, compute_mode?: number | null): Tensor {
  if (arguments.length > 4) tooMany("cdist", 4, arguments.length);
  return adopt($cdist()(slotOf(x1, "x1 of cdist"), slotOf(x2, "x2 of cdist"), p, compute_mode));
}

const $linalg_eigh = operator("linalg_eigh", "", "self UPLO");
/**
 * `aten::linalg_eigh(Tensor self, str UPLO="L") -> (Tensor eigenvalues, Tensor eigenvectors)`
 */
export function linalg_eigh(self: Tensor, UPLO?: string): [Tensor, Tensor] {
  if (arguments.length > 2) tooMany("linalg_eigh", 2, arguments.length);
  return adoptList($linalg_eigh()(slotOf(self, "self of linalg_eigh"), UPLO)) as [Tensor, Tensor];
}

const $linalg_eigvalsh = operator("linalg_eigvalsh", "", "self UPLO");
/**
 * `aten::linalg_eigvalsh(Tensor self, str UPLO="L") -> Tensor`
 */
export function linalg_eigvalsh(self: Tensor, UPLO?: string): Tensor {
  if (arguments.length > 2) tooMany("linalg_eigvalsh", 2, arguments.length);
  return adopt($linalg_eigvalsh()(slotOf(self, "self of linalg_eigvalsh"), UPLO));
}

const $linalg_eigvals = operator("linalg_eigvals", "", "self");
/**
 * `aten::linalg_eigvals(Tensor self) -> Tensor`
 */
export function linalg_eigvals(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("linalg_eigvals", 1, arguments.length);
  return adopt($linalg_eigvals()(slotOf(self, "self of linalg_eigvals")));
}

const $view_as_real = operator("view_as_real", "", "self");
/**
 * `aten::view_as_real(Tensor(a) self) -> Tensor(a)`
 */
export function view_as_real(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("view_as_real", 1, arguments.length);
  return adopt($view_as_real()(slotOf(self, "self of view_as_real")));
}

const $linalg_svd = operator("linalg_svd", "", "A full_matrices driver");
const linalg_svd$options = new Set(["driver"]);
/**
 * `aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)`
 */
export function linalg_svd(A: Tensor, full_matrices?: boolean, options: { driver?: string | undefined } = {}): [Tensor, Tensor, Tensor] {
  if (arguments.length > 3) tooMany("linalg_svd", 3, arguments.length);
  if (arguments.length === 3) checkOptions("linalg_svd", options, linalg_svd$options);
  return adoptList($linalg_svd()(slotOf(A, "A of linalg_svd"), full_matrices, options.driver)) as [Tensor, Tensor, Tensor];
}

const $linalg_cholesky = operator("linalg_cholesky", "", "self upper");
const linalg_cholesky$options = new Set(["upper"]);
/**
 * `aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor`
 */
export function linalg_cholesky(self: Tensor, options: { upper?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("linalg_cholesky", 2, arguments.length);
  if (arguments.length === 2) checkOptions("linalg_cholesky", options, linalg_cholesky$options);
  return adopt($linalg_cholesky()(slotOf(self, "self of linalg_cholesky"), options.upper));
}

const $relu = operator("relu", "", "self");
/**
 * `aten::relu(Tensor self) -> Tensor`
 */
export function relu(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("relu", 1, arguments.length);
  return adopt($relu()(slotOf(self, "self of relu")));
}

const $relu_ = operator("relu_", "", "self");
/**
 * `aten::relu_(Tensor(a!) self) -> Tensor(a!)`
 */
export function relu_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("relu_", 1, arguments.length);
  $relu_()(slotOf(self, "self of relu_"));
  return self;
}

const $sigmoid = operator("sigmoid", "", "self");
/**
 * `aten::sigmoid(Tensor self) -> Tensor`
 */
export function sigmoid(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sigmoid", 1, arguments.length);
  return adopt($sigmoid()(slotOf(self, "self of sigmoid")));
}

const $silu = operator("silu", "", "self");
/**
 * `aten::silu(Tensor self) -> Tensor`
 */
export function silu(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("silu", 1, arguments.length);
  return adopt($silu()(slotOf(self, "self of silu")));
}

const $silu_ = operator("silu_", "", "self");
/**
 * `aten::silu_(Tensor(a!) self) -> Tensor(a!)`
 */
export function silu_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("silu_", 1, arguments.length);
  $silu_()(slotOf(self, "self of silu_"));
  return self;
}

const $gelu = operator("gelu", "", "self approximate");
const gelu$options = new Set(["approximate"]);
/**
 * `aten::gelu(Tensor self, *, str approximate="none") -> Tensor`
 */
export function gelu(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("gelu", 2, arguments.length);
  if (arguments.length === 2) checkOptions("gelu", options, gelu$options);
  return adopt($gelu()(slotOf(self, "self of gelu"), options.approximate));
}

const $gelu_ = operator("gelu_", "", "self approximate");
const gelu_$options = new Set(["approximate"]);
/**
 * `aten::gelu_(Tensor(a!) self, *, str approximate="none") -> Tensor(a!)`
 */
export function gelu_(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("gelu_", 2, arguments.length);
  if (arguments.length === 2) checkOptions("gelu_", options, gelu_$options);
  $gelu_()(slotOf(self, "self of gelu_"), options.approximate);
  return self;
}

const $layer_norm = operator("layer_norm", "", "input normalized_shape weight bias eps");
/**
 * `aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor`
 */
export function layer_norm(input: Tensor, normalized_shape: readonly number[], weight?: Tensor | null, bias?: Tensor | null, eps?: number): Tensor {
  if (arguments.length > 5) tooMany("layer_norm", 5, arguments.length);
  return adopt($layer_norm()(slotOf(input, "input of layer_norm"), normalized_shape, weight === undefined || weight === null ? weight : slotOf(weight, "weight of layer_norm"), bias === undefined || bias === null ? bias : slotOf(bias, "bias of layer_norm"), eps));
}

const $group_norm = operator("group_norm", "", "input num_groups weight bias eps");
/**
 * `aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor`
 */
export function group_norm(input: Tensor, num_groups: number, weight?: Tensor | null, bias?: Tensor | null, eps?: number): Tensor {
  if (arguments.length > 5) tooMany("group_norm", 5, arguments.length);
  return adopt($group_norm()(slotOf(input, "input of group_norm"), num_groups, weight === undefined || weight === null ? weight : slotOf(weight, "weight of group_norm"), bias === undefined || bias === null ? bias : slotOf(bias, "bias of group_norm"), eps));
}

const $batch_norm = operator("batch_norm", "", "input weight bias running_mean running_var training momentum eps cudnn_enabled");
/**
 * `aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor`
 */
export function batch_norm(input: Tensor, weight: Tensor | null, bias: Tensor | null, running_mean: Tensor | null, running_var: Tensor | null, training: boolean, momentum: number, eps: number): Tensor {
  if (arguments.length > 8) tooMany("batch_norm", 8, arguments.length);
  return adopt($batch_norm()(slotOf(input, "input of batch_norm"), weight === undefined || weight === null ? weight : slotOf(weight, "weight of batch_norm"), bias === undefined || bias === null ? bias : slotOf(bias, "bias of batch_norm"), running_mean === undefined || running_mean === null ? running_mean : slotOf(running_mean, "running_mean of batch_norm"), running_var === undefined || running_var === null ? running_var : slotOf(running_var, "running_var of batch_norm"), training, momentum, eps, true));
}

const $embedding = operator("embedding", "", "weight indices padding_idx");
/**
 * `aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor`
 */
export function embedding(weight: Tensor, indices: Tensor, padding_idx?: number): Tensor {
  if (arguments.length > 3) tooMany("embedding", 3, arguments.length);
  return adopt($embedding()(slotOf(weight, "weight of embedding"), slotOf(indices, "indices of embedding"), padding_idx));
}

const $dropout = operator("dropout", "", "input p train");
/**
 * `aten::dropout(Tensor input, float p, bool train) -> Tensor`
 */
export function dropout(input: Tensor, p: number, train: boolean): Tensor {
  if (arguments.length > 3) tooMany("dropout", 3, arguments.length);
  return adopt($dropout()(slotOf(input, "input of dropout"), p, train));
}

const $conv2d = operator("conv2d", "", "input weight bias stride padding dilation groups");
/**
 * `aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor`
 */
export function conv2d(input: Tensor, weight: Tensor, bias?: Tensor | null, stride?: number | readonly number[], padding?: number | readonly number[], dilation?: number | readonly number[], groups?: number): Tensor {
  if (arguments.length > 7) tooMany("conv2d", 7, arguments.length);
  return adopt($conv2d()(slotOf(input, "input of conv2d"), slotOf(weight, "weight of conv2d"), bias === undefined || bias === null ? bias : slotOf(bias, "bias of conv2d"), stride, padding, dilation, groups));
}

const $avg_pool2d = operator("avg_pool2d", "", "self kernel_size stride padding ceil_mode count_include_pad divisor_override");
/**
 * `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor`
 */
export function avg_pool2d(self: Tensor, kernel_size: number | readonly number[], stride?: number | readonly number[], padding?: number | readonly number[], ceil_mode?: boolean, count_include_pad?: boolean, divisor_override?: number | null): Tensor {
  if (arguments.length > 7) tooMany("avg_pool2d", 7, arguments.length);
  return adopt($avg_pool2d()(slotOf(self, "self of avg_pool2d"), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override));
}

const $max_pool2d = operator("max_pool2d", "", "self kernel_size stride padding dilation ceil_mode");
/**
 * `aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor`
 */
export function max_pool2d(self: Tensor, kernel_size: number | readonly number[], stride?: number | readonly number[], padding?: number | readonly number[], dilation?: number | readonly number[], ceil_mode?: boolean): Tensor {
  if (arguments.length > 6) tooMany("max_pool2d", 6, arguments.length);
  return adopt($max_pool2d()(slotOf(self, "self of max_pool2d"), kernel_size, stride, padding, dilation, ceil_mode));
}

const $adaptive_avg_pool2d = operator("adaptive_avg_pool2d", "", "self output_size");
/**
 * `aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor`
 */
export function adaptive_avg_pool2d(self: Tensor, output_size: number | readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("adaptive_avg_pool2d", 2, arguments.length);
  return adopt($adaptive_avg_pool2d()(slotOf(self, "self of adaptive_avg_pool2d"), output_size));
}

const $upsample_nearest2d = operator("upsample_nearest2d", "", "self output_size scales_h scales_w");
/**
 * `aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor`
 */
export function upsample_nearest2d(self: Tensor, output_size: number | readonly number[], scales_h?: number | null, scales_w?: number | null): Tensor {
  if (arguments.length > 4) tooMany("upsample_nearest2d", 4, arguments.length);
  return adopt($upsample_nearest2d()(slotOf(self, "self of upsample_nearest2d"), output_size, scales_h, scales_w));
}

const $upsample_bilinear2d = operator("upsample_bilinear2d", "", "self output_size align_corners scales_h scales_w");
/**
 * `aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor`
 */
export function upsample_bilinear2d(self: Tensor, output_size: number | readonly number[], align_corners: boolean, scales_h?: number | null, scales_w?: number | null): Tensor {
  if (arguments.length > 5) tooMany("upsample_bilinear2d", 5, arguments.length);
  return adopt($upsample_bilinear2d()(slotOf(self, "self of upsample_bilinear2d"), output_size, align_corners, scales_h, scales_w));
}

const $scaled_dot_product_attention = operator("scaled_dot_product_attention", "", "query key value attn_mask dropout_p is_causal scale enable_gqa");
const scaled_dot_product_attention$options = new Set(["scale", "enable_gqa"]);
/**
 * `aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor`
 */
export function scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask?: Tensor | null, dropout_p?: number, is_causal?: boolean, options: { scale?: number | undefined; enable_gqa?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 7) tooMany("scaled_dot_product_attention", 7, arguments.length);
  if (arguments.length === 7) checkOptions("scaled_dot_product_attention", options, scaled_dot_product_attention$options);
  return adopt($scaled_dot_product_attention()(slotOf(query, "query of scaled_dot_product_attention"), slotOf(key, "key of scaled_dot_product_attention"), slotOf(value, "value of scaled_dot_product_attention"), attn_mask === undefined || attn_mask === null ? attn_mask : slotOf(attn_mask, "attn_mask of scaled_dot_product_attention"), dropout_p, is_causal, options.scale, options.enable_gqa));
}

const $cross_entropy_loss = operator("cross_entropy_loss", "", "self target weight reduction ignore_index label_smoothing");
/**
 * `aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor`
 */
export function cross_entropy_loss(self: Tensor, target: Tensor, weight?: Tensor | null, reduction?: Reduction, ignore_index?: number, label_smoothing?: number): Tensor {
  if (arguments.length > 6) tooMany("cross_entropy_loss", 6, arguments.length);
  return adopt($cross_entropy_loss()(slotOf(self, "self of cross_entropy_loss"), slotOf(target, "target of cross_entropy_loss"), weight === undefined || weight === null ? weight : slotOf(weight, "weight of cross_entropy_loss"), reductionCode(reduction), ignore_index, label_smoothing));
}

const $mse_loss = operator("mse_loss", "", "self target reduction");
/**
 * `aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor`
 */
export function mse_loss(self: Tensor, target: Tensor, reduction?: Reduction): Tensor {
  if (arguments.length > 3) tooMany("mse_loss", 3, arguments.length);
  return adopt($mse_loss()(slotOf(self, "self of mse_loss"), slotOf(target, "target of mse_loss"), reductionCode(reduction)));
}

const $l1_loss = operator("l1_loss", "", "self target reduction");
/**
 * `aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor`
 */
export function l1_loss(self: Tensor, target: Tensor, reduction?: Reduction): Tensor {
  if (arguments.length > 3) tooMany("l1_loss", 3, arguments.length);
  return adopt($l1_loss()(slotOf(self, "self of l1_loss"), slotOf(target, "target of l1_loss"), reductionCode(reduction)));
}

const $binary_cross_entropy_with_logits = operator("binary_cross_entropy_with_logits", "", "self target weight pos_weight reduction");
/**
 * `aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor`
 */
export function binary_cross_entropy_with_logits(self: Tensor, target: Tensor, weight?: Tensor | null, pos_weight?: Tensor | null, reduction?: Reduction): Tensor {
  if (arguments.length > 5) tooMany("binary_cross_entropy_with_logits", 5, arguments.length);
  return adopt($binary_cross_entropy_with_logits()(slotOf(self, "self of binary_cross_entropy_with_logits"), slotOf(target, "target of binary_cross_entropy_with_logits"), weight === undefined || weight === null ? weight : slotOf(weight, "weight of binary_cross_entropy_with_logits"), pos_weight === undefined || pos_weight === null ? pos_weight : slotOf(pos_weight, "pos_weight of binary_cross_entropy_with_logits"), reductionCode(reduction)));
}

const $normal_ = operator("normal_", "", "self mean std");
/**
 * `aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function normal_(self: Tensor, mean?: number, std?: number): Tensor {
  if (arguments.length > 3) tooMany("normal_", 3, arguments.length);
  $normal_()(slotOf(self, "self of normal_"), mean, std);
  return self;
}

const $uniform_ = operator("uniform_", "", "self from to");
/**
 * `aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function uniform_(self: Tensor, from?: number, to?: number): Tensor {
  if (arguments.length > 3) tooMany("uniform_", 3, arguments.length);
  $uniform_()(slotOf(self, "self of uniform_"), from, to);
  return self;
}

const $exponential_ = operator("exponential_", "", "self lambd");
/**
 * `aten::exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function exponential_(self: Tensor, lambd?: number): Tensor {
  if (arguments.length > 2) tooMany("exponential_", 2, arguments.length);
  $exponential_()(slotOf(self, "self of exponential_"), lambd);
  return self;
}

const $bernoulli__float = operator("bernoulli_", "float", "self p");
/**
 * `aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)`
 */
export function bernoulli_(self: Tensor, p?: number): Tensor {
  if (arguments.length > 2) tooMany("bernoulli_", 2, arguments.length);
  $bernoulli__float()(slotOf(self, "self of bernoulli_"), p);
  return self;
}

const $multinomial = operator("multinomial", "", "self num_samples replacement");
/**
 * `aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor`
 */
export function multinomial(self: Tensor, num_samples: number, replacement?: boolean): Tensor {
  if (arguments.length > 3) tooMany("multinomial", 3, arguments.length);
  return adopt($multinomial()(slotOf(self, "self of multinomial"), num_samples, replacement));
}

const $_foreach_add_scalar__Scalar = operator("_foreach_add_", "Scalar", "self scalar");
/**
 * `aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_add_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_add_scalar_", 2, arguments.length);
  $_foreach_add_scalar__Scalar()(slotsOf(self, "self of _foreach_add_scalar_"), scalar);
}

const $_foreach_add__List = operator("_foreach_add_", "List", "self other alpha");
const _foreach_add_$options = new Set(["alpha"]);
/**
 * `aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()`
 */
export function _foreach_add_(self: readonly Tensor[], other: readonly Tensor[], options: { alpha?: number | undefined } = {}): void {
  if (arguments.length > 3) tooMany("_foreach_add_", 3, arguments.length);
  if (arguments.length === 3) checkOptions("_foreach_add_", options, _foreach_add_$options);
  $_foreach_add__List()(slotsOf(self, "self of _foreach_add_"), slotsOf(other, "other of _foreach_add_"), options.alpha);
}

const $_foreach_mul_scalar__Scalar = operator("_foreach_mul_", "Scalar", "self scalar");
/**
 * `aten::_foreach_mul_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_mul_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_mul_scalar_", 2, arguments.length);
  $_foreach_mul_scalar__Scalar()(slotsOf(self, "self of _foreach_mul_scalar_"), scalar);
}

const $_foreach_mul_scalars__ScalarList = operator("_foreach_mul_", "ScalarList", "self scalars");
/**
 * `aten::_foreach_mul_.ScalarList(Tensor(a!)[] self, Scalar[] scalars) -> ()`
 */
export function _foreach_mul_scalars_(self: readonly Tensor[], scalars: readonly number[]): void {
  if (arguments.length > 2) tooMany("_foreach_mul_scalars_", 2, arguments.length);
  $_foreach_mul_scalars__ScalarList()(slotsOf(self, "self of _foreach_mul_scalars_"), scalars);
}

const $_foreach_mul__List = operator("_foreach_mul_", "List", "self other");
/**
 * `aten::_foreach_mul_.List(Tensor(a!)[] self, Tensor[] other) -> ()`
 */
export function _foreach_mul_(self: readonly Tensor[], other: readonly Tensor[]): void {
  if (arguments.length > 2) tooMany("_foreach_mul_", 2, arguments.length);
  $_foreach_mul__List()(slotsOf(self, "self of _foreach_mul_"), slotsOf(other, "other of _foreach_mul_"));
}

const $_foreach_mul_tensor__Tensor = operator("_foreach_mul_", "Tensor", "self other");
/**
 * `aten::_foreach_mul_.Tensor(Tensor(a!)[] self, Tensor other) -> ()`
 */
export function _foreach_mul_tensor_(self: readonly Tensor[], other: Tensor): void {
  if (arguments.length > 2) tooMany("_foreach_mul_tensor_", 2, arguments.length);
  $_foreach_mul_tensor__Tensor()(slotsOf(self, "self of _foreach_mul_tensor_"), slotOf(other, "other of _foreach_mul_tensor_"));
}

const $_foreach_div_scalar__Scalar = operator("_foreach_div_", "Scalar", "self scalar");
/**
 * `aten::_foreach_div_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_div_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_div_scalar_", 2, arguments.length);
  $_foreach_div_scalar__Scalar()(slotsOf(self, "self of _foreach_div_scalar_"), scalar);
}

const $_foreach_div__List = operator("_foreach_div_", "List", "self other");
/**
 * `aten::_foreach_div_.List(Tensor(a!)[] self, Tensor[] other) -> ()`
 */
export function _foreach_div_(self: readonly Tensor[], other: readonly Tensor[]): void {
  if (arguments.length > 2) tooMany("_foreach_div_", 2, arguments.length);
  $_foreach_div__List()(slotsOf(self, "self of _foreach_div_"), slotsOf(other, "other of _foreach_div_"));
}

const $_foreach_addcmul__Scalar = operator("_foreach_addcmul_", "Scalar", "self tensor1 tensor2 value");
/**
 * `aten::_foreach_addcmul_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()`
 */
export function _foreach_addcmul_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], value?: number): void {
  if (arguments.length > 4) tooMany("_foreach_addcmul_", 4, arguments.length);
  $_foreach_addcmul__Scalar()(slotsOf(self, "self of _foreach_addcmul_"), slotsOf(tensor1, "tensor1 of _foreach_addcmul_"), slotsOf(tensor2, "tensor2 of _foreach_addcmul_"), value);
}

const $_foreach_addcdiv__Scalar = operator("_foreach_addcdiv_", "Scalar", "self tensor1 tensor2 value");
/**
 * `aten::_foreach_addcdiv_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()`
 */
export function _foreach_addcdiv_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], value?: number): void {
  if (arguments.length > 4) tooMany("_foreach_addcdiv_", 4, arguments.length);
  $_foreach_addcdiv__Scalar()(slotsOf(self, "self of _foreach_addcdiv_"), slotsOf(tensor1, "tensor1 of _foreach_addcdiv_"), slotsOf(tensor2, "tensor2 of _foreach_addcdiv_"), value);
}

const $_foreach_sqrt = operator("_foreach_sqrt", "", "self");
/**
 * `aten::_foreach_sqrt(Tensor[] self) -> Tensor[]`
 */
export function _foreach_sqrt(self: readonly Tensor[]): Tensor[] {
  if (arguments.length > 1) tooMany("_foreach_sqrt", 1, arguments.length);
  return adoptList($_foreach_sqrt()(slotsOf(self, "self of _foreach_sqrt")));
}

const $_foreach_zero_ = operator("_foreach_zero_", "", "self");
/**
 * `aten::_foreach_zero_(Tensor(a!)[] self) -> ()`
 */
export function _foreach_zero_(self: readonly Tensor[]): void {
  if (arguments.length > 1) tooMany("_foreach_zero_", 1, arguments.length);
  $_foreach_zero_()(slotsOf(self, "self of _foreach_zero_"));
}

const $_foreach_norm_Scalar = operator("_foreach_norm", "Scalar", "self ord dtype");
/**
 * `aten::_foreach_norm.Scalar(Tensor[] self, Scalar ord=2, ScalarType? dtype=None) -> Tensor[]`
 */
export function _foreach_norm(self: readonly Tensor[], ord?: number, dtype_?: DType | null): Tensor[] {
  if (arguments.length > 3) tooMany("_foreach_norm", 3, arguments.length);
  return adoptList($_foreach_norm_Scalar()(slotsOf(self, "self of _foreach_norm"), ord, dtype(dtype_)));
}

const $_foreach_sub_List = operator("_foreach_sub", "List", "self other alpha");
const _foreach_sub$options = new Set(["alpha"]);
/**
 * `aten::_foreach_sub.List(Tensor[] self, Tensor[] other, *, Scalar alpha=1) -> Tensor[]`
 */
export function _foreach_sub(self: readonly Tensor[], other: readonly Tensor[], options: { alpha?: number | undefined } = {}): Tensor[] {
  if (arguments.length > 3) tooMany("_foreach_sub", 3, arguments.length);
  if (arguments.length === 3) checkOptions("_foreach_sub", options, _foreach_sub$options);
  return adoptList($_foreach_sub_List()(slotsOf(self, "self of _foreach_sub"), slotsOf(other, "other of _foreach_sub"), options.alpha));
}

const $_foreach_lerp__Scalar = operator("_foreach_lerp_", "Scalar", "self tensors1 weight");
/**
 * `aten::_foreach_lerp_.Scalar(Tensor(a!)[] self, Tensor[] tensors1, Scalar weight) -> ()`
 */
export function _foreach_lerp_(self: readonly Tensor[], tensors1: readonly Tensor[], weight: number): void {
  if (arguments.length > 3) tooMany("_foreach_lerp_", 3, arguments.length);
  $_foreach_lerp__Scalar()(slotsOf(self, "self of _foreach_lerp_"), slotsOf(tensors1, "tensors1 of _foreach_lerp_"), weight);
}

const $_foreach_copy_ = operator("_foreach_copy_", "", "self src non_blocking");
/**
 * `aten::_foreach_copy_(Tensor(a!)[] self, Tensor[] src, bool non_blocking=False) -> ()`
 */
export function _foreach_copy_(self: readonly Tensor[], src: readonly Tensor[], non_blocking?: boolean): void {
  if (arguments.length > 3) tooMany("_foreach_copy_", 3, arguments.length);
  $_foreach_copy_()(slotsOf(self, "self of _foreach_copy_"), slotsOf(src, "src of _foreach_copy_"), non_blocking);
}

const $_fused_adamw_ = operator("_fused_adamw_", "", "self grads exp_avgs exp_avg_sqs max_exp_avg_sqs state_steps lr beta1 beta2 weight_decay eps amsgrad maximize grad_scale found_inf");
const _fused_adamw_$options = new Set(["lr", "beta1", "beta2", "weight_decay", "eps", "amsgrad", "maximize", "grad_scale", "found_inf"]);
/**
 * `aten::_fused_adamw_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()`
 */
export function _fused_adamw_(self: readonly Tensor[], grads: readonly Tensor[], exp_avgs: readonly Tensor[], exp_avg_sqs: readonly Tensor[], max_exp_avg_sqs: readonly Tensor[], state_steps: readonly Tensor[], options: { lr: number; beta1: number; beta2: number; weight_decay: number; eps: number; amsgrad: boolean; maximize: boolean; grad_scale?: Tensor | undefined; found_inf?: Tensor | undefined }): void {
  if (arguments.length > 7) tooMany("_fused_adamw_", 7, arguments.length);
  if (arguments.length === 7) checkOptions("_fused_adamw_", options, _fused_adamw_$options);
  $_fused_adamw_()(slotsOf(self, "self of _fused_adamw_"), slotsOf(grads, "grads of _fused_adamw_"), slotsOf(exp_avgs, "exp_avgs of _fused_adamw_"), slotsOf(exp_avg_sqs, "exp_avg_sqs of _fused_adamw_"), slotsOf(max_exp_avg_sqs, "max_exp_avg_sqs of _fused_adamw_"), slotsOf(state_steps, "state_steps of _fused_adamw_"), options.lr, options.beta1, options.beta2, options.weight_decay, options.eps, options.amsgrad, options.maximize, options.grad_scale === undefined || options.grad_scale === null ? options.grad_scale : slotOf(options.grad_scale, "grad_scale of _fused_adamw_"), options.found_inf === undefined || options.found_inf === null ? options.found_inf : slotOf(options.found_inf, "found_inf of _fused_adamw_"));
}
