"""What the machine can do at most: matrix products of its BLAS, reading from memory, reading a file."""
import concurrent.futures
import statistics
import time

import numpy as np

BUFFER = 1 << 30  # bytes a thread reads: more than any cache


def repeated(action, repeats):
    """Seconds of each repeat, after one that does not count."""
    action()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return seconds


def gemm(dtype, repeats, side=3000):
    """Operations a second of a square product, on all cores."""
    a, b = np.ones((side, side), dtype), np.ones((side, side), dtype)
    c = np.empty_like(a)
    return 2.0 * side ** 3 / statistics.median(repeated(lambda: np.matmul(a, b, out=c), repeats))


def stream(threads, repeats):
    """Bytes a second read from memory: written first, or one page of zeros would serve them all; numpy lets go
    of the interpreter while it reads."""
    buffers = [np.ones(BUFFER // 8) for _ in range(threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        seconds = repeated(lambda: list(pool.map(np.max, buffers)), repeats)
    return threads * BUFFER / statistics.median(seconds)


def read_file(path):
    """Bytes a second of a plain sequential read."""
    buffer = bytearray(1 << 23)
    total = 0
    began = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            total += count
    return total / (time.perf_counter() - began)


def measure(cores, repeats):
    return {"dgemm": gemm(np.float64, repeats), "sgemm": gemm(np.float32, repeats), "stream": stream(cores, repeats)}


def floor(peaks, precision, flops, matrix_bytes):
    """The least seconds an iteration can take: its operations at the product's peak, or its bytes at the memory's."""
    rate = peaks["dgemm" if precision == "double" else "sgemm"]
    return max(flops / rate, matrix_bytes / peaks["stream"])
