// Generated from operators.txt by scripts/generate-operators.mjs; do not edit.
/** PyTorch's operators under their own names. Positional arguments first, keyword arguments as an object. */
import type { DType } from "./dtype.js";
import { dtype, type MemoryFormat, memoryFormat, operator, tooMany } from "./operator.js";
import { adopt, slotOf, slotsOf, Tensor } from "./tensor.js";

const $zeros = operator("zeros", "", "size dtype device pin_memory");
/**
 * `aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function zeros(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("zeros", 2, arguments.length);
  return adopt($zeros()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $ones = operator("ones", "", "size dtype device pin_memory");
/**
 * `aten::ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function ones(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("ones", 2, arguments.length);
  return adopt($ones()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $empty_memory_format = operator("empty", "memory_format", "size dtype device pin_memory memory_format");
/**
 * `aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function empty(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("empty", 2, arguments.length);
  return adopt($empty_memory_format()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $full = operator("full", "", "size fill_value dtype device pin_memory");
/**
 * `aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function full(size: readonly number[], fill_value: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("full", 3, arguments.length);
  return adopt($full()(size, fill_value, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $arange_start_step = operator("arange", "start_step", "start end step dtype device pin_memory");
/**
 * `aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function arange(start: number, end: number, step?: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("arange", 4, arguments.length);
  return adopt($arange_start_step()(start, end, step, dtype(options.dtype ?? "int64"), options.device, options.pin_memory));
}

const $linspace = operator("linspace", "", "start end steps dtype device pin_memory");
/**
 * `aten::linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function linspace(start: number, end: number, steps: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("linspace", 4, arguments.length);
  return adopt($linspace()(start, end, steps, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $eye = operator("eye", "", "n dtype device pin_memory");
/**
 * `aten::eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function eye(n: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("eye", 2, arguments.length);
  return adopt($eye()(n, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $zeros_like = operator("zeros_like", "", "self dtype device pin_memory memory_format");
/**
 * `aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function zeros_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("zeros_like", 2, arguments.length);
  return adopt($zeros_like()(slotOf(self), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $ones_like = operator("ones_like", "", "self dtype device pin_memory memory_format");
/**
 * `aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function ones_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("ones_like", 2, arguments.length);
  return adopt($ones_like()(slotOf(self), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $empty_like = operator("empty_like", "", "self dtype device pin_memory memory_format");
/**
 * `aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function empty_like(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("empty_like", 2, arguments.length);
  return adopt($empty_like()(slotOf(self), dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $full_like = operator("full_like", "", "self fill_value dtype device pin_memory memory_format");
/**
 * `aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor`
 */
export function full_like(self: Tensor, fill_value: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("full_like", 3, arguments.length);
  return adopt($full_like()(slotOf(self), fill_value, dtype(options.dtype), options.device, options.pin_memory, memoryFormat(options.memory_format)));
}

const $rand = operator("rand", "", "size dtype device pin_memory");
/**
 * `aten::rand(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function rand(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("rand", 2, arguments.length);
  return adopt($rand()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $randn = operator("randn", "", "size dtype device pin_memory");
/**
 * `aten::randn(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randn(size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("randn", 2, arguments.length);
  return adopt($randn()(size, dtype(options.dtype ?? "float32"), options.device, options.pin_memory));
}

const $randint_low = operator("randint", "low", "low high size dtype device pin_memory");
/**
 * `aten::randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randint(low: number, high: number, size: readonly number[], options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("randint", 4, arguments.length);
  return adopt($randint_low()(low, high, size, dtype(options.dtype ?? "int64"), options.device, options.pin_memory));
}

const $randperm = operator("randperm", "", "n dtype device pin_memory");
/**
 * `aten::randperm(SymInt n, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor`
 */
export function randperm(n: number, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("randperm", 2, arguments.length);
  return adopt($randperm()(n, dtype(options.dtype ?? "int64"), options.device, options.pin_memory));
}

const $to_dtype_layout = operator("to", "dtype_layout", "self dtype device pin_memory non_blocking copy memory_format");
/**
 * `aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)`
 */
