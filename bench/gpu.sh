#!/usr/bin/env bash
# All that wants a GPU, in nine minutes at most: the CUDA tests, the steps of every training (gpu.py), and
# `skills discover --preset paper` with a shared network and with a network a skill. Prints one table.
#
#     OUT=folder bash bench/gpu.sh
#
# OUT gets log.txt, steps.jsonl, table.txt and the two runs without what can be made again. Where a smoke run or the
# CUDA tests' first of captured steps fails, nothing below would run: it stops after the tests, unless ANYWAY=1.
# LIMIT: seconds in all. SHARED, OWN: IQL's steps of the two runs; the paper's are a million, the table says what
# these would take. ROWS: of the dataset. COUNT: skills of the steps that are timed. DEVICE=cpu PRESET=smoke tries it all.
# As they are, all but the rivals (JAX, torch.compile) ends in nine minutes on an H200 with 16 cores; the rivals get what
# is left. RIVALS=1 measures them alone, two minutes each at most.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-bench/runs/gpu} limit=${LIMIT:-525} shared=${SHARED:-60000} own=${OWN:-10000} rows=${ROWS:-500000}
python=${PYTHON:-python3} preset=${PRESET:-paper} dataset=${DATASET:-ant-medium} device=${DEVICE:-cuda} count=${COUNT:-100}
mkdir -p "$out"
work=$(mktemp -d)
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false
export SKILLS_RUNS="$work/runs" MINARI_DATASETS_PATH="$work/minari" TORCHINDUCTOR_CACHE_DIR="$work/inductor"
log="$out/log.txt" lines="$out/steps.jsonl" times="$work/times.txt"
: >"$log" && : >"$lines" && : >"$times"

# The first cores for what is measured, the others for what is made meanwhile.
cores=$(nproc)
if command -v taskset >/dev/null && ((cores >= 8)); then
  front="taskset -c 0-$((cores / 2 - 1))" back="taskset -c $((cores / 2))-$((cores - 1))"
else
  front="" back=""
fi

# NAME SECONDS COMMAND...: runs it for so long at most, and no longer than all may take; notes its time and its end.
step() {
  local name=$1 seconds=$2 left=$((limit - SECONDS - 10)) began=$SECONDS code=0
  shift 2
  if ((left < 5)); then
    echo "$name: no time left" | tee -a "$times"
    return 1
  fi
  echo "== $name" | tee -a "$log"
  timeout -k 5 $((seconds < left ? seconds : left)) "$@" 2>&1 | tee -a "$log" || code=$?
  echo "$name: $((SECONDS - began)) s, exit $code" | tee -a "$times"
  return "$code"
}

skills='from skills.cli.app import main; main()'
skills() { step "$1" "$2" "$python" -c "$skills" "${@:3}"; }
smoke() { skills "$1" 90 discover hopper-medium --preset smoke --device "$device" --no-videos --run "$SKILLS_RUNS/$1" "${@:2}"; }
paper() {
  skills "$1" "$3" discover "$dataset" --preset "$preset" --device "$device" --no-videos --run "$SKILLS_RUNS/$1" \
    --learner iql --policy "$1" --set "policy.steps=$2" --set "data.steps=$rows"
}

rivals() { step "rivals of $1" 120 $front "$python" bench/gpu.py "$1" "$lines" "$count" --rivals; }

# What needs no GPU is done beside, on the other cores: data and classes before a run, what its skills are worth after.
beside() {
  $back "$python" "${@:2}" >"$work/$1.log" 2>&1
  echo "beside, $1: exit $?, at $SECONDS s" >>"$times"
}
classes() { beside "classes-$1" bench/gpu_run.py classes "$SKILLS_RUNS/$1" "$dataset" "$preset" "$device" "$1" "$2" "$rows"; }
evaluate() { beside "evaluate-$1" -c "$skills" evaluate "$SKILLS_RUNS/$1" --against none --trials 5; }
# NAME PROCESS SECONDS: waits for it until so many seconds of the limit are left, then ends it and notes that.
awaited() {
  while kill -0 "$2" 2>/dev/null && ((SECONDS < limit - $3)); do sleep 1; done
  if kill -0 "$2" 2>/dev/null; then
    kill -- "-$2"
    echo "beside, $1: ended at $SECONDS s, no time left" >>"$times"
  fi
}

finish() {
  for made in "$work"/{data,classes}*.log; do
    [[ -e $made ]] && { echo "== beside, $(basename "$made" .log)" && cat "$made"; } >>"$log"
  done
  {
    echo && cat "$times"
    "$python" bench/gpu.py table "$lines"
    if [[ -z ${RIVALS:-} ]]; then "$python" bench/gpu_run.py report "$SKILLS_RUNS/shared" "$SKILLS_RUNS/independent"; fi
    for made in "$work"/evaluate-*.log; do
      [[ -e $made ]] && echo "== $(basename "$made" .log)" && cat "$made"
    done
  } 2>&1 | tee "$out/table.txt" | tee -a "$log"
  for run in shared independent; do
    if [[ -d "$SKILLS_RUNS/$run" ]]; then
      tar -C "$SKILLS_RUNS" --exclude=labels.f16 --exclude='cvae*' --exclude='*checkpoint*' --exclude=gallery --exclude=rollouts -cz "$run" |
        split -b 15M - "$out/$run.tgz."
    fi
  done
  rm -rf "$work"
}
trap finish EXIT

if [[ -n ${RIVALS:-} ]]; then
  step machine 60 $front "$python" bench/gpu.py machine "$lines"
  for case in iql independent one cvae; do
    step "steps of $case" 40 $front "$python" bench/gpu.py "$case" "$lines" "$count"
    rivals "$case"
  done
  exit
fi

set -m # what runs beside is a group of processes, to be ended as one
{
  beside data -c "$skills" data make "$dataset" --steps "$rows"
  classes shared "$shared" &
  classes independent "$own" &
  wait
} &
making=$!
set +m

fine=1
command -v nvidia-smi >/dev/null && step nvidia-smi 20 nvidia-smi
step machine 60 $front "$python" bench/gpu.py machine "$lines"
smoke iql --learner iql || fine=0
smoke reach --learner reach || fine=0
step tests 100 $front "$python" -m pytest -m cuda tests/test_cuda.py --durations=5
if ((!fine)) && [[ -z ${ANYWAY:-} ]]; then
  echo "A smoke run failed: the rest is left out." | tee -a "$log"
  awaited making "$making" "$limit"
  exit 1
fi
for case in cvae iql independent one values policies; do
  step "steps of $case" 40 $front "$python" bench/gpu.py "$case" "$lines" "$count"
done
others=(iql independent one cvae)
while kill -0 "$making" 2>/dev/null && ((${#others[@]})); do
  rivals "${others[0]}"
  others=("${others[@]:1}")
done
awaited making "$making" 150
paper shared "$shared" 200
set -m
evaluate shared &
valuing_shared=$!
set +m
paper independent "$own" 140
set -m
evaluate independent &
valuing_independent=$!
set +m
for case in ${others[@]+"${others[@]}"}; do rivals "$case"; done
awaited evaluate-shared "$valuing_shared" 15
awaited evaluate-independent "$valuing_independent" 15
