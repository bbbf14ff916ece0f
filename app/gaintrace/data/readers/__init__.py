"""Readers of public data sets, by name. A reader turns raw files into answers in time order."""

from gaintrace.data.readers import assist2009, assist2012, assist2015, assist2017, kddcup, poj, pykt, statics2011
from gaintrace.data.readers.answers import Reader
from gaintrace.data.readers.common import PUBLISHED

READERS: dict[str, Reader] = {
    "assist2009": assist2009.READER,
    "assist2012": assist2012.READER,
    "assist2015": assist2015.READER,
    "assist2017": assist2017.READER,
    "algebra2005": kddcup.ALGEBRA2005,
    "bridge2algebra2006": kddcup.BRIDGE2ALGEBRA2006,
    "statics2011": statics2011.READER,
    "poj": poj.READER,
    "pykt": pykt.READER,
}

PUBLISHED |= {name: (reader.columns, reader.public_name) for name, reader in READERS.items()}