export function to(self: Tensor, options: { dtype?: DType | undefined; device?: string | undefined; pin_memory?: boolean | undefined; non_blocking?: boolean | undefined; copy?: boolean | undefined; memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("to", 2, arguments.length);
  return adopt($to_dtype_layout()(slotOf(self), dtype(options.dtype), options.device, options.pin_memory, options.non_blocking, options.copy, memoryFormat(options.memory_format)));
}

const $clone = operator("clone", "", "self memory_format");
/**
 * `aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor`
 */
export function clone(self: Tensor, options: { memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("clone", 2, arguments.length);
  return adopt($clone()(slotOf(self), memoryFormat(options.memory_format)));
}

const $contiguous = operator("contiguous", "", "self memory_format");
/**
 * `aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)`
 */
export function contiguous(self: Tensor, options: { memory_format?: MemoryFormat | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("contiguous", 2, arguments.length);
  return adopt($contiguous()(slotOf(self), memoryFormat(options.memory_format)));
}

const $copy_ = operator("copy_", "", "self src non_blocking");
/**
 * `aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)`
 */
export function copy_(self: Tensor, src: Tensor, non_blocking?: boolean): Tensor {
  if (arguments.length > 3) tooMany("copy_", 3, arguments.length);
  $copy_()(slotOf(self), slotOf(src), non_blocking);
  return self;
}

const $pin_memory = operator("pin_memory", "", "self device");
/**
 * `aten::pin_memory(Tensor(a) self, Device? device=None) -> Tensor(a)`
 */
export function pin_memory(self: Tensor, device?: string | null): Tensor {
  if (arguments.length > 2) tooMany("pin_memory", 2, arguments.length);
  return adopt($pin_memory()(slotOf(self), device));
}

const $detach = operator("detach", "", "self");
/**
 * `aten::detach(Tensor(a) self) -> Tensor(a)`
 */
export function detach(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("detach", 1, arguments.length);
  return adopt($detach()(slotOf(self)));
}

const $zero_ = operator("zero_", "", "self");
/**
 * `aten::zero_(Tensor(a!) self) -> Tensor(a!)`
 */
export function zero_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("zero_", 1, arguments.length);
  $zero_()(slotOf(self));
  return self;
}

const $fill__Scalar = operator("fill_", "Scalar", "self value");
/**
 * `aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)`
 */
export function fill_(self: Tensor, value: number): Tensor {
  if (arguments.length > 2) tooMany("fill_", 2, arguments.length);
  $fill__Scalar()(slotOf(self), value);
  return self;
}

const $view = operator("view", "", "self size");
/**
 * `aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)`
 */
export function view(self: Tensor, size: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("view", 2, arguments.length);
  return adopt($view()(slotOf(self), size));
}

const $reshape = operator("reshape", "", "self shape");
/**
 * `aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)`
 */
export function reshape(self: Tensor, shape: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("reshape", 2, arguments.length);
  return adopt($reshape()(slotOf(self), shape));
}

const $permute = operator("permute", "", "self dims");
/**
 * `aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)`
 */
export function permute(self: Tensor, dims: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("permute", 2, arguments.length);
  return adopt($permute()(slotOf(self), dims));
}

const $transpose_int = operator("transpose", "int", "self dim0 dim1");
/**
 * `aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)`
 */
export function transpose(self: Tensor, dim0: number, dim1: number): Tensor {
  if (arguments.length > 3) tooMany("transpose", 3, arguments.length);
  return adopt($transpose_int()(slotOf(self), dim0, dim1));
}

const $t = operator("t", "", "self");
/**
 * `aten::t(Tensor(a) self) -> Tensor(a)`
 */
export function t(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("t", 1, arguments.length);
  return adopt($t()(slotOf(self)));
}

const $squeeze_dim = operator("squeeze", "dim", "self dim");
/**
 * `aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)`
 */
export function squeeze(self: Tensor, dim: number): Tensor {
  if (arguments.length > 2) tooMany("squeeze", 2, arguments.length);
  return adopt($squeeze_dim()(slotOf(self), dim));
}

const $unsqueeze = operator("unsqueeze", "", "self dim");
/**
 * `aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)`
 */
export function unsqueeze(self: Tensor, dim: number): Tensor {
  if (arguments.length > 2) tooMany("unsqueeze", 2, arguments.length);
  return adopt($unsqueeze()(slotOf(self), dim));
}

const $expand = operator("expand", "", "self size implicit");
/**
 * `aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)`
 */
export function expand(self: Tensor, size: readonly number[], options: { implicit?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("expand", 3, arguments.length);
  return adopt($expand()(slotOf(self), size, options.implicit));
}

const $flatten_using_ints = operator("flatten", "using_ints", "self start_dim end_dim");
/**
 * `aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)`
 */
export function flatten(self: Tensor, start_dim?: number, end_dim?: number): Tensor {
  if (arguments.length > 3) tooMany("flatten", 3, arguments.length);
  return adopt($flatten_using_ints()(slotOf(self), start_dim, end_dim));
}

const $repeat = operator("repeat", "", "self repeats");
/**
 * `aten::repeat(Tensor self, SymInt[] repeats) -> Tensor`
 */
export function repeat(self: Tensor, repeats: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("repeat", 2, arguments.length);
  return adopt($repeat()(slotOf(self), repeats));
}

const $flip = operator("flip", "", "self dims");
/**
 * `aten::flip(Tensor self, int[] dims) -> Tensor`
 */
export function flip(self: Tensor, dims: readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("flip", 2, arguments.length);
  return adopt($flip()(slotOf(self), dims));
}

const $narrow = operator("narrow", "", "self dim start length");
/**
 * `aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)`
 */
export function narrow(self: Tensor, dim: number, start: number, length: number): Tensor {
  if (arguments.length > 4) tooMany("narrow", 4, arguments.length);
  return adopt($narrow()(slotOf(self), dim, start, length));
}

const $select_int = operator("select", "int", "self dim index");
/**
 * `aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)`
 */
export function select(self: Tensor, dim: number, index: number): Tensor {
  if (arguments.length > 3) tooMany("select", 3, arguments.length);
  return adopt($select_int()(slotOf(self), dim, index));
}

const $slice_Tensor = operator("slice", "Tensor", "self dim start end step");
/**
 * `aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)`
 */
export function slice(self: Tensor, dim?: number, start?: number | null, end?: number | null, step?: number): Tensor {
  if (arguments.length > 5) tooMany("slice", 5, arguments.length);
  return adopt($slice_Tensor()(slotOf(self), dim, start, end, step));
}

const $chunk = operator("chunk", "", "self chunks dim");
/**
 * `aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]`
 */
export function chunk(self: Tensor, chunks: number, dim?: number): Tensor[] {
  if (arguments.length > 3) tooMany("chunk", 3, arguments.length);
  return ($chunk()(slotOf(self), chunks, dim) as number[]).map(adopt) as Tensor[];
}

const $split_Tensor = operator("split", "Tensor", "self split_size dim");
/**
 * `aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]`
 */
export function split(self: Tensor, split_size: number, dim?: number): Tensor[] {
  if (arguments.length > 3) tooMany("split", 3, arguments.length);
  return ($split_Tensor()(slotOf(self), split_size, dim) as number[]).map(adopt) as Tensor[];
}

const $unbind_int = operator("unbind", "int", "self dim");
/**
 * `aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]`
 */
export function unbind(self: Tensor, dim?: number): Tensor[] {
  if (arguments.length > 2) tooMany("unbind", 2, arguments.length);
  return ($unbind_int()(slotOf(self), dim) as number[]).map(adopt) as Tensor[];
}

const $cat = operator("cat", "", "tensors dim");
/**
 * `aten::cat(Tensor[] tensors, int dim=0) -> Tensor`
 */
export function cat(tensors: readonly Tensor[], dim?: number): Tensor {
  if (arguments.length > 2) tooMany("cat", 2, arguments.length);
  return adopt($cat()(slotsOf(tensors), dim));
}

const $stack = operator("stack", "", "tensors dim");
/**
 * `aten::stack(Tensor[] tensors, int dim=0) -> Tensor`
 */
export function stack(tensors: readonly Tensor[], dim?: number): Tensor {
  if (arguments.length > 2) tooMany("stack", 2, arguments.length);
  return adopt($stack()(slotsOf(tensors), dim));
}

const $tril = operator("tril", "", "self diagonal");
/**
 * `aten::tril(Tensor self, SymInt diagonal=0) -> Tensor`
 */
export function tril(self: Tensor, diagonal?: number): Tensor {
  if (arguments.length > 2) tooMany("tril", 2, arguments.length);
  return adopt($tril()(slotOf(self), diagonal));
}

const $triu = operator("triu", "", "self diagonal");
/**
 * `aten::triu(Tensor self, SymInt diagonal=0) -> Tensor`
 */
export function triu(self: Tensor, diagonal?: number): Tensor {
  if (arguments.length > 2) tooMany("triu", 2, arguments.length);
  return adopt($triu()(slotOf(self), diagonal));
}

const $diagonal = operator("diagonal", "", "self offset dim1 dim2");
/**
 * `aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)`
 */
export function diagonal(self: Tensor, offset?: number, dim1?: number, dim2?: number): Tensor {
  if (arguments.length > 4) tooMany("diagonal", 4, arguments.length);
  return adopt($diagonal()(slotOf(self), offset, dim1, dim2));
}

const $constant_pad_nd = operator("constant_pad_nd", "", "self pad value");
/**
 * `aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor`
 */
export function constant_pad_nd(self: Tensor, pad: readonly number[], value?: number): Tensor {
  if (arguments.length > 3) tooMany("constant_pad_nd", 3, arguments.length);
  return adopt($constant_pad_nd()(slotOf(self), pad, value));
}

const $index_select = operator("index_select", "", "self dim index");
/**
 * `aten::index_select(Tensor self, int dim, Tensor index) -> Tensor`
 */
export function index_select(self: Tensor, dim: number, index: Tensor): Tensor {
  if (arguments.length > 3) tooMany("index_select", 3, arguments.length);
  return adopt($index_select()(slotOf(self), dim, slotOf(index)));
}

const $gather = operator("gather", "", "self dim index sparse_grad");
/**
 * `aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor`
 */
export function gather(self: Tensor, dim: number, index: Tensor, options: { sparse_grad?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("gather", 4, arguments.length);
  return adopt($gather()(slotOf(self), dim, slotOf(index), options.sparse_grad));
}

const $index_Tensor = operator("index", "Tensor", "self indices");
/**
 * `aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor`
 */
export function index(self: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  if (arguments.length > 2) tooMany("index", 2, arguments.length);
  return adopt($index_Tensor()(slotOf(self), slotsOf(indices)));
}

const $nonzero = operator("nonzero", "", "self");
/**
 * `aten::nonzero(Tensor self) -> Tensor`
 */
export function nonzero(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("nonzero", 1, arguments.length);
  return adopt($nonzero()(slotOf(self)));
}

const $one_hot = operator("one_hot", "", "self num_classes");
/**
 * `aten::one_hot(Tensor self, int num_classes=-1) -> Tensor`
 */
export function one_hot(self: Tensor, num_classes?: number): Tensor {
  if (arguments.length > 2) tooMany("one_hot", 2, arguments.length);
  return adopt($one_hot()(slotOf(self), num_classes));
}

const $index_copy_ = operator("index_copy_", "", "self dim index source");
/**
 * `aten::index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)`
 */
export function index_copy_(self: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  if (arguments.length > 4) tooMany("index_copy_", 4, arguments.length);
  $index_copy_()(slotOf(self), dim, slotOf(index), slotOf(source));
  return self;
}

const $index_add_ = operator("index_add_", "", "self dim index source alpha");
/**
 * `aten::index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor(a!)`
 */
export function index_add_(self: Tensor, dim: number, index: Tensor, source: Tensor, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 5) tooMany("index_add_", 5, arguments.length);
  $index_add_()(slotOf(self), dim, slotOf(index), slotOf(source), options.alpha);
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
  src instanceof Tensor ? $scatter__src()(slotOf(self), dim, slotOf(index), slotOf(src)) : $scatter__value()(slotOf(self), dim, slotOf(index), src);
  return self;
}

const $scatter_add_ = operator("scatter_add_", "", "self dim index src");
/**
 * `aten::scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)`
 */
export function scatter_add_(self: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  if (arguments.length > 4) tooMany("scatter_add_", 4, arguments.length);
  $scatter_add_()(slotOf(self), dim, slotOf(index), slotOf(src));
  return self;
}

const $masked_fill_Scalar = operator("masked_fill", "Scalar", "self mask value");
/**
 * `aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor`
 */
export function masked_fill(self: Tensor, mask: Tensor, value: number): Tensor {
  if (arguments.length > 3) tooMany("masked_fill", 3, arguments.length);
  return adopt($masked_fill_Scalar()(slotOf(self), slotOf(mask), value));
}

const $masked_fill__Scalar = operator("masked_fill_", "Scalar", "self mask value");
/**
 * `aten::masked_fill_.Scalar(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)`
 */
export function masked_fill_(self: Tensor, mask: Tensor, value: number): Tensor {
  if (arguments.length > 3) tooMany("masked_fill_", 3, arguments.length);
  $masked_fill__Scalar()(slotOf(self), slotOf(mask), value);
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
  return adopt(other instanceof Tensor ? $where_self()(slotOf(condition), slotOf(self), slotOf(other)) : $where_ScalarOther()(slotOf(condition), slotOf(self), other));
}

const $add_Tensor = operator("add", "Tensor", "self other alpha");
const $add_Scalar = operator("add", "Scalar", "self other alpha");
/**
 * `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`
 * `aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor`
 */
export function add(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("add", 3, arguments.length);
  return adopt(other instanceof Tensor ? $add_Tensor()(slotOf(self), slotOf(other), options.alpha) : $add_Scalar()(slotOf(self), other, options.alpha));
}

const $add__Tensor = operator("add_", "Tensor", "self other alpha");
const $add__Scalar = operator("add_", "Scalar", "self other alpha");
/**
 * `aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)`
 * `aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)`
 */
export function add_(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("add_", 3, arguments.length);
  other instanceof Tensor ? $add__Tensor()(slotOf(self), slotOf(other), options.alpha) : $add__Scalar()(slotOf(self), other, options.alpha);
  return self;
}

const $sub_Tensor = operator("sub", "Tensor", "self other alpha");
const $sub_Scalar = operator("sub", "Scalar", "self other alpha");
/**
 * `aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`
 * `aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor`
 */
export function sub(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("sub", 3, arguments.length);
  return adopt(other instanceof Tensor ? $sub_Tensor()(slotOf(self), slotOf(other), options.alpha) : $sub_Scalar()(slotOf(self), other, options.alpha));
}

const $sub__Tensor = operator("sub_", "Tensor", "self other alpha");
const $sub__Scalar = operator("sub_", "Scalar", "self other alpha");
/**
 * `aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)`
 * `aten::sub_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)`
 */
export function sub_(self: Tensor, other: Tensor | number, options: { alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("sub_", 3, arguments.length);
  other instanceof Tensor ? $sub__Tensor()(slotOf(self), slotOf(other), options.alpha) : $sub__Scalar()(slotOf(self), other, options.alpha);
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
  return adopt(other instanceof Tensor ? $mul_Tensor()(slotOf(self), slotOf(other)) : $mul_Scalar()(slotOf(self), other));
}

const $mul__Tensor = operator("mul_", "Tensor", "self other");
const $mul__Scalar = operator("mul_", "Scalar", "self other");
/**
 * `aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`
 * `aten::mul_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`
 */
export function mul_(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("mul_", 2, arguments.length);
  other instanceof Tensor ? $mul__Tensor()(slotOf(self), slotOf(other)) : $mul__Scalar()(slotOf(self), other);
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
  return adopt(other instanceof Tensor ? $div_Tensor()(slotOf(self), slotOf(other)) : $div_Scalar()(slotOf(self), other));
}

const $div__Tensor = operator("div_", "Tensor", "self other");
const $div__Scalar = operator("div_", "Scalar", "self other");
/**
 * `aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`
 * `aten::div_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`
 */
export function div_(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("div_", 2, arguments.length);
  other instanceof Tensor ? $div__Tensor()(slotOf(self), slotOf(other)) : $div__Scalar()(slotOf(self), other);
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
  return adopt(exponent instanceof Tensor ? $pow_Tensor_Tensor()(slotOf(self), slotOf(exponent)) : $pow_Tensor_Scalar()(slotOf(self), exponent));
}

const $floor_divide = operator("floor_divide", "", "self other");
const $floor_divide_Scalar = operator("floor_divide", "Scalar", "self other");
/**
 * `aten::floor_divide(Tensor self, Tensor other) -> Tensor`
 * `aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function floor_divide(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("floor_divide", 2, arguments.length);
  return adopt(other instanceof Tensor ? $floor_divide()(slotOf(self), slotOf(other)) : $floor_divide_Scalar()(slotOf(self), other));
}

const $remainder_Scalar = operator("remainder", "Scalar", "self other");
const $remainder_Tensor = operator("remainder", "Tensor", "self other");
/**
 * `aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor`
 * `aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor`
 */
export function remainder(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("remainder", 2, arguments.length);
  return adopt(other instanceof Tensor ? $remainder_Tensor()(slotOf(self), slotOf(other)) : $remainder_Scalar()(slotOf(self), other));
}

const $addcmul = operator("addcmul", "", "self tensor1 tensor2 value");
/**
 * `aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor`
 */
export function addcmul(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcmul", 4, arguments.length);
  return adopt($addcmul()(slotOf(self), slotOf(tensor1), slotOf(tensor2), options.value));
}

const $addcmul_ = operator("addcmul_", "", "self tensor1 tensor2 value");
/**
 * `aten::addcmul_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)`
 */
export function addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcmul_", 4, arguments.length);
  $addcmul_()(slotOf(self), slotOf(tensor1), slotOf(tensor2), options.value);
  return self;
}

const $addcdiv = operator("addcdiv", "", "self tensor1 tensor2 value");
/**
 * `aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor`
 */
export function addcdiv(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcdiv", 4, arguments.length);
  return adopt($addcdiv()(slotOf(self), slotOf(tensor1), slotOf(tensor2), options.value));
}

const $addcdiv_ = operator("addcdiv_", "", "self tensor1 tensor2 value");
/**
 * `aten::addcdiv_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)`
 */
export function addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addcdiv_", 4, arguments.length);
  $addcdiv_()(slotOf(self), slotOf(tensor1), slotOf(tensor2), options.value);
  return self;
}

const $lerp_Scalar = operator("lerp", "Scalar", "self end weight");
/**
 * `aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor`
 */
export function lerp(self: Tensor, end: Tensor, weight: number): Tensor {
  if (arguments.length > 3) tooMany("lerp", 3, arguments.length);
  return adopt($lerp_Scalar()(slotOf(self), slotOf(end), weight));
}

const $lerp__Scalar = operator("lerp_", "Scalar", "self end weight");
/**
 * `aten::lerp_.Scalar(Tensor(a!) self, Tensor end, Scalar weight) -> Tensor(a!)`
 */
export function lerp_(self: Tensor, end: Tensor, weight: number): Tensor {
  if (arguments.length > 3) tooMany("lerp_", 3, arguments.length);
  $lerp__Scalar()(slotOf(self), slotOf(end), weight);
  return self;
}

const $neg = operator("neg", "", "self");
/**
 * `aten::neg(Tensor self) -> Tensor`
 */
export function neg(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("neg", 1, arguments.length);
  return adopt($neg()(slotOf(self)));
}

const $neg_ = operator("neg_", "", "self");
/**
 * `aten::neg_(Tensor(a!) self) -> Tensor(a!)`
 */
export function neg_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("neg_", 1, arguments.length);
  $neg_()(slotOf(self));
  return self;
}

const $abs = operator("abs", "", "self");
/**
 * `aten::abs(Tensor self) -> Tensor`
 */
export function abs(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("abs", 1, arguments.length);
  return adopt($abs()(slotOf(self)));
}

const $sign = operator("sign", "", "self");
/**
 * `aten::sign(Tensor self) -> Tensor`
 */
export function sign(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sign", 1, arguments.length);
  return adopt($sign()(slotOf(self)));
}

const $reciprocal = operator("reciprocal", "", "self");
/**
 * `aten::reciprocal(Tensor self) -> Tensor`
 */
export function reciprocal(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("reciprocal", 1, arguments.length);
  return adopt($reciprocal()(slotOf(self)));
}

const $sqrt = operator("sqrt", "", "self");
/**
 * `aten::sqrt(Tensor self) -> Tensor`
 */
export function sqrt(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sqrt", 1, arguments.length);
  return adopt($sqrt()(slotOf(self)));
}

const $rsqrt = operator("rsqrt", "", "self");
/**
 * `aten::rsqrt(Tensor self) -> Tensor`
 */
export function rsqrt(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("rsqrt", 1, arguments.length);
  return adopt($rsqrt()(slotOf(self)));
}

const $exp = operator("exp", "", "self");
/**
 * `aten::exp(Tensor self) -> Tensor`
 */
export function exp(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("exp", 1, arguments.length);
  return adopt($exp()(slotOf(self)));
}

const $log = operator("log", "", "self");
/**
 * `aten::log(Tensor self) -> Tensor`
 */
export function log(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("log", 1, arguments.length);
  return adopt($log()(slotOf(self)));
}

const $log1p = operator("log1p", "", "self");
/**
 * `aten::log1p(Tensor self) -> Tensor`
 */
export function log1p(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("log1p", 1, arguments.length);
  return adopt($log1p()(slotOf(self)));
}

const $sin = operator("sin", "", "self");
/**
 * `aten::sin(Tensor self) -> Tensor`
 */
export function sin(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sin", 1, arguments.length);
  return adopt($sin()(slotOf(self)));
}

const $cos = operator("cos", "", "self");
/**
 * `aten::cos(Tensor self) -> Tensor`
 */
export function cos(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("cos", 1, arguments.length);
  return adopt($cos()(slotOf(self)));
}

const $tanh = operator("tanh", "", "self");
/**
 * `aten::tanh(Tensor self) -> Tensor`
 */
export function tanh(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("tanh", 1, arguments.length);
  return adopt($tanh()(slotOf(self)));
}

const $erf = operator("erf", "", "self");
/**
 * `aten::erf(Tensor self) -> Tensor`
 */
export function erf(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("erf", 1, arguments.length);
  return adopt($erf()(slotOf(self)));
}

const $round = operator("round", "", "self");
/**
 * `aten::round(Tensor self) -> Tensor`
 */
export function round(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("round", 1, arguments.length);
  return adopt($round()(slotOf(self)));
}

const $floor = operator("floor", "", "self");
/**
 * `aten::floor(Tensor self) -> Tensor`
 */
export function floor(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("floor", 1, arguments.length);
  return adopt($floor()(slotOf(self)));
}

const $ceil = operator("ceil", "", "self");
/**
 * `aten::ceil(Tensor self) -> Tensor`
 */
export function ceil(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("ceil", 1, arguments.length);
  return adopt($ceil()(slotOf(self)));
}

const $clamp = operator("clamp", "", "self min max");
/**
 * `aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor`
 */
export function clamp(self: Tensor, min?: number | null, max?: number | null): Tensor {
  if (arguments.length > 3) tooMany("clamp", 3, arguments.length);
  return adopt($clamp()(slotOf(self), min, max));
}

const $clamp_ = operator("clamp_", "", "self min max");
/**
 * `aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)`
 */
export function clamp_(self: Tensor, min?: number | null, max?: number | null): Tensor {
  if (arguments.length > 3) tooMany("clamp_", 3, arguments.length);
  $clamp_()(slotOf(self), min, max);
  return self;
}

const $maximum = operator("maximum", "", "self other");
/**
 * `aten::maximum(Tensor self, Tensor other) -> Tensor`
 */
export function maximum(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("maximum", 2, arguments.length);
  return adopt($maximum()(slotOf(self), slotOf(other)));
}

const $minimum = operator("minimum", "", "self other");
/**
 * `aten::minimum(Tensor self, Tensor other) -> Tensor`
 */
export function minimum(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("minimum", 2, arguments.length);
  return adopt($minimum()(slotOf(self), slotOf(other)));
}

const $isfinite = operator("isfinite", "", "self");
/**
 * `aten::isfinite(Tensor self) -> Tensor`
 */
export function isfinite(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("isfinite", 1, arguments.length);
  return adopt($isfinite()(slotOf(self)));
}

const $bitwise_and_Tensor = operator("bitwise_and", "Tensor", "self other");
const $bitwise_and_Scalar = operator("bitwise_and", "Scalar", "self other");
/**
 * `aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_and(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_and", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_and_Tensor()(slotOf(self), slotOf(other)) : $bitwise_and_Scalar()(slotOf(self), other));
}

const $bitwise_or_Tensor = operator("bitwise_or", "Tensor", "self other");
const $bitwise_or_Scalar = operator("bitwise_or", "Scalar", "self other");
/**
 * `aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_or(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_or", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_or_Tensor()(slotOf(self), slotOf(other)) : $bitwise_or_Scalar()(slotOf(self), other));
}

const $bitwise_xor_Tensor = operator("bitwise_xor", "Tensor", "self other");
const $bitwise_xor_Scalar = operator("bitwise_xor", "Scalar", "self other");
/**
 * `aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_xor(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_xor", 2, arguments.length);
  return adopt(other instanceof Tensor ? $bitwise_xor_Tensor()(slotOf(self), slotOf(other)) : $bitwise_xor_Scalar()(slotOf(self), other));
}

const $bitwise_left_shift_Tensor_Scalar = operator("bitwise_left_shift", "Tensor_Scalar", "self other");
/**
 * `aten::bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_left_shift(self: Tensor, other: number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_left_shift", 2, arguments.length);
  return adopt($bitwise_left_shift_Tensor_Scalar()(slotOf(self), other));
}

const $bitwise_right_shift_Tensor_Scalar = operator("bitwise_right_shift", "Tensor_Scalar", "self other");
/**
 * `aten::bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function bitwise_right_shift(self: Tensor, other: number): Tensor {
  if (arguments.length > 2) tooMany("bitwise_right_shift", 2, arguments.length);
  return adopt($bitwise_right_shift_Tensor_Scalar()(slotOf(self), other));
}

const $eq_Tensor = operator("eq", "Tensor", "self other");
const $eq_Scalar = operator("eq", "Scalar", "self other");
/**
 * `aten::eq.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::eq.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function eq(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("eq", 2, arguments.length);
  return adopt(other instanceof Tensor ? $eq_Tensor()(slotOf(self), slotOf(other)) : $eq_Scalar()(slotOf(self), other));
}

const $ne_Tensor = operator("ne", "Tensor", "self other");
const $ne_Scalar = operator("ne", "Scalar", "self other");
/**
 * `aten::ne.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::ne.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function ne(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("ne", 2, arguments.length);
  return adopt(other instanceof Tensor ? $ne_Tensor()(slotOf(self), slotOf(other)) : $ne_Scalar()(slotOf(self), other));
}

const $lt_Tensor = operator("lt", "Tensor", "self other");
const $lt_Scalar = operator("lt", "Scalar", "self other");
/**
 * `aten::lt.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::lt.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function lt(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("lt", 2, arguments.length);
  return adopt(other instanceof Tensor ? $lt_Tensor()(slotOf(self), slotOf(other)) : $lt_Scalar()(slotOf(self), other));
}

const $le_Tensor = operator("le", "Tensor", "self other");
const $le_Scalar = operator("le", "Scalar", "self other");
/**
 * `aten::le.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::le.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function le(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("le", 2, arguments.length);
  return adopt(other instanceof Tensor ? $le_Tensor()(slotOf(self), slotOf(other)) : $le_Scalar()(slotOf(self), other));
}

const $gt_Tensor = operator("gt", "Tensor", "self other");
const $gt_Scalar = operator("gt", "Scalar", "self other");
/**
 * `aten::gt.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::gt.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function gt(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("gt", 2, arguments.length);
  return adopt(other instanceof Tensor ? $gt_Tensor()(slotOf(self), slotOf(other)) : $gt_Scalar()(slotOf(self), other));
}

const $ge_Tensor = operator("ge", "Tensor", "self other");
const $ge_Scalar = operator("ge", "Scalar", "self other");
/**
 * `aten::ge.Tensor(Tensor self, Tensor other) -> Tensor`
 * `aten::ge.Scalar(Tensor self, Scalar other) -> Tensor`
 */
export function ge(self: Tensor, other: Tensor | number): Tensor {
  if (arguments.length > 2) tooMany("ge", 2, arguments.length);
  return adopt(other instanceof Tensor ? $ge_Tensor()(slotOf(self), slotOf(other)) : $ge_Scalar()(slotOf(self), other));
}

const $logical_and = operator("logical_and", "", "self other");
/**
 * `aten::logical_and(Tensor self, Tensor other) -> Tensor`
 */
export function logical_and(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("logical_and", 2, arguments.length);
  return adopt($logical_and()(slotOf(self), slotOf(other)));
}

const $logical_or = operator("logical_or", "", "self other");
/**
 * `aten::logical_or(Tensor self, Tensor other) -> Tensor`
 */
export function logical_or(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("logical_or", 2, arguments.length);
  return adopt($logical_or()(slotOf(self), slotOf(other)));
}

const $logical_not = operator("logical_not", "", "self");
/**
 * `aten::logical_not(Tensor self) -> Tensor`
 */
export function logical_not(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("logical_not", 1, arguments.length);
  return adopt($logical_not()(slotOf(self)));
}

const $equal = operator("equal", "", "self other");
/**
 * `aten::equal(Tensor self, Tensor other) -> bool`
 */
export function equal(self: Tensor, other: Tensor): boolean {
  if (arguments.length > 2) tooMany("equal", 2, arguments.length);
  return $equal()(slotOf(self), slotOf(other)) as boolean;
}

const $allclose = operator("allclose", "", "self other rtol atol equal_nan");
/**
 * `aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool`
 */
export function allclose(self: Tensor, other: Tensor, rtol?: number, atol?: number, equal_nan?: boolean): boolean {
  if (arguments.length > 5) tooMany("allclose", 5, arguments.length);
  return $allclose()(slotOf(self), slotOf(other), rtol, atol, equal_nan) as boolean;
}

const $sum = operator("sum", "", "self dtype");
const $sum_dim_IntList = operator("sum", "dim_IntList", "self dim keepdim dtype");
/**
 * `aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 * `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function sum(self: Tensor, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("sum", 4, arguments.length);
  return adopt(dim !== undefined ? $sum_dim_IntList()(slotOf(self), dim, keepdim, dtype(options.dtype)) : $sum()(slotOf(self), dtype(options.dtype)));
}

const $mean = operator("mean", "", "self dtype");
const $mean_dim = operator("mean", "dim", "self dim keepdim dtype");
/**
 * `aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 * `aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function mean(self: Tensor, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("mean", 4, arguments.length);
  return adopt(dim !== undefined ? $mean_dim()(slotOf(self), dim, keepdim, dtype(options.dtype)) : $mean()(slotOf(self), dtype(options.dtype)));
}

const $prod = operator("prod", "", "self dtype");
/**
 * `aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor`
 */
export function prod(self: Tensor, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("prod", 2, arguments.length);
  return adopt($prod()(slotOf(self), dtype(options.dtype)));
}

const $amax = operator("amax", "", "self dim keepdim");
/**
 * `aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor`
 */
export function amax(self: Tensor, dim?: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("amax", 3, arguments.length);
  return adopt($amax()(slotOf(self), dim, keepdim));
}

const $amin = operator("amin", "", "self dim keepdim");
/**
 * `aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor`
 */
export function amin(self: Tensor, dim?: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("amin", 3, arguments.length);
  return adopt($amin()(slotOf(self), dim, keepdim));
}

const $max_dim_dim = operator("max", "dim", "self dim keepdim");
/**
 * `aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`
 */
export function max_dim(self: Tensor, dim: number, keepdim?: boolean): [Tensor, Tensor] {
  if (arguments.length > 3) tooMany("max_dim", 3, arguments.length);
  return ($max_dim_dim()(slotOf(self), dim, keepdim) as number[]).map(adopt) as [Tensor, Tensor];
}

const $min_dim_dim = operator("min", "dim", "self dim keepdim");
/**
 * `aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`
 */
export function min_dim(self: Tensor, dim: number, keepdim?: boolean): [Tensor, Tensor] {
  if (arguments.length > 3) tooMany("min_dim", 3, arguments.length);
  return ($min_dim_dim()(slotOf(self), dim, keepdim) as number[]).map(adopt) as [Tensor, Tensor];
}

const $argmax = operator("argmax", "", "self dim keepdim");
/**
 * `aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor`
 */
export function argmax(self: Tensor, dim?: number | null, keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("argmax", 3, arguments.length);
  return adopt($argmax()(slotOf(self), dim, keepdim));
}

const $argmin = operator("argmin", "", "self dim keepdim");
/**
 * `aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor`
 */
export function argmin(self: Tensor, dim?: number | null, keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("argmin", 3, arguments.length);
  return adopt($argmin()(slotOf(self), dim, keepdim));
}

const $any = operator("any", "", "self");
/**
 * `aten::any(Tensor self) -> Tensor`
 */
export function any(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("any", 1, arguments.length);
  return adopt($any()(slotOf(self)));
}

const $all = operator("all", "", "self");
/**
 * `aten::all(Tensor self) -> Tensor`
 */
export function all(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("all", 1, arguments.length);
  return adopt($all()(slotOf(self)));
}

const $var_correction = operator("var", "correction", "self dim correction keepdim");
/**
 * `aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor`
 */
export function var_(self: Tensor, dim?: number | readonly number[] | null, options: { correction?: number | undefined; keepdim?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("var", 3, arguments.length);
  return adopt($var_correction()(slotOf(self), dim, options.correction, options.keepdim));
}

const $std_correction = operator("std", "correction", "self dim correction keepdim");
/**
 * `aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor`
 */
export function std(self: Tensor, dim?: number | readonly number[] | null, options: { correction?: number | undefined; keepdim?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("std", 3, arguments.length);
  return adopt($std_correction()(slotOf(self), dim, options.correction, options.keepdim));
}

const $cumsum = operator("cumsum", "", "self dim dtype");
/**
 * `aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor`
 */
export function cumsum(self: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("cumsum", 3, arguments.length);
  return adopt($cumsum()(slotOf(self), dim, dtype(options.dtype)));
}

const $logsumexp = operator("logsumexp", "", "self dim keepdim");
/**
 * `aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor`
 */
export function logsumexp(self: Tensor, dim: number | readonly number[], keepdim?: boolean): Tensor {
  if (arguments.length > 3) tooMany("logsumexp", 3, arguments.length);
  return adopt($logsumexp()(slotOf(self), dim, keepdim));
}

const $topk = operator("topk", "", "self k dim largest sorted");
/**
 * `aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)`
 */
export function topk(self: Tensor, k: number, dim?: number, largest?: boolean, sorted?: boolean): [Tensor, Tensor] {
  if (arguments.length > 5) tooMany("topk", 5, arguments.length);
  return ($topk()(slotOf(self), k, dim, largest, sorted) as number[]).map(adopt) as [Tensor, Tensor];
}

const $sort_stable_stable = operator("sort", "stable", "self stable dim descending");
/**
 * `aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)`
 */
export function sort_stable(self: Tensor, options: { stable?: boolean | undefined; dim?: number | undefined; descending?: boolean | undefined } = {}): [Tensor, Tensor] {
  if (arguments.length > 2) tooMany("sort_stable", 2, arguments.length);
  return ($sort_stable_stable()(slotOf(self), options.stable, options.dim, options.descending) as number[]).map(adopt) as [Tensor, Tensor];
}

const $softmax_int = operator("softmax", "int", "self dim dtype");
/**
 * `aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor`
 */
export function softmax(self: Tensor, dim: number, dtype_?: DType | null): Tensor {
  if (arguments.length > 3) tooMany("softmax", 3, arguments.length);
  return adopt($softmax_int()(slotOf(self), dim, dtype(dtype_)));
}

const $log_softmax_int = operator("log_softmax", "int", "self dim dtype");
/**
 * `aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor`
 */
export function log_softmax(self: Tensor, dim: number, dtype_?: DType | null): Tensor {
  if (arguments.length > 3) tooMany("log_softmax", 3, arguments.length);
  return adopt($log_softmax_int()(slotOf(self), dim, dtype(dtype_)));
}

const $bincount = operator("bincount", "", "self weights minlength");
/**
 * `aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor`
 */
export function bincount(self: Tensor, weights?: Tensor | null, minlength?: number): Tensor {
  if (arguments.length > 3) tooMany("bincount", 3, arguments.length);
  return adopt($bincount()(slotOf(self), weights === undefined || weights === null ? weights : slotOf(weights), minlength));
}

const $linalg_vector_norm = operator("linalg_vector_norm", "", "self ord dim keepdim dtype");
/**
 * `aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`
 */
export function linalg_vector_norm(self: Tensor, ord?: number, dim?: number | readonly number[] | null, keepdim?: boolean, options: { dtype?: DType | undefined } = {}): Tensor {
  if (arguments.length > 5) tooMany("linalg_vector_norm", 5, arguments.length);
  return adopt($linalg_vector_norm()(slotOf(self), ord, dim, keepdim, dtype(options.dtype)));
}

const $matmul = operator("matmul", "", "self other");
/**
 * `aten::matmul(Tensor self, Tensor other) -> Tensor`
 */
export function matmul(self: Tensor, other: Tensor): Tensor {
  if (arguments.length > 2) tooMany("matmul", 2, arguments.length);
  return adopt($matmul()(slotOf(self), slotOf(other)));
}

const $mm = operator("mm", "", "self mat2");
/**
 * `aten::mm(Tensor self, Tensor mat2) -> Tensor`
 */
export function mm(self: Tensor, mat2: Tensor): Tensor {
  if (arguments.length > 2) tooMany("mm", 2, arguments.length);
  return adopt($mm()(slotOf(self), slotOf(mat2)));
}

const $bmm = operator("bmm", "", "self mat2");
/**
 * `aten::bmm(Tensor self, Tensor mat2) -> Tensor`
 */
export function bmm(self: Tensor, mat2: Tensor): Tensor {
  if (arguments.length > 2) tooMany("bmm", 2, arguments.length);
  return adopt($bmm()(slotOf(self), slotOf(mat2)));
}

const $addmm = operator("addmm", "", "self mat1 mat2 beta alpha");
/**
 * `aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor`
 */
export function addmm(self: Tensor, mat1: Tensor, mat2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addmm", 4, arguments.length);
  return adopt($addmm()(slotOf(self), slotOf(mat1), slotOf(mat2), options.beta, options.alpha));
}

const $addmm_ = operator("addmm_", "", "self mat1 mat2 beta alpha");
/**
 * `aten::addmm_(Tensor(a!) self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor(a!)`
 */
export function addmm_(self: Tensor, mat1: Tensor, mat2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("addmm_", 4, arguments.length);
  $addmm_()(slotOf(self), slotOf(mat1), slotOf(mat2), options.beta, options.alpha);
  return self;
}

const $baddbmm = operator("baddbmm", "", "self batch1 batch2 beta alpha");
/**
 * `aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor`
 */
export function baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, options: { beta?: number | undefined; alpha?: number | undefined } = {}): Tensor {
  if (arguments.length > 4) tooMany("baddbmm", 4, arguments.length);
  return adopt($baddbmm()(slotOf(self), slotOf(batch1), slotOf(batch2), options.beta, options.alpha));
}

const $linear = operator("linear", "", "input weight bias");
/**
 * `aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor`
 */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  if (arguments.length > 3) tooMany("linear", 3, arguments.length);
  return adopt($linear()(slotOf(input), slotOf(weight), bias === undefined || bias === null ? bias : slotOf(bias)));
}

const $einsum = operator("einsum", "", "equation tensors path");
/**
 * `aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor`
 */
export function einsum(equation: string, tensors: readonly Tensor[], options: { path?: readonly number[] | undefined } = {}): Tensor {
  if (arguments.length > 3) tooMany("einsum", 3, arguments.length);
  return adopt($einsum()(equation, slotsOf(tensors), options.path));
}

const $cdist = operator("cdist", "", "x1 x2 p compute_mode");
/**
 * `aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor`
 */
export function cdist(x1: Tensor, x2: Tensor, p?: number, compute_mode?: number | null): Tensor {
  if (arguments.length > 4) tooMany("cdist", 4, arguments.length);
  return adopt($cdist()(slotOf(x1), slotOf(x2), p, compute_mode));
}

const $linalg_eigh = operator("linalg_eigh", "", "self UPLO");
/**
 * `aten::linalg_eigh(Tensor self, str UPLO="L") -> (Tensor eigenvalues, Tensor eigenvectors)`
 */
export function linalg_eigh(self: Tensor, UPLO?: string): [Tensor, Tensor] {
  if (arguments.length > 2) tooMany("linalg_eigh", 2, arguments.length);
  return ($linalg_eigh()(slotOf(self), UPLO) as number[]).map(adopt) as [Tensor, Tensor];
}

const $linalg_eigvalsh = operator("linalg_eigvalsh", "", "self UPLO");
/**
 * `aten::linalg_eigvalsh(Tensor self, str UPLO="L") -> Tensor`
 */
export function linalg_eigvalsh(self: Tensor, UPLO?: string): Tensor {
  if (arguments.length > 2) tooMany("linalg_eigvalsh", 2, arguments.length);
  return adopt($linalg_eigvalsh()(slotOf(self), UPLO));
}

const $linalg_eigvals = operator("linalg_eigvals", "", "self");
/**
 * `aten::linalg_eigvals(Tensor self) -> Tensor`
 */
export function linalg_eigvals(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("linalg_eigvals", 1, arguments.length);
  return adopt($linalg_eigvals()(slotOf(self)));
}

const $linalg_svd = operator("linalg_svd", "", "A full_matrices driver");
/**
 * `aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)`
 */
export function linalg_svd(A: Tensor, full_matrices?: boolean, options: { driver?: string | undefined } = {}): [Tensor, Tensor, Tensor] {
  if (arguments.length > 3) tooMany("linalg_svd", 3, arguments.length);
  return ($linalg_svd()(slotOf(A), full_matrices, options.driver) as number[]).map(adopt) as [Tensor, Tensor, Tensor];
}

const $linalg_cholesky = operator("linalg_cholesky", "", "self upper");
/**
 * `aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor`
 */
export function linalg_cholesky(self: Tensor, options: { upper?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("linalg_cholesky", 2, arguments.length);
  return adopt($linalg_cholesky()(slotOf(self), options.upper));
}

const $relu = operator("relu", "", "self");
/**
 * `aten::relu(Tensor self) -> Tensor`
 */
export function relu(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("relu", 1, arguments.length);
  return adopt($relu()(slotOf(self)));
}

const $relu_ = operator("relu_", "", "self");
/**
 * `aten::relu_(Tensor(a!) self) -> Tensor(a!)`
 */
export function relu_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("relu_", 1, arguments.length);
  $relu_()(slotOf(self));
  return self;
}

const $sigmoid = operator("sigmoid", "", "self");
/**
 * `aten::sigmoid(Tensor self) -> Tensor`
 */
export function sigmoid(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("sigmoid", 1, arguments.length);
  return adopt($sigmoid()(slotOf(self)));
}

const $silu = operator("silu", "", "self");
/**
 * `aten::silu(Tensor self) -> Tensor`
 */
export function silu(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("silu", 1, arguments.length);
  return adopt($silu()(slotOf(self)));
}

const $silu_ = operator("silu_", "", "self");
/**
 * `aten::silu_(Tensor(a!) self) -> Tensor(a!)`
 */
export function silu_(self: Tensor): Tensor {
  if (arguments.length > 1) tooMany("silu_", 1, arguments.length);
  $silu_()(slotOf(self));
  return self;
}

const $gelu = operator("gelu", "", "self approximate");
/**
 * `aten::gelu(Tensor self, *, str approximate="none") -> Tensor`
 */
export function gelu(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("gelu", 2, arguments.length);
  return adopt($gelu()(slotOf(self), options.approximate));
}

const $gelu_ = operator("gelu_", "", "self approximate");
/**
 * `aten::gelu_(Tensor(a!) self, *, str approximate="none") -> Tensor(a!)`
 */
export function gelu_(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  if (arguments.length > 2) tooMany("gelu_", 2, arguments.length);
  $gelu_()(slotOf(self), options.approximate);
  return self;
}

const $layer_norm = operator("layer_norm", "", "input normalized_shape weight bias eps cudnn_enable");
/**
 * `aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor`
 */
export function layer_norm(input: Tensor, normalized_shape: readonly number[], weight?: Tensor | null, bias?: Tensor | null, eps?: number, cudnn_enable?: boolean): Tensor {
  if (arguments.length > 6) tooMany("layer_norm", 6, arguments.length);
  return adopt($layer_norm()(slotOf(input), normalized_shape, weight === undefined || weight === null ? weight : slotOf(weight), bias === undefined || bias === null ? bias : slotOf(bias), eps, cudnn_enable));
}

const $group_norm = operator("group_norm", "", "input num_groups weight bias eps cudnn_enabled");
/**
 * `aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor`
 */
export function group_norm(input: Tensor, num_groups: number, weight?: Tensor | null, bias?: Tensor | null, eps?: number, cudnn_enabled?: boolean): Tensor {
  if (arguments.length > 6) tooMany("group_norm", 6, arguments.length);
  return adopt($group_norm()(slotOf(input), num_groups, weight === undefined || weight === null ? weight : slotOf(weight), bias === undefined || bias === null ? bias : slotOf(bias), eps, cudnn_enabled));
}

const $batch_norm = operator("batch_norm", "", "input weight bias running_mean running_var training momentum eps cudnn_enabled");
/**
 * `aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor`
 */
export function batch_norm(input: Tensor, weight: Tensor | null, bias: Tensor | null, running_mean: Tensor | null, running_var: Tensor | null, training: boolean, momentum: number, eps: number, cudnn_enabled: boolean): Tensor {
  if (arguments.length > 9) tooMany("batch_norm", 9, arguments.length);
  return adopt($batch_norm()(slotOf(input), weight === undefined || weight === null ? weight : slotOf(weight), bias === undefined || bias === null ? bias : slotOf(bias), running_mean === undefined || running_mean === null ? running_mean : slotOf(running_mean), running_var === undefined || running_var === null ? running_var : slotOf(running_var), training, momentum, eps, cudnn_enabled));
}

const $embedding = operator("embedding", "", "weight indices padding_idx");
/**
 * `aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor`
 */
export function embedding(weight: Tensor, indices: Tensor, padding_idx?: number): Tensor {
  if (arguments.length > 3) tooMany("embedding", 3, arguments.length);
  return adopt($embedding()(slotOf(weight), slotOf(indices), padding_idx));
}

const $dropout = operator("dropout", "", "input p train");
/**
 * `aten::dropout(Tensor input, float p, bool train) -> Tensor`
 */
export function dropout(input: Tensor, p: number, train: boolean): Tensor {
  if (arguments.length > 3) tooMany("dropout", 3, arguments.length);
  return adopt($dropout()(slotOf(input), p, train));
}

const $conv2d = operator("conv2d", "", "input weight bias stride padding dilation groups");
/**
 * `aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor`
 */
export function conv2d(input: Tensor, weight: Tensor, bias?: Tensor | null, stride?: number | readonly number[], padding?: number | readonly number[], dilation?: number | readonly number[], groups?: number): Tensor {
  if (arguments.length > 7) tooMany("conv2d", 7, arguments.length);
  return adopt($conv2d()(slotOf(input), slotOf(weight), bias === undefined || bias === null ? bias : slotOf(bias), stride, padding, dilation, groups));
}

const $avg_pool2d = operator("avg_pool2d", "", "self kernel_size stride padding ceil_mode count_include_pad divisor_override");
/**
 * `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor`
 */
export function avg_pool2d(self: Tensor, kernel_size: number | readonly number[], stride?: number | readonly number[], padding?: number | readonly number[], ceil_mode?: boolean, count_include_pad?: boolean, divisor_override?: number | null): Tensor {
  if (arguments.length > 7) tooMany("avg_pool2d", 7, arguments.length);
  return adopt($avg_pool2d()(slotOf(self), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override));
}

const $max_pool2d = operator("max_pool2d", "", "self kernel_size stride padding dilation ceil_mode");
/**
 * `aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor`
 */
export function max_pool2d(self: Tensor, kernel_size: number | readonly number[], stride?: number | readonly number[], padding?: number | readonly number[], dilation?: number | readonly number[], ceil_mode?: boolean): Tensor {
  if (arguments.length > 6) tooMany("max_pool2d", 6, arguments.length);
  return adopt($max_pool2d()(slotOf(self), kernel_size, stride, padding, dilation, ceil_mode));
}

const $adaptive_avg_pool2d = operator("adaptive_avg_pool2d", "", "self output_size");
/**
 * `aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor`
 */
export function adaptive_avg_pool2d(self: Tensor, output_size: number | readonly number[]): Tensor {
  if (arguments.length > 2) tooMany("adaptive_avg_pool2d", 2, arguments.length);
  return adopt($adaptive_avg_pool2d()(slotOf(self), output_size));
}

const $upsample_nearest2d = operator("upsample_nearest2d", "", "self output_size scales_h scales_w");
/**
 * `aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor`
 */
export function upsample_nearest2d(self: Tensor, output_size: number | readonly number[], scales_h?: number | null, scales_w?: number | null): Tensor {
  if (arguments.length > 4) tooMany("upsample_nearest2d", 4, arguments.length);
  return adopt($upsample_nearest2d()(slotOf(self), output_size, scales_h, scales_w));
}

const $upsample_bilinear2d = operator("upsample_bilinear2d", "", "self output_size align_corners scales_h scales_w");
/**
 * `aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor`
 */
export function upsample_bilinear2d(self: Tensor, output_size: number | readonly number[], align_corners: boolean, scales_h?: number | null, scales_w?: number | null): Tensor {
  if (arguments.length > 5) tooMany("upsample_bilinear2d", 5, arguments.length);
  return adopt($upsample_bilinear2d()(slotOf(self), output_size, align_corners, scales_h, scales_w));
}

const $scaled_dot_product_attention = operator("scaled_dot_product_attention", "", "query key value attn_mask dropout_p is_causal scale enable_gqa");
/**
 * `aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor`
 */
export function scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask?: Tensor | null, dropout_p?: number, is_causal?: boolean, options: { scale?: number | undefined; enable_gqa?: boolean | undefined } = {}): Tensor {
  if (arguments.length > 7) tooMany("scaled_dot_product_attention", 7, arguments.length);
  return adopt($scaled_dot_product_attention()(slotOf(query), slotOf(key), slotOf(value), attn_mask === undefined || attn_mask === null ? attn_mask : slotOf(attn_mask), dropout_p, is_causal, options.scale, options.enable_gqa));
}

