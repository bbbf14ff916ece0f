"""The data set of a sweep."""

from gaintrace.config import RunConfig
from gaintrace.data.dataset import Dataset, load_dataset
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError
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


def reference(config: RunConfig, dataset: Dataset) -> DataReference:
    """What a plan records of a data set."""
    return DataReference(uri=config.data.dataset, name=dataset.name, hash=dataset.hash)
