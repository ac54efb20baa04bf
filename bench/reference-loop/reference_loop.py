"""Times RAR's generation as plain PyTorch does it on a CPU: the peer that rarity's speed is held against.

    python3 reference_loop.py --preset rar-b                       one image, all steps, decoded
    python3 reference_loop.py --preset rar-b --steps 16 --tune     find the best threads, few steps, scaled
    python3 reference_loop.py --check FOLDER                       compare with recorded numbers

Weights are random: speed does not depend on them. Prints one line of JSON on stdout, all else on stderr.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leaves no folders beside the sources
TUNE_STEPS = 8


def main():
    args = parse()
    if args.tune:
        args.threads, args.wait = tune(args)
    # read by OpenMP and OpenBLAS when PyTorch is loaded, so they must be set before that
    if args.wait != "default":
        os.environ["OMP_WAIT_POLICY"] = args.wait
    if args.wait == "passive":
        os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles of spinning, the least it takes
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(args.threads))
    import torch

    torch.set_num_threads(args.threads)
    if args.check is not None:
        from check import check

        sys.exit(1 if check(args.check) else 0)
    print(json.dumps(measure(args)), flush=True)


def parse():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="rar-b", choices=("rar-b", "rar-l", "rar-xl", "rar-xxl"))
    parser.add_argument("--threads", type=int, default=cores, help=f"default: all cores, here {cores}")
    parser.add_argument("--wait", default="passive", choices=("passive", "active", "default"), help="OMP_WAIT_POLICY")
    parser.add_argument("--images", type=int, default=1, help="images in the batch (two rows each)")
    parser.add_argument("--steps", type=int, help="time only the first N steps and scale to a whole image")
    parser.add_argument("--no-decode", dest="decode", action="store_false", help="leave the tokenizer out")
    parser.add_argument("--tune", action="store_true", help="try threads and wait policies first, then take the best")
    parser.add_argument("--check", metavar="FOLDER", help="compare with recorded numbers instead of timing")
    args = parser.parse_args()
    for name in ("threads", "images", "steps"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name} {value}: it must be at least 1")
    return args


def tune(args):
    """The (threads, wait policy) with the least median step, each tried in a process of its own."""
    cores = len(os.sched_getaffinity(0))
    counts = sorted({1, max(1, cores // 2), cores})
    settings = [(t, wait) for t, wait in itertools.product(counts, ("passive", "default")) if t > 1 or wait == "passive"]
    best = None
    for threads, wait in settings:
        command = [sys.executable, os.path.abspath(__file__), "--preset", args.preset, "--no-decode"]
        command += ["--images", str(args.images), "--steps", str(TUNE_STEPS)]
        command += ["--threads", str(threads), "--wait", wait]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        median = result["seconds_per_step_median"]
        print(f"threads {threads}, wait {wait}: {median * 1000:.0f} ms a step", file=sys.stderr)
        if best is None or median < best[0]:
            best = (median, threads, wait)
    return best[1:]


def measure(args):
    import torch

    from decoder import Decoder, DecoderSizes
    from decoder import random_weights as random_decoder
    from generator import PRESETS, Generator, random_weights

    sizes, sampling = PRESETS[args.preset]
    torch.manual_seed(0)
    generator = Generator(sizes, random_weights(sizes))
    classes = torch.randint(0, sizes.classes, (args.images,))
    timed = min(args.steps or sizes.tokens, sizes.tokens)

    generator.generate(classes, sampling, steps=3)  # warm-up
    marks = [time.perf_counter()]
    tokens = generator.generate(classes, sampling, steps=timed, on_step=lambda: marks.append(time.perf_counter()))
    durations = [after - before for before, after in zip(marks, marks[1:])]
    generating = sum(durations) * sizes.tokens / timed

    decoding = None
    if args.decode:
        decoder = Decoder(DecoderSizes(), random_decoder(DecoderSizes()))
        grid = torch.randint(0, sizes.codes, (args.images, sizes.tokens))
        grid[:, : tokens.shape[1]] = tokens
        decoder.images(grid[:1])  # warm-up
        start = time.perf_counter()
        decoder.images(grid)
        decoding = time.perf_counter() - start

    result = {
        "preset": args.preset,
        "torch": torch.__version__,
        "blas": blas(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "openblas_thread_timeout": os.environ.get("OPENBLAS_THREAD_TIMEOUT"),
        "images": args.images,
        "rows": 2 * args.images,
        "steps_timed": timed,
        "steps_of_an_image": sizes.tokens,
        "scaled": timed < sizes.tokens,
        "seconds_per_image": (generating + (decoding or 0)) / args.images,
        "generate_seconds": generating,
        "decode_seconds": decoding,
        "seconds_per_step_median": statistics.median(durations),
        "seconds_per_step_min": min(durations),
        "seconds_per_step_max": max(durations),
    }
    if result["scaled"]:
        result["note"] = (
            f"only the first {timed} of {sizes.tokens} steps were timed; generate_seconds is their sum times "
            f"{sizes.tokens / timed:g}. Later steps read a longer cache and cost a little more."
        )
    if result["blas"] == "reference":
        print("PyTorch runs on the unoptimized reference BLAS: install libopenblas0-openmp first.", file=sys.stderr)
    return result


def blas():
    """Which library multiplies matrices in this process."""
    import torch

    if torch.backends.mkl.is_available():
        return "mkl"
    with open("/proc/self/maps") as file:
        loaded = file.read()
    return "openblas" if "openblas" in loaded else "reference"


if __name__ == "__main__":
    main()