const $cross_entropy_loss = operator("cross_entropy_loss", "", "self target weight reduction ignore_index label_smoothing");
/**
 * `aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor`
 */
export function cross_entropy_loss(self: Tensor, target: Tensor, weight?: Tensor | null, reduction?: number, ignore_index?: number, label_smoothing?: number): Tensor {
  if (arguments.length > 6) tooMany("cross_entropy_loss", 6, arguments.length);
  return adopt($cross_entropy_loss()(slotOf(self), slotOf(target), weight === undefined || weight === null ? weight : slotOf(weight), reduction, ignore_index, label_smoothing));
}

const $mse_loss = operator("mse_loss", "", "self target reduction");
/**
 * `aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor`
 */
export function mse_loss(self: Tensor, target: Tensor, reduction?: number): Tensor {
  if (arguments.length > 3) tooMany("mse_loss", 3, arguments.length);
  return adopt($mse_loss()(slotOf(self), slotOf(target), reduction));
}

const $l1_loss = operator("l1_loss", "", "self target reduction");
/**
 * `aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor`
 */
export function l1_loss(self: Tensor, target: Tensor, reduction?: number): Tensor {
  if (arguments.length > 3) tooMany("l1_loss", 3, arguments.length);
  return adopt($l1_loss()(slotOf(self), slotOf(target), reduction));
}

