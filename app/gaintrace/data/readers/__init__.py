"""Readers of public data sets, by name. A reader turns raw files into answers in time order."""

from gaintrace.data.readers import (
    assist2009,
    assist2012,
    assist2015,
    assist2017,
    ednet,
    kddcup,
    nips_task34,
    poj,
    pykt,
    statics2011,
    xes3g5m,
)
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
    "nips_task34": nips_task34.READER,
    "ednet": ednet.READER,
    "ednet5000": ednet.SAMPLE,
    "xes3g5m": xes3g5m.READER,
    "pykt": pykt.READER,
}

PUBLISHED |= {name: (reader.columns, reader.public_name) for name, reader in READERS.items()}
