#!/bin/sh
# Compiles the CUDA kernels into one shared library:  build.sh cuda|emulated <object folder> <folder of the library>
#
#   cuda      libsluice_cuda.so by nvcc, machine code for each architecture below that this nvcc knows, and PTX for later ones.
#             SLUICE_NVCC names the nvcc; else the one on the PATH, else that of /usr/local/cuda.
#   emulated  libsluice_cuda_emulated.so by the C++ compiler: the same kernels on a processor, for tests
#
# Rebuilds only what is older than its sources. Where there is no compiler it says so in one line and succeeds. An nvcc that fails
# is treated like one that is missing: many do not go with the system's compiler. A C++ compiler that fails ends the build.
set -u
kind=$1
objects=$2/$kind
source=$(cd "$(dirname "$0")" && pwd)
architectures="80 86 89 90a 100 120"
kernels="rows pack rope attention attention_plain products gemm sample measure"

skip() {
    echo "[cuda] $1: $skipped"
    exit 0
}

failed() {
    [ "$kind" = cuda ] && skip "$compiler failed, see $log"
    tail -n 40 "$log" >&2
    echo "[cuda] $compiler failed, see $log" >&2
    exit 1
}

case $kind in
    cuda)
        library=$3/libsluice_cuda.so
        skipped="the CUDA kernels are not built, models will run on the CPU"
        units="$kernels runtime"
        compiler=${SLUICE_NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
        [ -x "$compiler" ] || skip "no nvcc found (SLUICE_NVCC, the PATH, /usr/local/cuda)"
        ;;
    emulated)
        library=$3/libsluice_cuda_emulated.so
        skipped="the CUDA kernels' arithmetic is not tested on this machine"
        units="$kernels emulation"
        compiler=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || echo none)}
        [ "$compiler" != none ] || skip "no C++ compiler found (c++, g++ or clang++)"
        [ "$(uname -s)" = Linux ] || skip "the emulation is for Linux"
        case $(uname -m) in
            x86_64 | amd64 | aarch64 | arm64) ;;
            *) skip "the emulation is for x86-64 and 64-bit Arm" ;;
        esac
        ;;
    *)
        echo "usage: build.sh cuda|emulated <object folder> <folder of the library>" >&2
        exit 2
        ;;
esac

[ -f "$library" ] && [ -z "$(find "$source" -newer "$library")" ] && exit 0
mkdir -p "$objects" "$(dirname "$library")" || skip "cannot write to $objects"
log=$objects/build.log
: >"$log"

if [ "$kind" = cuda ]; then
    home=$(dirname "$(dirname "$(readlink -f "$compiler")")")
    known=$("$compiler" --list-gpu-code 2>>"$log") || skip "$compiler does not run, see $log"
    flags="-std=c++17 -O3 -Xcompiler -fPIC,-fvisibility=hidden"
    built=
    for architecture in $architectures; do
        echo "$known" | grep -qx "sm_${architecture%a}" || continue
        flags="$flags -gencode arch=compute_$architecture,code=sm_$architecture"
        built="$built sm_$architecture"
    done
    [ -n "$built" ] || skip "$compiler knows none of $architectures"
    flags="$flags -gencode arch=compute_80,code=compute_80"
    link="-shared -cudart static -L$home/lib -L$home/lib64"
    jobs=1 # nvcc takes hundreds of megabytes
else
    # Nothing is fused that the source does not fuse: the same roundings as on a GPU.
    flags="-std=c++17 -O2 -fPIC -fvisibility=hidden -ffp-contract=off -fno-strict-aliasing -U_FORTIFY_SOURCE -Wall -Wextra"
    built=" $(uname -m)"
    link="-shared -pthread"
    jobs=2
fi

all=
running=
count=0
for unit in $units; do
    file=$source/$unit.cu
    language=
    if [ "$kind" = emulated ]; then
        language="-x c++"
        [ "$unit" != emulation ] || file=$source/$unit.cpp
    fi
    "$compiler" $flags $language -c "$file" -o "$objects/$unit.o" >>"$log" 2>&1 &
    running="$running $!"
    all="$all $objects/$unit.o"
    count=$((count + 1))
    [ $((count % jobs)) -eq 0 ] || continue
    for job in $running; do
        wait "$job" || failed
    done
    running=
done
for job in $running; do
    wait "$job" || failed
done
"$compiler" $link -o "$library.tmp" $all >>"$log" 2>&1 || failed
mv "$library.tmp" "$library"
echo "[cuda] built the $kind kernels for$built with $compiler"