const $binary_cross_entropy_with_logits = operator("binary_cross_entropy_with_logits", "", "self target weight pos_weight reduction");
/**
 * `aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor`
 */
export function binary_cross_entropy_with_logits(self: Tensor, target: Tensor, weight?: Tensor | null, pos_weight?: Tensor | null, reduction?: number): Tensor {
  if (arguments.length > 5) tooMany("binary_cross_entropy_with_logits", 5, arguments.length);
  return adopt($binary_cross_entropy_with_logits()(slotOf(self), slotOf(target), weight === undefined || weight === null ? weight : slotOf(weight), pos_weight === undefined || pos_weight === null ? pos_weight : slotOf(pos_weight), reduction));
}

const $normal_ = operator("normal_", "", "self mean std");
/**
 * `aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function normal_(self: Tensor, mean?: number, std?: number): Tensor {
  if (arguments.length > 3) tooMany("normal_", 3, arguments.length);
  $normal_()(slotOf(self), mean, std);
  return self;
}

const $uniform_ = operator("uniform_", "", "self from to");
/**
 * `aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function uniform_(self: Tensor, from?: number, to?: number): Tensor {
  if (arguments.length > 3) tooMany("uniform_", 3, arguments.length);
  $uniform_()(slotOf(self), from, to);
  return self;
}

const $exponential_ = operator("exponential_", "", "self lambd");
/**
 * `aten::exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)`
 */
