"""Readers of public data sets, by name. A reader turns raw files into answers in time order."""

from gaintrace.data.readers import algebra2005, assist2009, assist2015, assist2017, pykt
from gaintrace.data.readers.answers import Reader
from gaintrace.data.readers.common import PUBLISHED

READERS: dict[str, Reader] = {
    "assist2009": assist2009.READER,
    "assist2015": assist2015.READER,
    "assist2017": assist2017.READER,
    "algebra2005": algebra2005.READER,
    "pykt": pykt.READER,
}

PUBLISHED |= {name: (reader.columns, reader.public_name) for name, reader in READERS.items()}
