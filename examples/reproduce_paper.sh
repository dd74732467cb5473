#!/usr/bin/env bash
# The study of Han et al., arXiv 2506.11815, on PTB-XL: from the download to the ranking of the models, first and
# retrained. docs/paper.md explains each step, and says how much disk, time and memory to expect.
#
#   PTBXL=ptb-xl WORK=study examples/reproduce_paper.sh
#   SMALL=1 PTBXL=ptb-xl WORK=study-small examples/reproduce_paper.sh
#
# The first needs a GPU. SMALL=1 takes the records that are in PTBXL, few as they may be, narrow networks, few steps
# and short reverse processes, on the processor: it shows that everything works, not how good the models are.
#
# A step whose output is there is skipped, and a step that was stopped goes on: run the same line again.
# To do a step again, delete its output. Needs bash 4.4, and: pip install 'ecgnoise[train,ptbxl,plot]'
set -euo pipefail

SMALL=${SMALL:-0}            # 1: a small study, see above
PTBXL=${PTBXL:-ptb-xl}       # the folder of PTB-XL; it is downloaded if need be
WORK=${WORK:-study}          # the folder for all that is made
PROCESSES=${PROCESSES:-1}    # processes of a training, one a GPU; a step takes --batch leads of each
METRIC=${METRIC:-psnr}       # what the best models and the cleanest leads are chosen by
SHARE=${SHARE:-0.5}          # how much of the clean leads to keep of each of the two best models
if [ "$SMALL" = 1 ]; then
    DOWNLOAD=${DOWNLOAD:-0}
    PRESET=${PRESET:-default}
    DEVICE=${DEVICE:-cpu}
    TIMESTEPS=${TIMESTEPS:-30}
    SAMPLERS=${SAMPLERS:-ddim}
    TRAIN=${TRAIN---steps 60 --batch 8 --save-every 20 --validation-leads 32}
    WIDTHS=${WIDTHS-32,32,32}
    PIXEL_WIDTHS=${PIXEL_WIDTHS-32,32,32,32,32}
else
    DOWNLOAD=${DOWNLOAD:-1}            # 0: PTBXL is complete, or there is no network
    PRESET=${PRESET:-paper}            # of ecgnoise train: paper or default
    DEVICE=${DEVICE:-cuda}             # where models are evaluated and trained: cuda or cpu
    TIMESTEPS=${TIMESTEPS:-30 100 250} # where the reverse process starts; 250 and 30 are the published evaluation's and call's
    SAMPLERS=${SAMPLERS:-ddim ddpm}    # its samplers
    TRAIN=${TRAIN:-}                   # more options for every training, such as --precision bfloat16
    WIDTHS=${WIDTHS:-}                 # widths of autoencoder and latent model; empty: as published
    PIXEL_WIDTHS=${PIXEL_WIDTHS:-}     # widths of the pixel model; empty: as published
fi

store=$WORK/store
results=$WORK/results
if [ "$DEVICE" = cpu ]; then
    export CUDA_VISIBLE_DEVICES=
    batch=64
else
    batch=256
fi
read -ra train_options <<<"$TRAIN"
sampling=()
for timestep in $TIMESTEPS; do sampling+=(--timestep "$timestep"); done
for sampler in $SAMPLERS; do sampling+=(--sampler "$sampler"); done

# step OUTPUT COMMAND...: unless OUTPUT is there, say and run the command.
step() {
    local output=$1
    shift
    if [ -e "$output" ]; then
        echo "= $output is there"
    else
        echo "+ $*"
        "$@"
    fi
}

# Marks in WORK/done stand for steps whose output does not tell whether it is whole.
marked() {
    local mark=$1
    shift
    "$@"
    mkdir -p "$WORK/done"
    touch "$mark"
}

# Some records may fail in a small study, where most are not there at all; all of them are needed otherwise.
prepare() {
    local code=0
    ecgnoise ptbxl prepare "$PTBXL" --out "$store" --profile paper || code=$?
    if [ "$code" = 1 ] && [ "$SMALL" = 1 ]; then
        echo "the small study goes on without those records"
    elif [ "$code" != 0 ]; then
        exit "$code"
    fi
}

# train KIND OUT OPTIONS...: with several processes through accelerate.
train() {
    local kind=$1 out=$2 widths=$WIDTHS
    shift 2
    local program=(ecgnoise)
    if [ "$PROCESSES" -gt 1 ]; then
        program=(accelerate launch --num_processes "$PROCESSES" --num_machines 1 --mixed_precision no --dynamo_backend no)
        if [ "$DEVICE" = cpu ]; then program+=(--cpu); else program+=(--multi_gpu); fi
        program+=(-m ecgnoise)
    fi
    if [ "$kind" = pixel ]; then widths=$PIXEL_WIDTHS; fi
    if [ -n "$widths" ]; then set -- "$@" --channels "$widths"; fi
    step "$out/model.toml" "${program[@]}" train "$kind" "$store" --out "$out" --preset "$PRESET" --discretization \
        "$@" "${train_options[@]}"
}