export function exponential_(self: Tensor, lambd?: number): Tensor {
  if (arguments.length > 2) tooMany("exponential_", 2, arguments.length);
  $exponential_()(slotOf(self), lambd);
  return self;
}

const $bernoulli__float = operator("bernoulli_", "float", "self p");
/**
 * `aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)`
 */
export function bernoulli_(self: Tensor, p?: number): Tensor {
  if (arguments.length > 2) tooMany("bernoulli_", 2, arguments.length);
  $bernoulli__float()(slotOf(self), p);
  return self;
}

const $multinomial = operator("multinomial", "", "self num_samples replacement");
/**
 * `aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor`
 */
export function multinomial(self: Tensor, num_samples: number, replacement?: boolean): Tensor {
  if (arguments.length > 3) tooMany("multinomial", 3, arguments.length);
  return adopt($multinomial()(slotOf(self), num_samples, replacement));
}

const $_foreach_add_scalar__Scalar = operator("_foreach_add_", "Scalar", "self scalar");
/**
 * `aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_add_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_add_scalar_", 2, arguments.length);
  $_foreach_add_scalar__Scalar()(slotsOf(self), scalar);
}

const $_foreach_add__List = operator("_foreach_add_", "List", "self other alpha");
/**
 * `aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()`
 */
export function _foreach_add_(self: readonly Tensor[], other: readonly Tensor[], options: { alpha?: number | undefined } = {}): void {
  if (arguments.length > 3) tooMany("_foreach_add_", 3, arguments.length);
  $_foreach_add__List()(slotsOf(self), slotsOf(other), options.alpha);
}

