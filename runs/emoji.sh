#!/usr/bin/env bash
# The emoji model, from the npm registry to a model folder. Run it again and it goes on where it stopped.
#
#   runs/emoji.sh           32 x 32, some three hours on two processor cores
#   runs/emoji.sh --gpu     64 x 64 and larger, on a CUDA device
#   options: --stage NAME, --work FOLDER (out/emoji, out/emoji-gpu), --device cpu; with --stage also key=value for its training
#
# pictures    fetches the icons (3 MB kept in FOLDER/icons.json.br), draws them, packs shards into FOLDER/pictures
# tokenizer   configs/emoji-tokenizer.yaml or -gpu: FOLDER/tokenizer
# tokens      FOLDER/tokens
# generator   configs/emoji.yaml or -gpu: FOLDER/generator, which is the model folder
# report      held-out scores, samples, and how far these are from training pictures: FOLDER/report
set -euo pipefail
rest=()
source "$(dirname "$0")/steps/stages.sh"
[ ${#rest[@]} -eq 0 ] || { echo "There is no option ${rest[0]}." >&2 && usage 2; }
if [ $gpu = 1 ]; then
  config=-gpu drawing=(--size 64 --drawn 144 --copies 2) shards='{0000..0021}'
else
  config= drawing=(--size 32 --drawn 72) shards='{0000..0011}'
fi
: "${work:=out/emoji$config}"
train="$work/pictures/train-$shards.tar" heldout="$work/pictures/heldout-0000.tar"

train_tokenizer() {
  rarity train-tokenizer config=emoji-tokenizer$config.yaml experiment.output_dir="$work/tokenizer" \
    dataset.params.train_shards_path_or_url="$train" dataset.params.eval_shards_path_or_url="$heldout" \
    "${set[@]}" "${device[@]}"
}

make_tokens() {
  mkdir -p "$work/tokens"
  cat packages/rar/models/emoji/classes.txt >"$work/tokens/classes.txt"
  tokens "$heldout" "$work/tokenizer" "$work/tokens/heldout.tokens" --no-mirror
  tokens "$train" "$work/tokenizer" "$work/tokens/train.tokens" --no-mirror
}

train_generator() {
  rarity train config=emoji$config.yaml experiment.output_dir="$work/generator" \
    model.vq_model.pretrained_tokenizer_weight="$work/tokenizer/tokenizer.safetensors" \
    dataset.params.pretokenization="$work/tokens/train.tokens" experiment.eval_tokens="$work/tokens/heldout.tokens" \
    "${set[@]}" "${device[@]}"
}

stage pictures node runs/steps/pictures.mjs "$work/pictures" "${drawing[@]}"
stage tokenizer train_tokenizer
stage tokens make_tokens
stage generator train_generator
stage report report "$work/generator" --held-out "$heldout" --held-out-tokens "$work/tokens/heldout.tokens" \
  --train "$train" --train-tokens "$work/tokens/train.tokens" --beside emoji
finish
