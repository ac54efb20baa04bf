# What the runs share: options, and stages that do nothing where their result is there already. Sourced, not started.
#
# Sets: gpu (1 with --gpu), work, device (words for the verbs), set (key=value words for a stage's training)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-$(nproc)} # pictures are decoded by these threads

usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "${1:-0}"
}

gpu=0 work= only= device=() set=()
while [ $# -gt 0 ]; do
  case $1 in
    --gpu) gpu=1 ;;
    --work | --stage | --device)
      [ $# -gt 1 ] || { echo "$1 needs a value." >&2 && usage 2; }
      case $1 in
        --work) work=$2 ;;
        --stage) only=$2 ;;
        --device) device=(--device "$2") ;;
      esac
      shift
      ;;
    -h | --help) usage ;;
    *=*) set+=("$1") ;;
    *) rest+=("$1") ;;
  esac
  shift
done
if [ ${#set[@]} -gt 0 ] && [ -z "$only" ]; then
  echo "Say which training ${set[*]} is for: --stage tokenizer or --stage generator." >&2
  exit 2
fi

rarity() { node packages/rar/dist/cli/main.js "$@"; }

# stage NAME COMMAND...: runs it, unless another stage was asked for
stages=()
stage() {
  stages+=("$1")
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  echo "== $1" >&2
  "${@:2}"
}

# finish: an error where no stage has the name that was asked for
finish() {
  [ -z "$only" ] || [[ " ${stages[*]} " == *" $only "* ]] || {
    echo "There is no stage $only: ${stages[*]}." >&2
    exit 2
  }
}

# tokens PICTURES TOKENIZER FILE [FLAG...]: encodes pictures, again where the tokenizer is newer than the file
tokens() {
  [ "$3" -nt "$2/tokenizer.safetensors" ] && echo "$3 is there." >&2 && return
  local again=()
  [ ! -f "$3" ] || again=(--overwrite)
  rarity pretokenize "$1" --model "$2" --output "$3" "${device[@]}" "${again[@]}" "${@:4}"
}

# report MODEL [FLAG...]: scores and sheets in $work/report, again where the model is newer than these
report() {
  [ "$work/report/report.json" -nt "$1/generator.safetensors" ] && cat "$work/report/report.md" && return
  node runs/report.mjs --model "$1" --out "$work/report" "${device[@]}" "${@:2}"
}