const $_foreach_mul_scalar__Scalar = operator("_foreach_mul_", "Scalar", "self scalar");
/**
 * `aten::_foreach_mul_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_mul_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_mul_scalar_", 2, arguments.length);
  $_foreach_mul_scalar__Scalar()(slotsOf(self), scalar);
}

const $_foreach_mul_scalars__ScalarList = operator("_foreach_mul_", "ScalarList", "self scalars");
/**
 * `aten::_foreach_mul_.ScalarList(Tensor(a!)[] self, Scalar[] scalars) -> ()`
 */
export function _foreach_mul_scalars_(self: readonly Tensor[], scalars: readonly number[]): void {
  if (arguments.length > 2) tooMany("_foreach_mul_scalars_", 2, arguments.length);
  $_foreach_mul_scalars__ScalarList()(slotsOf(self), scalars);
}

const $_foreach_mul__List = operator("_foreach_mul_", "List", "self other");
/**
 * `aten::_foreach_mul_.List(Tensor(a!)[] self, Tensor[] other) -> ()`
 */
export function _foreach_mul_(self: readonly Tensor[], other: readonly Tensor[]): void {
  if (arguments.length > 2) tooMany("_foreach_mul_", 2, arguments.length);
  $_foreach_mul__List()(slotsOf(self), slotsOf(other));
}

