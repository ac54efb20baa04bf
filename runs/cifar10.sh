#!/usr/bin/env bash
# The cifar10 model, from WebDataset shards to a model folder. Run it again and it goes on where it stopped.
#
#   runs/cifar10.sh [SHARDS]          the recorded sizes and steps, about an hour on two processor cores
#   runs/cifar10.sh --gpu [SHARDS]    larger and longer, on a CUDA device
#   SHARDS: folder with train-0000.tar.gz ..., test-0000.tar.gz ... and classes.txt (default: $CIFAR10, ../shared/data/cifar10)
#   options: --stage NAME, --work FOLDER (out/cifar10, out/cifar10-gpu), --device cpu; with --stage also key=value for its training
#   TOKENIZER: a model folder whose tokenizer is taken, in place of training one
#
# tokenizer   configs/cifar10-tokenizer.yaml or -gpu: FOLDER/tokenizer
# tokens      20,000 training pictures (all 50,000 with --gpu) and their mirror images, 2,000 test pictures: FOLDER/tokens
# generator   configs/cifar10.yaml or -gpu: FOLDER/generator, which is the model folder
# report      held-out scores, samples, and how far these are from training pictures: FOLDER/report
set -euo pipefail
rest=()
source "$(dirname "$0")/steps/stages.sh"
data=${rest[0]:-${CIFAR10:-../shared/data/cifar10}}
[ ${#rest[@]} -le 1 ] || { echo "There is no option ${rest[1]}." >&2 && usage 2; }
[ -f "$data/train-0000.tar.gz" ] || { echo "There is no $data/train-0000.tar.gz. Name the folder with the shards." >&2 && exit 2; }
if [ $gpu = 1 ]; then
  config=-gpu some='{0000..0009}'
else
  config= some='{0000..0003}'
fi
: "${work:=out/cifar10$config}"
test="$data/test-{0000..0001}.tar.gz"
tokenizer=${TOKENIZER:-$work/tokenizer}

train_tokenizer() {
  [ -z "${TOKENIZER:-}" ] || { echo "The tokenizer of $TOKENIZER is taken." >&2 && return; }
  rarity train-tokenizer config=cifar10-tokenizer$config.yaml experiment.output_dir="$work/tokenizer" \
    dataset.params.train_shards_path_or_url="$data/train-{0000..0009}.tar.gz" \
    dataset.params.eval_shards_path_or_url="$test" "${set[@]}" "${device[@]}"
}

make_tokens() {
  mkdir -p "$work/tokens"
  cat "$data/classes.txt" >"$work/tokens/classes.txt"
  tokens "$data/test-0000.tar.gz" "$tokenizer" "$work/tokens/test-5000.jsonl" --no-mirror
  head -n 2000 "$work/tokens/test-5000.jsonl" >"$work/tokens/test.jsonl" # as many as were recorded
  tokens "$data/train-$some.tar.gz" "$tokenizer" "$work/tokens/train.tokens"
}

train_generator() {
  rarity train config=cifar10$config.yaml experiment.output_dir="$work/generator" \
    model.vq_model.pretrained_tokenizer_weight="$tokenizer" \
    dataset.params.pretokenization="$work/tokens/train.tokens" experiment.eval_tokens="$work/tokens/test.jsonl" \
    "${set[@]}" "${device[@]}"
}

stage tokenizer train_tokenizer
stage tokens make_tokens
stage generator train_generator
stage report report "$work/generator" --held-out "$test" --held-out-tokens "$work/tokens/test.jsonl" \
  --train "$data/train-$some.tar.gz" --train-tokens "$work/tokens/train.tokens" --beside cifar10
finish
