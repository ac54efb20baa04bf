#!/usr/bin/env bash
# From a folder of pictures to pictures of one's own model, in five commands. Run it again and it goes on where it stopped.
#
#   examples/own-pictures/run.sh PICTURES [OUT]
#
# PICTURES holds a folder for each class. More settings for the two trainings: TOKENIZER="key=value ...", GENERATOR="...".
set -euo pipefail
cd "$(dirname "$0")/../.."
pictures=${1:?Name the folder that has a folder of pictures for each class.}
out=${2:-out/own-pictures}
classes=$(find "$pictures" -mindepth 1 -maxdepth 1 -type d | wc -l)
rarity() { node packages/rar/dist/cli/main.js "$@"; }

rarity train-tokenizer config=examples/own-pictures/tokenizer.yaml experiment.output_dir="$out/tokenizer" \
  dataset.params.train_shards_path_or_url="$pictures" ${TOKENIZER:-}
[ -f "$out/pictures.tokens" ] ||
  rarity pretokenize "$pictures" --model "$out/tokenizer" --output "$out/pictures.tokens"
rarity tokens "$out/pictures.tokens" --rows 0-15 --model "$out/tokenizer" --output "$out/rows.png" --overwrite
rarity train config=examples/own-pictures/generator.yaml experiment.output_dir="$out/model" \
  model.vq_model.pretrained_tokenizer_weight="$out/tokenizer" dataset.params.pretokenization="$out/pictures.tokens" \
  model.generator.condition_num_classes="$classes" ${GENERATOR:-}
rarity generate --model "$out/model" --class all --count 4 --output "$out/samples" --overwrite