const $_foreach_mul_tensor__Tensor = operator("_foreach_mul_", "Tensor", "self other");
/**
 * `aten::_foreach_mul_.Tensor(Tensor(a!)[] self, Tensor other) -> ()`
 */
export function _foreach_mul_tensor_(self: readonly Tensor[], other: Tensor): void {
  if (arguments.length > 2) tooMany("_foreach_mul_tensor_", 2, arguments.length);
  $_foreach_mul_tensor__Tensor()(slotsOf(self), slotOf(other));
}

const $_foreach_div_scalar__Scalar = operator("_foreach_div_", "Scalar", "self scalar");
/**
 * `aten::_foreach_div_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()`
 */
export function _foreach_div_scalar_(self: readonly Tensor[], scalar: number): void {
  if (arguments.length > 2) tooMany("_foreach_div_scalar_", 2, arguments.length);
  $_foreach_div_scalar__Scalar()(slotsOf(self), scalar);
}

const $_foreach_div__List = operator("_foreach_div_", "List", "self other");
/**
 * `aten::_foreach_div_.List(Tensor(a!)[] self, Tensor[] other) -> ()`
 */
export function _foreach_div_(self: readonly Tensor[], other: readonly Tensor[]): void {
  if (arguments.length > 2) tooMany("_foreach_div_", 2, arguments.length);
  $_foreach_div__List()(slotsOf(self), slotsOf(other));
}

