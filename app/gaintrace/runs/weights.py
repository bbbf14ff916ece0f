"""model.safetensors of a finished run: the weights of the encoders at their selected epochs."""

from safetensors import SafetensorError
from safetensors.torch import load

from gaintrace.errors import StoreError
from gaintrace.runs.files import file_name
from gaintrace.store import Store, layout
from gaintrace.training.history import Weights


def read_weights(store: Store, run: str) -> Weights:
    """Tensors by side and name, on the CPU. Raises StoreError where they cannot be read."""
    folder = store.child(layout.run(run))
    where = file_name(folder, "model.safetensors")
    try:
        tensors = load(folder.read(where))
    except SafetensorError as error:
        raise StoreError(f"{folder.uri}/{where} is damaged: {error}. Train the run again") from None
    weights: Weights = {}
    for name, tensor in tensors.items():
        side, _, own = name.partition(".")
        weights.setdefault(side, {})[own] = tensor
    return weights


def misfit(store: Store, run: str, error: Exception) -> StoreError:
    """What to raise where weights are of another model than the code builds today."""
    folder = store.child(layout.run(run))
    where = file_name(folder, "model.safetensors")
    return StoreError(f"{folder.uri}/{where} does not fit this version of the model: {error}")
