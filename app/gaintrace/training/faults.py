"""Whose fault an error of training is: the run's, for want of memory, or the device's."""

import torch

from gaintrace.errors import DeviceError

OF_THE_DEVICE = (
    "CUDA error",
    "CUDA driver error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS",
    "cuDNN error",
    "CUDA unknown error",
)
"""What messages of a device, its driver and its libraries hold."""
OF_MEMORY = ("out of memory", "can't allocate memory", "alloc_failed", "ALLOC_FAILED")


def out_of_memory(error: BaseException) -> bool:
    """Whether fewer members, or a smaller batch, could have helped."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OF_MEMORY)


def device_fault(error: BaseException, device: torch.device) -> DeviceError | None:
    """The error as the fault of a GPU that it is (ECC, lost device, driver); None where it is not.

    After such a fault nothing more can be computed in this process, and nothing is known about any run.
    """
    if device.type != "cuda" or out_of_memory(error) or not isinstance(error, RuntimeError):
        return None
    accelerator = getattr(torch, "AcceleratorError", None)  # newer versions of torch tell them apart
    if not (accelerator and isinstance(error, accelerator)) and not any(word in str(error) for word in OF_THE_DEVICE):
        return None
    return DeviceError(
        f"the GPU failed: {str(error).strip().splitlines()[0]}. No run is to blame and none is recorded as failed; "
        "run the same command again, on another GPU if it comes back"
    )