const $_foreach_addcmul__Scalar = operator("_foreach_addcmul_", "Scalar", "self tensor1 tensor2 value");
/**
 * `aten::_foreach_addcmul_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()`
 */
export function _foreach_addcmul_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], value?: number): void {
  if (arguments.length > 4) tooMany("_foreach_addcmul_", 4, arguments.length);
  $_foreach_addcmul__Scalar()(slotsOf(self), slotsOf(tensor1), slotsOf(tensor2), value);
}

const $_foreach_addcdiv__Scalar = operator("_foreach_addcdiv_", "Scalar", "self tensor1 tensor2 value");
/**
 * `aten::_foreach_addcdiv_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()`
 */
export function _foreach_addcdiv_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], value?: number): void {
  if (arguments.length > 4) tooMany("_foreach_addcdiv_", 4, arguments.length);
  $_foreach_addcdiv__Scalar()(slotsOf(self), slotsOf(tensor1), slotsOf(tensor2), value);
}

const $_foreach_sqrt = operator("_foreach_sqrt", "", "self");
/**
 * `aten::_foreach_sqrt(Tensor[] self) -> Tensor[]`
 */
export function _foreach_sqrt(self: readonly Tensor[]): Tensor[] {
  if (arguments.length > 1) tooMany("_foreach_sqrt", 1, arguments.length);
  return ($_foreach_sqrt()(slotsOf(self)) as number[]).map(adopt) as Tensor[];
}

const $_foreach_zero_ = operator("_foreach_zero_", "", "self");
/**
 * `aten::_foreach_zero_(Tensor(a!)[] self) -> ()`
 */
export function _foreach_zero_(self: readonly Tensor[]): void {
  if (arguments.length > 1) tooMany("_foreach_zero_", 1, arguments.length);
  $_foreach_zero_()(slotsOf(self));
}

const $_foreach_norm_Scalar = operator("_foreach_norm", "Scalar", "self ord dtype");
/**
 * `aten::_foreach_norm.Scalar(Tensor[] self, Scalar ord=2, ScalarType? dtype=None) -> Tensor[]`
 */
export function _foreach_norm(self: readonly Tensor[], ord?: number, dtype_?: DType | null): Tensor[] {
  if (arguments.length > 3) tooMany("_foreach_norm", 3, arguments.length);
  return ($_foreach_norm_Scalar()(slotsOf(self), ord, dtype(dtype_)) as number[]).map(adopt) as Tensor[];
}

const $_foreach_sub_List = operator("_foreach_sub", "List", "self other alpha");
/**
 * `aten::_foreach_sub.List(Tensor[] self, Tensor[] other, *, Scalar alpha=1) -> Tensor[]`
 */
export function _foreach_sub(self: readonly Tensor[], other: readonly Tensor[], options: { alpha?: number | undefined } = {}): Tensor[] {
  if (arguments.length > 3) tooMany("_foreach_sub", 3, arguments.length);
  return ($_foreach_sub_List()(slotsOf(self), slotsOf(other), options.alpha) as number[]).map(adopt) as Tensor[];
}

const $_foreach_lerp__Scalar = operator("_foreach_lerp_", "Scalar", "self tensors1 weight");
/**
 * `aten::_foreach_lerp_.Scalar(Tensor(a!)[] self, Tensor[] tensors1, Scalar weight) -> ()`
 */
export function _foreach_lerp_(self: readonly Tensor[], tensors1: readonly Tensor[], weight: number): void {
  if (arguments.length > 3) tooMany("_foreach_lerp_", 3, arguments.length);
  $_foreach_lerp__Scalar()(slotsOf(self), slotsOf(tensors1), weight);
}

const $_foreach_copy_ = operator("_foreach_copy_", "", "self src non_blocking");
/**
 * `aten::_foreach_copy_(Tensor(a!)[] self, Tensor[] src, bool non_blocking=False) -> ()`
 */
export function _foreach_copy_(self: readonly Tensor[], src: readonly Tensor[], non_blocking?: boolean): void {
  if (arguments.length > 3) tooMany("_foreach_copy_", 3, arguments.length);
  $_foreach_copy_()(slotsOf(self), slotsOf(src), non_blocking);
}

const $_fused_adamw_ = operator("_fused_adamw_", "", "self grads exp_avgs exp_avg_sqs max_exp_avg_sqs state_steps lr beta1 beta2 weight_decay eps amsgrad maximize grad_scale found_inf");
/**
 * `aten::_fused_adamw_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()`
 */
export function _fused_adamw_(self: readonly Tensor[], grads: readonly Tensor[], exp_avgs: readonly Tensor[], exp_avg_sqs: readonly Tensor[], max_exp_avg_sqs: readonly Tensor[], state_steps: readonly Tensor[], options: { lr: number; beta1: number; beta2: number; weight_decay: number; eps: number; amsgrad: boolean; maximize: boolean; grad_scale?: Tensor | undefined; found_inf?: Tensor | undefined }): void {
  if (arguments.length > 7) tooMany("_fused_adamw_", 7, arguments.length);
  $_fused_adamw_()(slotsOf(self), slotsOf(grads), slotsOf(exp_avgs), slotsOf(exp_avg_sqs), slotsOf(max_exp_avg_sqs), slotsOf(state_steps), options.lr, options.beta1, options.beta2, options.weight_decay, options.eps, options.amsgrad, options.maximize, options.grad_scale === undefined || options.grad_scale === null ? options.grad_scale : slotOf(options.grad_scale), options.found_inf === undefined || options.found_inf === null ? options.found_inf : slotOf(options.found_inf));
}
