// Devices, memory, streams, events and graphs of the CUDA runtime. Made and freed here, at start and at the end; a step allocates
// nothing. A device is chosen per thread, once.
#include "device.cuh"

#include <stdio.h>

API int sluice_cuda_abi(void) { return SLUICE_CUDA_ABI; }
API int sluice_cuda_is_emulated(void) { return 0; }
API int sluice_cuda_emulated_order(int32_t) { return 0; }

// No driver, or none that is new enough, is an error here, not the end of the process.
API int sluice_cuda_device_count(int32_t *count) { return (int) cudaGetDeviceCount(count); }

// The device that this thread works on from now on.
API int sluice_cuda_open(int32_t device) {
    cudaError_t chosen = cudaSetDevice(device);
    if (chosen != cudaSuccess) return (int) chosen;
    return (int) cudaFree(nullptr); // makes the context, so that its errors come now
}

// facts: major and minor of the compute capability, multiprocessors, second-level cache, shared memory of a block, total memory
API int sluice_cuda_describe(int32_t device, char *name, int64_t nameBytes, int64_t *facts) {
    cudaDeviceProp properties;
    cudaError_t read = cudaGetDeviceProperties(&properties, device);
    if (read != cudaSuccess) return (int) read;
    snprintf(name, (size_t) nameBytes, "%s", properties.name);
    facts[0] = properties.major;
    facts[1] = properties.minor;
    facts[2] = properties.multiProcessorCount;
    facts[3] = properties.l2CacheSize;
    facts[4] = (int64_t) properties.sharedMemPerBlockOptin;
    facts[5] = (int64_t) properties.totalGlobalMem;
    return 0;
}

API int sluice_cuda_memory(int64_t *freeBytes, int64_t *totalBytes) {
    size_t available, total;
    cudaError_t read = cudaMemGetInfo(&available, &total);
    *freeBytes = (int64_t) available;
    *totalBytes = (int64_t) total;
    return (int) read;
}

API int sluice_cuda_alloc(int64_t bytes, void **memory) { return (int) cudaMalloc(memory, (size_t) bytes); }
API int sluice_cuda_free(void *memory) { return (int) cudaFree(memory); }

// Host memory that the device reads and writes at its own pace.
API int sluice_cuda_alloc_pinned(int64_t bytes, void **memory) {
    return (int) cudaHostAlloc(memory, (size_t) bytes, cudaHostAllocMapped | cudaHostAllocPortable);
}
API int sluice_cuda_free_pinned(void *memory) { return (int) cudaFreeHost(memory); }

API int sluice_cuda_stream_open(void **stream) {
    return (int) cudaStreamCreateWithFlags((cudaStream_t *) stream, cudaStreamNonBlocking);
}
API int sluice_cuda_stream_close(void *stream) { return (int) cudaStreamDestroy((cudaStream_t) stream); }
API int sluice_cuda_stream_wait(void *stream) { return (int) cudaStreamSynchronize((cudaStream_t) stream); }

API int sluice_cuda_copy(void *to, const void *from, int64_t bytes, void *stream) {
    return (int) cudaMemcpyAsync(to, from, (size_t) bytes, cudaMemcpyDefault, (cudaStream_t) stream);
}

API int sluice_cuda_fill(void *to, int32_t value, int64_t bytes, void *stream) {
    return (int) cudaMemsetAsync(to, value, (size_t) bytes, (cudaStream_t) stream);
}

API int sluice_cuda_event_open(void **event) { return (int) cudaEventCreate((cudaEvent_t *) event); }
API int sluice_cuda_event_close(void *event) { return (int) cudaEventDestroy((cudaEvent_t) event); }
API int sluice_cuda_event_record(void *event, void *stream) {
    return (int) cudaEventRecord((cudaEvent_t) event, (cudaStream_t) stream);
}
API int sluice_cuda_event_wait(void *event) { return (int) cudaEventSynchronize((cudaEvent_t) event); }
API int sluice_cuda_event_elapsed(void *from, void *to, float *milliseconds) {
    return (int) cudaEventElapsedTime(milliseconds, (cudaEvent_t) from, (cudaEvent_t) to);
}

// Between the two, launches on the stream are recorded and not run. Only this thread's calls can break it.
API int sluice_cuda_capture_begin(void *stream) {
    return (int) cudaStreamBeginCapture((cudaStream_t) stream, cudaStreamCaptureModeThreadLocal);
}

// Refuses a graph that allocates: libtorch's allocator would hand the same memory to others later.
static int refuse_allocations(cudaGraph_t graph, size_t count) {
    enum { NODES_MAX = 8192 };
    static thread_local cudaGraphNode_t nodes[NODES_MAX];
    if (count > NODES_MAX) return REFUSED_SHAPE;
    cudaError_t listed = cudaGraphGetNodes(graph, nodes, &count);
    if (listed != cudaSuccess) return (int) listed;
    for (size_t i = 0; i < count; i++) {
        cudaGraphNodeType type;
        cudaError_t read = cudaGraphNodeGetType(nodes[i], &type);
        if (read != cudaSuccess) return (int) read;
        if (type == cudaGraphNodeTypeMemAlloc || type == cudaGraphNodeTypeMemFree) return REFUSED_SHAPE;
    }
    return 0;
}

API int sluice_cuda_capture_end(void *stream, void **graph, int32_t *nodeCount) {
    cudaGraph_t recorded;
    int status = (int) cudaStreamEndCapture((cudaStream_t) stream, &recorded);
    if (status != 0) return status;
    size_t count = 0;
    status = (int) cudaGraphGetNodes(recorded, nullptr, &count);
    *nodeCount = (int32_t) count;
    if (status == 0) status = refuse_allocations(recorded, count);
    if (status == 0) status = (int) cudaGraphInstantiate((cudaGraphExec_t *) graph, recorded, 0);
    cudaGraphDestroy(recorded);
    return status;
}

API int sluice_cuda_graph_launch(void *graph, void *stream) {
    return (int) cudaGraphLaunch((cudaGraphExec_t) graph, (cudaStream_t) stream);
}
API int sluice_cuda_graph_close(void *graph) { return (int) cudaGraphExecDestroy((cudaGraphExec_t) graph); }

API int sluice_cuda_error(int32_t code, char *text, int64_t bytes) {
    snprintf(text, (size_t) bytes, "%s: %s", cudaGetErrorName((cudaError_t) code), cudaGetErrorString((cudaError_t) code));
    return 0;
}