train_all() {
    local models=$1
    shift
    mkdir -p "$models"
    train autoencoder "$models/autoencoder" "$@"
    train latent "$models/latent" --autoencoder "$models/autoencoder" "$@"
    train pixel "$models/pixel" "$@"
}

# evaluate MODEL NAME OUT OPTIONS...: finds by itself what is done, and goes on with the rest.
evaluate() {
    local model=$1 name=$2 out=$3
    shift 3
    echo "+ evaluate $model into $out"
    ecgnoise ptbxl evaluate "$store" --model "$model" --name "$name" --out "$out" --batch "$batch" "$@"
}

# evaluate_all MODELS SUFFIX: the sweep. The autoencoder alone, the rival without diffusion, has no reverse process.
evaluate_all() {
    local models=$1 suffix=$2
    evaluate "$models/autoencoder" "ae$suffix" "$results"
    evaluate "$models/latent" "ldm$suffix" "$results" "${sampling[@]}" --device "$DEVICE"
    evaluate "$models/pixel" "dm$suffix" "$results" "${sampling[@]}" --device "$DEVICE"
}

# best NOISE: the result file of the first models with the largest signed W1 at this noise.
best() {
    awk -F, -v noise="$1" -v metric="$METRIC" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["noise"] == noise && $column["metric"] == metric && $column["model"] ~ /^(ae|ldm|dm)$/ &&
        (!found || $column["w1"] + 0 > largest) {
            largest = $column["w1"] + 0; file = $column["file"]; found = 1
        }
        END { if (!found) exit 1; print file }' "$WORK/compare-first/compare.csv" || {
        echo "no result with $METRIC and $1 in $WORK/compare-first/compare.csv" >&2
        exit 1
    }
}

# evaluate_everywhere FILE: the model and sampler of a result file on all leads of all folds.
evaluate_everywhere() {
    local file=$1 name model sampling=()
    name=${file%%_*}
    case $name in
        ae) model=autoencoder ;;
        ldm) model=latent ;;
        dm) model=pixel ;;
        *) echo "$file: of no model of this study" >&2; exit 1 ;;
    esac
    if [[ $file =~ _ddim-([0-9]+)_t([0-9]+)_ ]]; then
        sampling=(--sampler ddim --step-interval "${BASH_REMATCH[1]}" --timestep "${BASH_REMATCH[2]}" --device "$DEVICE")
    elif [[ $file =~ _ddpm_t([0-9]+)_ ]]; then
        sampling=(--sampler ddpm --timestep "${BASH_REMATCH[1]}" --device "$DEVICE")
    fi
    evaluate "$WORK/models/$model" "$name" "$WORK/results-all-folds" --all-folds "${sampling[@]}"
}

mkdir -p "$WORK"

# 1. The records, and their labels.
if [ "$DOWNLOAD" = 1 ]; then
    step "$WORK/done/download" marked "$WORK/done/download" \
        ecgnoise download ptb-xl --out "$PTBXL" --only "records500/*" --only "*.csv"
fi
step "$WORK/labels/labels.csv" ecgnoise ptbxl index "$PTBXL" --out "$WORK/labels"

# 2. The images.
step "$WORK/done/prepare" marked "$WORK/done/prepare" prepare

# 3. The models.
train_all "$WORK/models"

# 4. How well they tell noise. Evaluating finds for itself what is done.
if [ ! -e "$WORK/compare-first/compare.csv" ]; then evaluate_all "$WORK/models" ""; fi
step "$WORK/compare-first/compare.csv" ecgnoise ptbxl compare "$results" --keyword "_$METRIC" --out "$WORK/compare-first"

# 5. The leads that the models best at static and at burst noise both take for the cleanest.
static=$(best static_noise)
burst=$(best burst_noise)
echo "best at static noise: $static; at burst noise: $burst"
if [ ! -e "$WORK/refined.csv" ]; then
    evaluate_everywhere "$static"
    if [ "$burst" != "$static" ]; then evaluate_everywhere "$burst"; fi
fi
step "$WORK/refined.csv" ecgnoise ptbxl refine --metric "$METRIC" --out "$WORK/refined.csv" \
    --static-file "$WORK/results-all-folds/all_$static" --static-percentage "$SHARE" \
    --burst-file "$WORK/results-all-folds/all_$burst" --burst-percentage "$SHARE"

# 6. The models again, on those leads only; the first ones stay.
train_all "$WORK/refined" --only "$WORK/refined.csv"

# 7. All of them compared.
if [ ! -e "$WORK/compare/compare.csv" ]; then evaluate_all "$WORK/refined" -refined; fi
step "$WORK/compare/compare.csv" ecgnoise ptbxl compare "$results" --keyword "_$METRIC" --out "$WORK/compare"
echo "the ranking: $WORK/compare/compare.csv, and a picture of the first: $WORK/compare/compare.png"
