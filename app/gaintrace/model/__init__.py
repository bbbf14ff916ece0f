"""The dual encoder as stacked modules: every parameter has a leading member axis.

Shape letters, used in all modules of this package:

K   members: models trained side by side, each with its own parameters
S   streams: distinct seeds among the members; members of one seed read the same batches and dropout masks
N   tokens of a batch: interactions of all its sequences, one sequence after another
B   sequences (student chunks) of a group of equally padded ones;  T  their positions
D   model width;  H  heads;  F  feed-forward width;  C  skills
"""
