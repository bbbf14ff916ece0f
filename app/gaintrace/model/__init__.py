"""The dual encoder as stacked modules: every parameter has a leading member axis.

Shape letters, used in all modules of this package:

K   members: models trained side by side, each with its own parameters
S   streams: distinct seeds among the members; members of one seed read the same batches and dropout masks
B   sequences (student chunks) of a batch
T   positions: predictions of a sequence, one less than its interactions
D   model width;  H  heads;  F  feed-forward width;  C  skills
"""
