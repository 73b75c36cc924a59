#!/bin/sh
# Compiles the CPU kernels into one shared library:  build.sh <object folder> <resource folder>
# Rebuilds only what is older than its sources. Without a working C compiler it says so in one line and succeeds: the
# server then runs on its reference path.
set -u
source=$(cd "$(dirname "$0")" && pwd)
objects=$1
resources=$2

skip() {
    echo "[kernels] $1: the CPU kernels are not built, models will run on the slow reference path"
    exit 0
}

compiler=${CC:-}
for candidate in cc gcc clang; do
    [ -n "$compiler" ] || ! command -v "$candidate" >/dev/null 2>&1 || compiler=$candidate
done
[ -n "$compiler" ] || skip "no C compiler found (cc, gcc or clang)"

case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) skip "no kernels for $(uname -s)" ;;
esac
case $(uname -m) in
    x86_64 | amd64) arch=x86_64 ;;
    aarch64 | arm64) arch=aarch64 ;;
    *) arch=$(uname -m) ;;
esac
library=$resources/io/sluice/device/$os-$arch/libsluice_kernels.so
[ -f "$library" ] && [ -z "$(find "$source" -newer "$library")" ] && exit 0

mkdir -p "$objects" "$(dirname "$library")" || skip "cannot write to $objects"
log=$objects/build.log
: >"$log"
common="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -Wall -Wextra"
all=
running=

# compile <object> <source> <flags...>, beside its siblings
compile() {
    object=$objects/$1.o
    unit=$source/$2
    shift 2
    "$compiler" $common "$@" -c "$unit" -o "$object" >>"$log" 2>&1 &
    running="$running $!"
    all="$all $object"
}

# Every kernel for one instruction set: set <name> <flags...>
set_of_kernels() {
    name=$1
    shift
    compile "rows-$name" rows.c -DSLUICE_SET="$name" "$@"
    compile "argmax-$name" argmax.c -DSLUICE_SET="$name" "$@"
    compile "embed-$name" embed.c -DSLUICE_SET="$name" "$@"
    compile "pack-$name" pack.c -DSLUICE_SET="$name" "$@"
    compile "gemm-q8-$name" gemm_quant.c -DSLUICE_SET="$name" "$@"
    compile "gemm-q4-$name" gemm_quant.c -DSLUICE_SET="$name" -DWEIGHTS_Q4 "$@"
    compile "gemm-f32-$name" gemm.c -DSLUICE_SET="$name" "$@"
    compile "gemm-f32-bf16-$name" gemm.c -DSLUICE_SET="$name" -DWEIGHTS_BF16 "$@"
    compile "gemm-bf16-$name" gemm.c -DSLUICE_SET="$name" -DACTIVATIONS_BF16 "$@"
    for kernel in rope attention; do
        compile "$kernel-f32-$name" $kernel.c -DSLUICE_SET="$name" "$@"
        compile "$kernel-bf16-$name" $kernel.c -DSLUICE_SET="$name" -DKV_BF16 "$@"
    done
    for job in $running; do
        wait "$job" || skip "$compiler failed on the $name kernels, see $log"
    done
    running=
}

compile host host.c
compile pool pool.c -pthread
set_of_kernels portable
if [ "$arch" = x86_64 ]; then
    avx512="-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl"
    set_of_kernels avx2 -mavx2 -mfma -mf16c
    set_of_kernels avx512 $avx512
    set_of_kernels avx512vnni $avx512 -mavx512vnni
    set_of_kernels avx512bf16 $avx512 -mavx512vnni -mavx512bf16
fi
"$compiler" -shared -o "$library.tmp" $all -pthread >>"$log" 2>&1 || skip "$compiler failed to link, see $log"
mv "$library.tmp" "$library"
echo "[kernels] built $os-$arch with $compiler"
