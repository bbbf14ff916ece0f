"""The data set of a sweep, and of a run that is finished."""

from gaintrace.config import RunConfig
from gaintrace.data.dataset import Dataset, load_dataset, load_info
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError, DataError, StoreError
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import DataReference


def load_data(config: RunConfig) -> Dataset:
    """The data set a configuration names, or the students it simulates."""
    if config.data.synthetic is not None:
        return generate(config.data.synthetic)
    if config.data.dataset is None:
        raise ConfigError(
            "no data set: give --data FOLDER (made by `gaintrace data prepare`), or data.synthetic in the configuration"
        )
    return load_dataset(config.data.dataset)


def load_own(store: Store, config: RunConfig, content_hash: str) -> Dataset:
    """The data set that a finished run was trained on, wherever it lies now; another one where none has its content.

    Raises DataError where nothing is left there.
    """
    config = located(store, config, content_hash)
    try:
        return load_data(config)
    except DataError as error:
        if config.data.dataset is None or _hash(config.data.dataset) is not None:
            raise
        raise DataError(
            f"{config.data.dataset}: no prepared data set there any more, and none of its content ({content_hash}) in "
            f"{store.uri}/{layout.DATASETS}; prepare it again or move it there"
        ) from error


def located(store: Store, config: RunConfig, content_hash: str) -> RunConfig:
    """A finished run's configuration, with the place where its data set lies now.

    That is where it was or, as where store and data sets were moved, that of the store's which has the same content.
    Without any, the configuration is as it was.
    """
    if config.data.dataset is None or _hash(config.data.dataset) == content_hash:
        return config
    for name in layout.dataset_names(store):
        uri = f"{store.uri}/{layout.dataset(name)}"
        if _hash(uri) == content_hash:
            return config.model_copy(update={"data": config.data.model_copy(update={"dataset": uri})})
    return config


def _hash(uri: str) -> str | None:
    """What dataset.json says; None where none can be read."""
    try:
        return load_info(uri).hash
    except (ConfigError, DataError, StoreError):
        return None


def reference(config: RunConfig, dataset: Dataset) -> DataReference:
    """What a plan records of a data set."""
    return DataReference(uri=config.data.dataset, name=dataset.name, hash=dataset.hash)
