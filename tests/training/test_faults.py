"""Whose fault an error of training is."""

import pytest
import torch

from gaintrace.errors import DeviceError, ExitCode
from gaintrace.training.device import choose_device
from gaintrace.training.faults import device_fault, out_of_memory

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: unspecified launch failure",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
        "CUDA driver error: unknown error",
    ],
)
def test_a_device_is_at_fault(message):
    fault = device_fault(RuntimeError(message), CUDA)
    assert fault.exit_code == ExitCode.DEVICE
    assert message.splitlines()[0] in str(fault)
    assert "\n" not in str(fault)
    assert device_fault(RuntimeError(message), CPU) is None


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_want_of_memory_is_no_fault_of_the_device(error):
    assert out_of_memory(error)
    assert device_fault(error, CUDA) is None


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
        RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
        ValueError("CUDA error: not one of torch's"),
    ],
)
def test_an_error_of_the_run_is_the_run_s(error):
    assert not out_of_memory(error)
    assert device_fault(error, CUDA) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_worth_another_try_elsewhere():
    with pytest.raises(DeviceError, match="0 CUDA devices"):
        choose_device("cuda")
