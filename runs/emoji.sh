#!/usr/bin/env bash
# The emoji model, from the npm registry to a model folder. Run it again and it goes on where it stopped.
#
#   runs/emoji.sh [--stage pictures] [--gpu] [--work FOLDER]
#
# pictures   fetches the icons (3 MB kept in FOLDER/icons.json.br), draws them, packs shards into FOLDER/pictures
set -euo pipefail
cd "$(dirname "$0")/.."
work=out/emoji size=32 drawn=72
while [ $# -gt 0 ]; do
  case $1 in
    --gpu) work=out/emoji-gpu size=64 drawn=144 ;;
    --work) work=$2 && shift ;;
    --stage) stage=$2 && shift ;;
    *) echo "There is no option $1. See the first lines of $0." >&2 && exit 2 ;;
  esac
  shift
done
node runs/steps/pictures.mjs "$work/pictures" --size $size --drawn $drawn
